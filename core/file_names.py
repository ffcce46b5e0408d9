# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that files cannot have on Windows; whoever shares a folder would not find them there.

The rules are those of "Naming Files, Paths, and Namespaces" in Microsoft's documentation.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .messages import EMPTY, Message

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)

_FORBIDDEN = re.compile(r'[<>:"|?*\\/\x01-\x1f]')


def trouble(name: str) -> Message:
    """Why Windows takes no file of this name; EMPTY where it does."""
    if found := _FORBIDDEN.search(name):
        if found[0].isprintable():
            return Message("On Windows, no name may contain {character}", character=found[0])
        return Message("On Windows, no name may contain control characters")
    if _is_device(name):
        return Message("Windows reserves the name {name} for a device", name=_base(name))
    if name.endswith((".", " ")) and name.strip("."):
        return Message("On Windows, no name may end with a period or space")
    return EMPTY


def fitting(stem: str) -> str:
    """A stem as like this one as may be, with which any ending gives a name that Windows takes."""
    stem = _FORBIDDEN.sub("-", stem)
    return f"model-{stem}" if _is_device(stem) else stem


def absolute(path: str | Path) -> Path:
    """A path from its drive or root on, without a look at the disk: links stay, and ".." is taken literally.

    On Windows `os.path.abspath` would make other names of those that it does not take.
    """
    whole = Path(path).absolute()
    if whole.is_absolute():
        return Path(os.path.normpath(whole))
    return Path(os.path.abspath(whole))  # noqa: PTH100 - "c:name", which is relative to a folder of that drive


def _is_device(name: str) -> bool:
    return _base(name).casefold() in _DEVICES


def _base(name: str) -> str:
    """The part of a name that Windows compares with those of devices."""
    return name.partition(".")[0].rstrip(" ")
