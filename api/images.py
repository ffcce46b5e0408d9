# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of picture a file is, told by its content and never by its name."""

from pathlib import Path

from .errors import UnreadableFile

SENDABLE = frozenset({"image/png", "image/jpeg", "image/webp", "image/tiff"})
"""Types that the service takes (contract V8); every other picture has to become a PNG first."""

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


def read_head(path: Path, count: int = 16) -> bytes:
    """Read a file's first bytes; raises UnreadableFile when it is missing, empty or a folder."""
    try:
        with path.open("rb") as file:
            head = file.read(count)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UnreadableFile(f"The file “{path.name}” cannot be read.") from error
    if not head:
        raise UnreadableFile(f"The file “{path.name}” is empty.")
    return head
