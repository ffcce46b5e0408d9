# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a mesh and its materials that refer to nothing but each other and their images.

A partial .blend takes along whatever the data in it refer to, and what that refers to in turn: a driver that
reads a rig brings the rig, a coordinate that is measured from an object brings its mesh. Copies cost next to
nothing, since they share their arrays with the originals; materials that refer to nothing are not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import bpy

from ...formats.raw_pixels import RawPicture
from ..bake.settings import unbaked
from ..markers import ORIGINAL
from ..meshes import drop_broken
from .image_capture import capture_image

SaveImage = Callable[[RawPicture], Path]
"""Takes a picture that is in no file; returns the path of the PNG that it is going to be."""


@contextmanager
def isolated_copy(
    name: str,
    source: bpy.types.Object,
    mesh: bpy.types.Mesh,
    save_image: SaveImage,
    beside: Mapping[str, bpy.types.Mesh] = MappingProxyType({}),
) -> Iterator[bpy.types.Object]:
    """Yield a temporary object `name` with a copy of `mesh` and of the materials that `source` shows.

    save_image: saves images that exist only in memory, because they were painted and never saved. beside:
    further meshes by name; each becomes an object without materials in the custom property of that name.
    """
    copies = _Copies(save_image)
    try:
        shape = copies.of(mesh)
        drop_broken(shape)
        for index, slot in enumerate(source.material_slots[: len(shape.materials)]):
            if slot.link == "OBJECT":  # what modifiers make has others than the mesh, in other places
                shape.materials[index] = unbaked(slot.material)
        for index, material in enumerate(shape.materials):
            shape.materials[index] = copies.of_material(material) if material else None
        bare = bpy.data.objects.new(name, shape)
        copies.made.append(bare)
        bare.show_only_shape_key = True  # the first one, which is the mesh as it was made
        for property_name, other in beside.items():
            bare[property_name] = copies.without_materials(other)
        yield bare
    finally:
        bpy.data.batch_remove(copies.made)


class _Copies:
    """Makes the copies, each original's once, and remembers them."""

    def __init__(self, save_image: SaveImage) -> None:
        self.made: list[bpy.types.ID] = []
        self._save_image = save_image
        self._of: dict[bpy.types.ID, Any] = {}

    def of(self, item: Any) -> Any:
        """A copy without animation and custom properties, either of which may refer to anything."""
        copy = item.copy()
        self.made.append(copy)
        self._of[item] = copy
        for owner in (copy, getattr(copy, "node_tree", None), getattr(copy, "shape_keys", None)):
            if owner is not None:
                owner.animation_data_clear()
        for name in list(copy.keys()):
            del copy[name]
        copy[ORIGINAL] = item.name
        return copy

    def without_materials(self, mesh: bpy.types.Mesh) -> bpy.types.Object:
        """An object with a copy of `mesh` whose slots are empty."""
        shape = self.of(mesh)
        drop_broken(shape)
        for index in range(len(shape.materials)):
            shape.materials[index] = None  # to clear them would set the index of every face
        item = bpy.data.objects.new("GENERIO beside", shape)
        item.show_only_shape_key = True
        self.made.append(item)
        return item

    def of_material(self, material: bpy.types.Material) -> bpy.types.Material:
        """A copy of `material`, or itself where it needs none."""
        if material not in self._of:
            if not _refers(material):
                return material
            self._strip(self.of(material).node_tree)
        return cast(bpy.types.Material, self._of[material])

    def _group(self, tree: Any) -> Any:
        if tree not in self._of:
            self._strip(self.of(tree))
        return self._of[tree]

    def _strip(self, tree: Any) -> None:
        for node in tree.nodes if tree else ():
            for name in [name for name, value in node.items() if isinstance(value, bpy.types.ID)]:
                del node[name]
            if getattr(node, "object", None) is not None:
                node.object = None
            if getattr(node, "node_tree", None) is not None:
                node.node_tree = self._group(node.node_tree)
            if _is_painted(node):
                node.image = self._image(node.image)

    def _image(self, image: Any) -> Any:
        if image not in self._of:
            path = self._save_image(capture_image(image))
            copy = self.of(image)  # has the settings, and none of the pixels
            copy.source = "FILE"
            copy.filepath_raw = str(path)
            if image.is_float and image.colorspace_settings.name != "Non-Color":
                copy.colorspace_settings.name = "sRGB"  # as which `capture_image` writes it
        return self._of[image]


def _refers(owner: Any) -> bool:
    """Whether a material, a tree or a node refers to more than textures, or to one that is in no file."""
    animation, tree = getattr(owner, "animation_data", None), getattr(owner, "node_tree", None)
    return (
        (animation is not None and len(animation.drivers) > 0)
        or any(isinstance(value, bpy.types.ID) for value in owner.values())
        or getattr(owner, "object", None) is not None
        or _is_painted(owner)
        or (tree is not None and _refers(tree))
        or any(map(_refers, getattr(owner, "nodes", ())))
    )


def _is_painted(node: Any) -> bool:
    """Whether a node shows an image with changes that are in memory only."""
    image = getattr(node, "image", None)
    return image is not None and image.is_dirty
