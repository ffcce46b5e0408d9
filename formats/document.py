# SPDX-License-Identifier: GPL-3.0-or-later
"""A checked GLB that is read further: its document, and the bytes that the document points to."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, cast

from .glb import read_document
from .images import read_head
from .texels import Picture, pictures, unpack


class View(NamedTuple):
    """Where bytes are: which buffer, the first byte and the number of bytes in it, and the stride (0 = none).

    packed: whether an extension has to unpack it first.
    """

    buffer: int
    first: int
    length: int
    stride: int
    packed: bool


class GlbFile:
    """A GLB whose content can be read; a context manager, since it keeps the file open.

    Raises what `glb.check_glb` does.
    """

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size if read_head(path) else 0
        """Bytes of the file."""
        self._file = path.open("rb")
        try:
            self.document = read_document(self._file, self.size)
            self._file.seek(12)
            (length,) = struct.unpack("<I", self._file.read(4))
        except BaseException:
            self._file.close()
            raise
        self._binary = 28 + length  # behind two heads of chunks
        self._views = [_view(entry) for entry in self.objects("bufferViews")]
        self._unpacked: dict[int, bytes] = {}

    def __enter__(self) -> GlbFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def objects(self, key: str) -> list[dict[str, Any]]:
        """The members of a list of the document, with their indices kept."""
        return objects(self.document, key)

    def view(self, index: object) -> View | None:
        """The buffer view of that index, if there is one."""
        return self._views[index] if isinstance(index, int) and 0 <= index < len(self._views) else None

    def content(self, view: View) -> bytes:
        """The bytes of a view; those of a buffer that has no data are none."""
        uri = self.objects("buffers")[view.buffer].get("uri")
        if isinstance(uri, str):
            if view.buffer not in self._unpacked:
                self._unpacked[view.buffer] = unpack(uri)
            return self._unpacked[view.buffer][view.first : view.first + view.length]
        if view.buffer:
            return b""
        self._file.seek(self._binary + view.first)
        return self._file.read(view.length)

    def pictures(self) -> Iterator[Picture]:
        """The pictures that are in it."""
        views = [(view.buffer, view.first, view.length) for view in self._views]
        return pictures(self.objects("images"), views, self.objects("buffers"), self._file, self._binary)


def objects(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The members of a list; what is no object counts as an empty one."""
    value = parent.get(key)
    entries = cast(list[object], value) if isinstance(value, list) else []
    return [cast(dict[str, Any], entry) if isinstance(entry, dict) else {} for entry in entries]


def member(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """The object of that key, or an empty one."""
    value = parent.get(key)
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def count(parent: dict[str, Any], key: str) -> int:
    """The number of that key where it is a positive integer, else 0."""
    value = parent.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _view(entry: dict[str, Any]) -> View:
    return View(
        count(entry, "buffer"),
        count(entry, "byteOffset"),
        count(entry, "byteLength"),
        count(entry, "byteStride"),
        bool(member(entry, "extensions")),
    )
