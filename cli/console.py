# SPDX-License-Identifier: GPL-3.0-or-later
"""What the streams of a command can do, which differs between systems."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from typing import TextIO

_TAKES_ESCAPES = 4
"""ENABLE_VIRTUAL_TERMINAL_PROCESSING of SetConsoleMode."""


def prepare(stream: TextIO | None) -> None:
    """Let a stream show each name: one that it cannot show is to stop nothing.

    Windows gives pipes and files the encoding of a time before UTF-8; PYTHONIOENCODING says otherwise.
    """
    if not isinstance(stream, TextIOWrapper):
        return
    stream.reconfigure(errors="backslashreplace")
    if sys.platform == "win32" and not stream.isatty() and "PYTHONIOENCODING" not in os.environ:
        stream.reconfigure(encoding="utf-8")


def is_broken_pipe(error: OSError) -> bool:
    """Whether a write failed since nobody reads any more, as after `q` in `more`."""
    # The C library of Windows has no word of its own for that.
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)


def takes_escapes(stream: TextIO) -> bool:
    """Whether what is drawn on a stream can be drawn over; on Windows that is turned on where it can be."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return False
    if sys.platform != "win32":
        return True
    import ctypes
    import msvcrt

    try:
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(stream.fileno()))
    except OSError:  # io.UnsupportedOperation is one
        return False
    mode = ctypes.c_uint32()
    kernel = ctypes.WinDLL("kernel32")
    return bool(
        kernel.GetConsoleMode(handle, ctypes.byref(mode))
        and kernel.SetConsoleMode(handle, mode.value | _TAKES_ESCAPES)
    )
