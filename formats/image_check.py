# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of picture was chosen, so that drawing need not open its file. Knows no bpy."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import InputRefused, UnsupportedFile
from ..core.messages import EMPTY, Message, sentences
from .images import detect_image, picture_size

SUPPORTED = Message("Use a PNG, JPEG, WebP or TIFF picture, or another that Blender can read.")


class ImageCheck(NamedTuple):
    """What is known of a picture's file."""

    version: str
    note: str = ""
    problem: Message = EMPTY

    def to_data(self) -> list[Any]:
        """This, as JSON has it."""
        return [self.version, self.note, self.problem.to_data()]

    @classmethod
    def from_data(cls, data: list[Any]) -> ImageCheck:
        """What `to_data` gave."""
        version, note, problem = data
        return cls(version, note, Message.from_data(problem))


def check_image(path: Path, kinds: Container[str]) -> ImageCheck:
    """What kind of picture the file is; knows no bpy. kinds: suffixes of what Blender can read."""
    version = version_of(path)
    size = picture_size(path)
    try:
        known = detect_image(path) or size or path.suffix.lower() in kinds
    except InputRefused as error:
        return ImageCheck(version, problem=error.message)
    if not known:
        return ImageCheck(version, problem=sentences(UnsupportedFile.message, SUPPORTED))
    kind = path.suffix[1:].upper()
    return ImageCheck(version, f"{size[0]} x {size[1]}, {kind}" if size else kind)


def version_of(path: Path) -> str:
    """What differs whenever the file at `path` was written anew; "" where there is none."""
    try:
        return str(path.stat().st_mtime_ns)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return ""


def check_if_changed(path: Path, known: str, kinds: Container[str]) -> ImageCheck | None:
    """What kind of picture a file is by now; None where that is still the version that is `known`.

    May take long: the drive may be asleep, or at the end of a network.
    """
    return check_image(path, kinds) if version_of(path) != known else None
