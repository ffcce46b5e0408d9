# SPDX-License-Identifier: GPL-3.0-or-later
"""How many pixels the pictures in a GLB unpack to: a small file can hold more than any memory does."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, NamedTuple, cast

from .images import size_in

Entries = Sequence[dict[str, Any]]
Views = Sequence[tuple[int, int, int]]
"""Of each buffer view: which buffer, and the first byte and the number of bytes in it."""


class Picture(NamedTuple):
    """One picture of a GLB. number: its index in the document. length: bytes. file: begins where it does."""

    number: int
    length: int
    file: BinaryIO


def count_texels(images: Entries, views: Views, buffers: Entries, file: BinaryIO, start: int) -> int:
    """Pixels of all pictures together; one whose size is not told in its first bytes counts as none.

    images, buffers: the lists of the glTF document. file, start: where its binary chunk begins.
    """
    total = 0
    for picture in pictures(images, views, buffers, file, start):
        width, height = size_in(picture.file) or (0, 0)
        total += max(0, width) * max(0, height)
    return total


def pictures(
    images: Entries, views: Views, buffers: Entries, file: BinaryIO, start: int
) -> Iterator[Picture]:
    """The pictures that have content, in the order of the document; arguments as of `count_texels`."""
    unpacked: dict[int, bytes] = {}
    for number, image in enumerate(images):
        uri, index = image.get("uri"), image.get("bufferView")
        if isinstance(uri, str):
            content = unpack(uri)
            yield Picture(number, len(content), BytesIO(content))
        elif isinstance(index, int) and 0 <= index < len(views):
            buffer, first, length = views[index]
            uri = buffers[buffer].get("uri")
            if not isinstance(uri, str):
                if buffer == 0:  # any other without a URI has no data
                    yield Picture(number, length, cast(BinaryIO, _Part(file, start + first, length)))
                continue
            if buffer not in unpacked:
                unpacked[buffer] = unpack(uri)
            content = unpacked[buffer][first : first + length]
            yield Picture(number, len(content), BytesIO(content))


class _Part(RawIOBase):
    """A part of a file as a file of its own, so that no more than a size is read of it."""

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        self._file, self._first, self._length = file, first, length
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        remaining = max(0, self._length - self._at)
        self._file.seek(self._first + self._at)
        content = self._file.read(remaining if size < 0 else min(size, remaining))
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset + (self._at if whence else 0)
        return self._at


def unpack(uri: str) -> bytes:
    """The content of a data URI; nothing where it has none."""
    try:
        return a2b_base64(uri.partition(",")[2])
    except ValueError:  # no base64, or no ASCII
        return b""
