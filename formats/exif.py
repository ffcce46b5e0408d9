# SPDX-License-Identifier: GPL-3.0-or-later
"""How a camera was held, which a photo tells in its Exif and Blender does not look at. Knows no bpy."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from .png import Pixels

ORIENTATION = 0x0112
UPRIGHT = 1

_MOST = 256
"""Segments, chunks or tags that are looked at."""


def orientation_of(path: Path) -> int:
    """1 to 8, as Exif counts them, of a JPEG, WebP or TIFF; UPRIGHT where it is not told."""
    try:
        with path.open("rb") as file:
            start = _start_of_tags(file)
            found = UPRIGHT if start is None else _look_up(file, start)
    except (OSError, ValueError, struct.error):
        return UPRIGHT
    return found if 1 <= found <= 8 else UPRIGHT


def upright(rows: Pixels, orientation: int) -> Pixels:
    """Pixels (height, width, …), top row first, turned and flipped as the orientation asks for."""
    code = orientation - 1
    if code & 4:
        rows = rows.swapaxes(0, 1)
    if code & 2:
        rows = rows[::-1]
    if code & 3 in (1, 2):
        rows = rows[:, ::-1]
    return rows


def _start_of_tags(file: BinaryIO) -> int | None:
    """Where the TIFF begins that holds the tags; a TIFF is that itself."""
    head = file.read(12)
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return 0
    if head.startswith(b"\xff\xd8\xff"):
        return _in_jpeg(file)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return _in_webp(file)
    return None


def _in_jpeg(file: BinaryIO) -> int | None:
    file.seek(2)
    for _ in range(_MOST):
        marker, code, length = struct.unpack(">BBH", file.read(4))
        if marker != 0xFF or code == 0xDA:  # from here on there are pixels
            return None
        if code == 0xFF:  # a fill byte
            file.seek(-3, 1)
            continue
        start = file.tell()
        if code == 0xE1 and file.read(6) == b"Exif\0\0":
            return start + 6
        file.seek(start + length - 2)
    return None


def _in_webp(file: BinaryIO) -> int | None:
    for _ in range(_MOST):
        name, length = struct.unpack("<4sI", file.read(8))
        start = file.tell()
        if name == b"EXIF":
            return start + (6 if file.read(6) == b"Exif\0\0" else 0)  # which some write here, too
        file.seek(start + length + length % 2)
    return None


def _look_up(file: BinaryIO, start: int) -> int:
    """The orientation in the first directory of the TIFF that begins at `start`."""
    file.seek(start)
    order = "<" if file.read(4).startswith(b"II") else ">"
    file.seek(start + struct.unpack(order + "I", file.read(4))[0])
    (count,) = struct.unpack(order + "H", file.read(2))
    for _ in range(min(count, _MOST)):
        tag, _kind, _count, value = struct.unpack(order + "HHIHxx", file.read(12))
        if tag == ORIENTATION:
            return value
    return UPRIGHT
