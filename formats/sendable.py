# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a model can be sent: it is whole, and its like could be opened when it comes back."""

import math
import struct
import sys
from array import array
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..core.errors import ResultUnusable, TexturesTooLarge, UnsupportedFile, UnusableModel
from ..core.messages import Message
from .glb import MAGIC, read_document
from .images import read_head

FARTHEST = 1e18
"""Coordinates that can be measured with: the squares of larger ones are infinite in single precision."""

_FLOAT = 5126  # componentType, glTF 2.0, section 3.6.2.2
_POINT = 12  # bytes of three of them
_PIECE = 1 << 16  # points that are read at once


def check_sendable(path: Path) -> None:
    """Check the GLB at `path` before it is paid for. Raises InputRefused's classes."""
    if not read_head(path).startswith(MAGIC):
        raise UnsupportedFile(
            Message('The file "{name}" is not a GLB model.', name=path.name), Message("Export it as GLB.")
        )
    try:
        with path.open("rb") as file:
            document = read_document(file, path.stat().st_size)
            broken = _has_broken_positions(document, file)
    except TexturesTooLarge as error:
        raise UnusableModel(
            error.message, Message("Give it smaller textures, or choose a smaller Texture Limit.")
        ) from None
    except ResultUnusable as error:
        raise UnusableModel(error.message) from None
    if broken:
        raise UnusableModel(
            Message("The model has vertices without a valid position."),
            Message("Delete these vertices, and export the model again."),
        )


def _has_broken_positions(document: dict[str, Any], file: BinaryIO) -> bool:
    """Whether any coordinate of a vertex is no number, or too large to be one.

    document: of a GLB that has been checked. What is compressed, sparse or in a data URI is not looked at.
    """
    file.seek(12)
    (length,) = struct.unpack("<I", file.read(4))
    binary = 28 + length  # behind two heads of chunks
    accessors, views, buffers = (_objects(document, key) for key in ("accessors", "bufferViews", "buffers"))
    if not buffers or "uri" in buffers[0]:
        return False
    for index in _positions(document):
        accessor = accessors[index] if index < len(accessors) else {}
        view = accessor.get("bufferView")
        if accessor.get("componentType") != _FLOAT or not isinstance(view, int):
            continue
        described = views[view]
        if described.get("buffer") == 0 and "extensions" not in described:
            start = binary + _count(described, "byteOffset") + _count(accessor, "byteOffset")
            stride = max(_POINT, _count(described, "byteStride"))
            if not _are_somewhere(file, start, _count(accessor, "count"), stride):
                return True
    return False


def _positions(document: dict[str, Any]) -> set[int]:
    """The accessors of places."""
    found: set[int] = set()
    for mesh in _objects(document, "meshes"):
        for primitive in _objects(mesh, "primitives"):
            attributes = primitive.get("attributes")
            if isinstance(attributes, dict) and "POSITION" in attributes:
                found.add(_count(cast(dict[str, Any], attributes), "POSITION"))
    return found


def _are_somewhere(file: BinaryIO, start: int, count: int, stride: int) -> bool:
    """Whether so many points, one each `stride` bytes, are no farther away than FARTHEST."""
    file.seek(start)
    while count > 0:
        content = file.read(min(count, _PIECE) * stride)
        count -= _PIECE
        if stride > _POINT:
            points = (content[place : place + _POINT] for place in range(0, len(content), stride))
            content = b"".join(points)
        numbers = array("f", content[: len(content) // 4 * 4])
        if sys.byteorder == "big":
            numbers.byteswap()
        # What is no number makes the sum none, too; a double holds more than floats can add up to.
        if numbers and not (
            math.isfinite(sum(numbers)) and -FARTHEST <= min(numbers) <= max(numbers) <= FARTHEST
        ):
            return False
    return True


def _objects(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = parent.get(key)
    entries = cast(list[object], value) if isinstance(value, list) else []
    return [cast(dict[str, Any], entry) if isinstance(entry, dict) else {} for entry in entries]


def _count(parent: dict[str, Any], key: str) -> int:
    value = parent.get(key)
    return value if isinstance(value, int) and value > 0 else 0
