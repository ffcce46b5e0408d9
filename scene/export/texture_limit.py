# SPDX-License-Identifier: GPL-3.0-or-later
"""The textures of what is sent may be smaller copies: the materials of the file keep the originals."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import bpy

LIMIT = "generio_texture_limit"
"""Custom property of the object in a snapshot: the fields of a TextureLimit."""

SIDES = (8192, 4096, 2048, 1024, 512, 256)
"""Pixels that the longest side of a texture may be limited to."""

SCALABLE = ("FILE", "GENERATED")
"""Sources of images that are one picture."""


class TextureLimit(NamedTuple):
    """How large the textures that are sent may be.

    side: pixels of the longest side; 0 for as many as `texels`, pixels of all together, allow.
    """

    side: int
    texels: int


def limit_textures(item: bpy.types.Object, limit: TextureLimit) -> None:
    """Make the images in the materials of `item` so small; they have to be copies."""
    sizes = sizes_of(item, _size_of_png)
    side = side_of(limit, sizes)
    for image, size in sizes.items():
        if max(size) > side:
            image.scale(*_scaled(size, side))


def sizes_of(
    item: bpy.types.Object, size_in: Callable[[BinaryIO], tuple[int, int] | None]
) -> dict[Any, tuple[int, int]]:
    """Width and height of the images in the materials of `item`.

    size_in: knows them from how a file begins, else None. Blender may have to unpack the image, which takes
    a second for one of 8K.
    """
    return {
        image: _size(image, size_in) for image in dict.fromkeys(_images(item)) if image.source in SCALABLE
    }


def side_of(limit: TextureLimit, sizes: Mapping[Any, tuple[int, int]]) -> int:
    """How long the longest side may be of images that have these sizes."""
    if limit.side:
        return limit.side
    present = max(map(max, sizes.values()), default=0)
    return next((side for side in (present, *SIDES) if _texels(sizes, side) <= limit.texels), SIDES[-1])


def _texels(sizes: Mapping[Any, tuple[int, int]], side: int) -> int:
    """Pixels of all together, if no side is longer."""
    return sum(width * height for width, height in (_scaled(size, side) for size in sizes.values()))


def _scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    factor = min(1.0, side / max(1, *size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _size(image: Any, size_in: Callable[[BinaryIO], tuple[int, int] | None]) -> tuple[int, int]:
    found = None
    if image.packed_file is not None:
        found = size_in(BytesIO(image.packed_file.data))
    elif image.source == "FILE" and (path := Path(bpy.path.abspath(image.filepath))).is_file():
        with path.open("rb") as file:
            found = size_in(file)
    return found or (image.size[0], image.size[1])


def _size_of_png(file: BinaryIO) -> tuple[int, int] | None:
    head = file.read(24)
    is_png = head.startswith(b"\x89PNG") and len(head) == 24
    return struct.unpack(">16xII", head) if is_png else None


def _images(item: bpy.types.Object) -> Iterator[Any]:
    for slot in item.material_slots:
        if slot.material is not None and slot.material.node_tree is not None:
            yield from _images_in(slot.material.node_tree)


def _images_in(tree: Any) -> Iterator[Any]:
    for node in tree.nodes:
        if getattr(node, "image", None) is not None:
            yield node.image
        if getattr(node, "node_tree", None) is not None:
            yield from _images_in(node.node_tree)
