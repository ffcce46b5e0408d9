# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of picture a file is, told by its content and never by its name."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..core.errors import UnreadableFile
from ..core.messages import Message

SENDABLE = frozenset({"image/png", "image/jpeg", "image/webp", "image/tiff"})
"""Types that the service takes (contract V8); every other picture has to become a PNG first."""

_MOST_SEGMENTS = 256
"""Of a JPEG, looked at before its size is given up."""

_MOST_TAGS = 256
"""Of a TIFF."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"v/1\x01", "image/x-exr"),
    (b"#?RADIANCE", "image/vnd.radiance"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
)


def detect_image(path: Path) -> str | None:
    """MIME type of the picture at `path`, or None when it is none that this module knows.

    Raises UnreadableFile when there is nothing to read.
    """
    head = read_head(path)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES if head.startswith(signature)), None)


def check_regular(path: Path) -> None:
    """Raise UnreadableFile for a pipe or device: it may be read once only, and whoever opens it may wait.

    What is missing raises nothing here.
    """
    with suppress(OSError, ValueError):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UnreadableFile(
                Message('The file "{name}" is a pipe or device.', name=path.name),
                Message("Save its output as a file first."),
            )


def read_head(path: Path, count: int = 16) -> bytes:
    """Read a file's first bytes; raises UnreadableFile when it is missing, empty or no file."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(count)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UnreadableFile.because(path, error) from error
    if not head:
        raise UnreadableFile(Message('The file "{name}" is empty.', name=path.name))
    return head


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, JPEG, WebP, GIF, BMP or TIFF, read from its first bytes.

    None where they are not told there, or the file is none of these, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return size_in(file)
    except (OSError, ValueError):
        return None


def size_in(file: BinaryIO) -> tuple[int, int] | None:
    """As `picture_size`, for a picture that begins where `file` begins."""
    try:
        head = file.read(32)
        if head.startswith(b"\x89PNG") and head[12:16] == b"IHDR":
            return struct.unpack(">II", head[16:24])
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp_size(head)
        if head.startswith(b"GIF8"):
            return struct.unpack("<HH", head[6:10])
        if head.startswith(b"BM"):
            width, height = struct.unpack("<ii", head[18:26])
            return width, abs(height)
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg_size(file)
        if head[:4] in (b"II*\x00", b"MM\x00*"):
            return _tiff_size(file, "<" if head[:1] == b"I" else ">")
    except (OSError, ValueError, struct.error):
        pass
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    if head[12:16] == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Skip from segment to segment up to the one that begins a frame."""
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        marker, code = file.read(2)
        if marker != 0xFF:
            return None
        if code == 0xFF:  # a fill byte
            file.seek(-1, 1)
            continue
        length = int.from_bytes(file.read(2), "big")
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)
    return None


def _tiff_size(file: BinaryIO, order: str) -> tuple[int, int] | None:
    """Look the two tags up in the first directory."""
    file.seek(4)
    file.seek(struct.unpack(order + "I", file.read(4))[0])
    found: dict[int, int] = {}
    (count,) = struct.unpack(order + "H", file.read(2))
    for _ in range(min(count, _MOST_TAGS)):
        entry = file.read(12)
        tag, kind = struct.unpack(order + "HH", entry[:4])
        if tag in (256, 257):
            short = kind == 3
            found[tag] = struct.unpack(order + "IH"[short], entry[8 : 10 if short else 12])[0]
    return (found[256], found[257]) if len(found) == 2 else None
