# SPDX-License-Identifier: GPL-3.0-or-later
"""How many pixels the pictures in a GLB unpack to: a small file can hold more than any memory does."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, cast

from .images import size_in

Entries = Sequence[dict[str, Any]]
Views = Sequence[tuple[int, int, int]]
"""Of each buffer view: which buffer, and the first byte and the number of bytes in it."""


def count_texels(images: Entries, views: Views, buffers: Entries, file: BinaryIO, start: int) -> int:
    """Pixels of all pictures together; one whose size is not told in its first bytes counts as none.

    images, buffers: the lists of the glTF document. file, start: where its binary chunk begins.
    """
    total = 0
    for picture in _pictures(images, views, buffers, file, start):
        width, height = size_in(picture) or (0, 0)
        total += max(0, width) * max(0, height)
    return total


def _pictures(
    images: Entries, views: Views, buffers: Entries, file: BinaryIO, start: int
) -> Iterator[BinaryIO]:
    unpacked: dict[int, BinaryIO] = {}
    for image in images:
        uri, index = image.get("uri"), image.get("bufferView")
        if isinstance(uri, str):
            yield BytesIO(_unpack(uri))
        elif isinstance(index, int) and 0 <= index < len(views):
            buffer, first, length = views[index]
            uri = buffers[buffer].get("uri")
            if not isinstance(uri, str):
                if buffer == 0:  # any other without a URI has no data
                    yield cast(BinaryIO, _Part(file, start + first, length))
                continue
            if buffer not in unpacked:
                unpacked[buffer] = BytesIO(_unpack(uri))
            yield cast(BinaryIO, _Part(unpacked[buffer], first, length))


class _Part(RawIOBase):
    """A part of a file as a file of its own, so that no more than a size is read of it."""

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        self._file, self._first, self._length = file, first, length
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self._length - self._at)
        self._file.seek(self._first + self._at)
        content = self._file.read(left if size < 0 else min(size, left))
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset + (self._at if whence else 0)
        return self._at


def _unpack(uri: str) -> bytes:
    try:
        return a2b_base64(uri.partition(",")[2])
    except ValueError:  # no base64, or no ASCII
        return b""
