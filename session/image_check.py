# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of picture was chosen, so that drawing need not open its file. Knows no bpy."""

from __future__ import annotations

import threading
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from ..core.errors import InputRefused, UnsupportedFile
from ..core.messages import EMPTY, Message
from ..formats.images import detect_image, picture_size


class Look(NamedTuple):
    """What is known of a picture's file."""

    version: str
    note: str = ""
    problem: Message = EMPTY


def look_at(path: Path, kinds: Container[str]) -> Look:
    """What kind of picture the file is; knows no bpy. kinds: suffixes of what Blender can read."""
    version = version_of(path)
    size = picture_size(path)
    try:
        known = detect_image(path) or size or path.suffix.lower() in kinds
    except InputRefused as error:
        return Look(version, problem=error.message)
    if not known:
        return Look(version, problem=UnsupportedFile.message)
    kind = path.suffix[1:].upper()
    return Look(version, f"{size[0]} x {size[1]}, {kind}" if size else kind)


def version_of(path: Path) -> str:
    """What differs whenever the file at `path` was written anew; "" where there is none."""
    try:
        return str(path.stat().st_mtime_ns)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return ""


class Looking(threading.Thread):
    """Looks at a file again, which may take long: the drive may be asleep, or at the end of a network."""

    def __init__(self, path: Path, known: str, kinds: Container[str]) -> None:
        super().__init__(name="generio-look", daemon=True)
        self.path = path
        self.known = known
        self.found: Look | None = None
        self._kinds = kinds

    def run(self) -> None:
        if version_of(self.path) != self.known:
            self.found = look_at(self.path, self._kinds)
