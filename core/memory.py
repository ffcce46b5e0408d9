# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory and disk there is."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path


class _Status(ctypes.Structure):
    """MEMORYSTATUSEX of Windows: learn.microsoft.com/windows/win32/api/sysinfoapi."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        ("physical", ctypes.c_ulonglong),
        ("available", ctypes.c_ulonglong),
        ("others", ctypes.c_ulonglong * 5),
    )


def free_memory() -> int | None:
    """Bytes that a program can take before the system swaps; None where the system does not say.

    macOS has no such figure: there it is all that the machine has.
    """
    with suppress(OSError, ValueError, AttributeError):
        if sys.platform == "win32":
            status = _Status(length=ctypes.sizeof(_Status))
            is_filled = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
            return int(status.available) if is_filled else None
        if sys.platform == "linux":
            for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def free_disk(folder: Path) -> int | None:
    """Bytes that can be written to the disk of a folder; None where the system does not say."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None
