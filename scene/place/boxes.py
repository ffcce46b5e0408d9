# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects into whose bounds models are fitted: any that has some, or one that was made for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from mathutils import Matrix, Vector

from ...core.destination import DatablockRef
from ..bounds import corners_bounds, world_matrix
from ..lookup import find
from .collections import takes_objects

BOX = "generio_box"
"""Custom property of a box that was made to be filled; the model takes its place."""

FLAT = 1e-5
"""What is thinner, as a share of its longest side, is flat: a turned plane is never quite."""

SOLID = frozenset({"MESH", "CURVE", "SURFACE", "META", "FONT", "VOLUME"})
"""Types of objects that have bounds of their own."""


def make_box(context: bpy.types.Context, size: float) -> bpy.types.Object:
    """A box that stands at the 3D cursor, to be moved and scaled until a model takes its place."""
    box = bpy.data.objects.new("Model Box", None)
    box.empty_display_type = "CUBE"
    box.empty_display_size = size / 2
    box[BOX] = True
    home = context.collection if takes_objects(context.collection) else context.scene.collection
    home.objects.link(box)
    box.location = context.scene.cursor.location + Vector((0.0, 0.0, size / 2))
    return box


def box_of(box: DatablockRef) -> bpy.types.Object | None:
    """The object into whose bounds a model is to be fitted, see `transform_model`; None where it is gone."""
    return find(bpy.data.objects, box.name, box.uid)


def chosen_box(context: bpy.types.Context) -> bpy.types.Object | None:
    """The selected object whose bounds are meant, the active one first; a light or a camera has none."""
    item = context.active_object
    if item is not None and item.select_get() and any(sides_of(item)):
        return item
    return next((other for other in context.selected_objects if any(sides_of(other))), None)


def box_matrix(item: bpy.types.Object) -> Any:
    """Takes the unit cube on its base (x, y from -0.5 to 0.5, z from 0 to 1) to the bounds of an object."""
    if item.type == "EMPTY" and item.empty_display_type == "IMAGE" and item.data is not None:
        low, high = _picture_bounds(item)
    elif item.type == "EMPTY" and not _is_instance(item):
        half = item.empty_display_size
        low, high = Vector((-half, -half, -half)), Vector((half, half, half))
    else:
        low, high = corners_bounds(_corners(item, {}))
    base: Any = Vector(((low.x + high.x) / 2, (low.y + high.y) / 2, low.z))
    size: Any = high - low
    return item.matrix_world @ Matrix.Translation(base) @ Matrix.Diagonal((*size, 1.0))


def _picture_bounds(item: Any) -> tuple[Vector, Vector]:
    """Where an empty shows its image, whose longer side is as long as it says."""
    width, height = (max(1, pixels) for pixels in item.data.size)
    scale = item.empty_display_size / max(width, height)
    low = Vector(
        (width * scale * item.empty_image_offset[0], height * scale * item.empty_image_offset[1], 0.0)
    )
    return low, low + Vector((width * scale, height * scale, 0.0))


def _is_instance(item: bpy.types.Object) -> bool:
    return item.instance_type == "COLLECTION" and item.instance_collection is not None


def _corners(item: bpy.types.Object, known: dict[Any, list[Vector]]) -> Iterator[Vector]:
    """Points whose bounds are those of what an object shows, in its own space."""
    if _is_instance(item):
        yield from _corners_inside(item.instance_collection, known)
    else:
        yield from (Vector(corner) for corner in item.bound_box)


def _corners_inside(collection: Any, known: dict[Any, list[Vector]]) -> list[Vector]:
    """The same of an instance of `collection`; known: of those that were looked into before."""
    if collection not in known:
        known[collection] = []  # one that holds an instance of itself, as Blender allows, ends here
        offset = Matrix.Translation(-collection.instance_offset)
        points: list[Vector] = []
        for part in collection.all_objects:
            if part.type in SOLID or _is_instance(part):
                inside = offset @ world_matrix(part)
                points += [inside @ corner for corner in _corners(part, known)]
        if points:
            ends = corners_bounds(points)
            known[collection] = [Vector((x.x, y.y, z.z)) for x in ends for y in ends for z in ends]
    return known[collection]


def box_place(box: bpy.types.Object) -> Matrix:
    """Where a model stands in a box: turned as that is, never mirrored, in the middle of its lower side."""
    orientation: Any = box.matrix_world.to_3x3()
    if orientation.determinant() < 0.0:  # mirrored along the axis that explains it with the least of a turn
        signs = [[-1.0 if axis == mirrored else 1.0 for axis in range(3)] for mirrored in range(3)]
        ways = [(orientation @ Matrix.Diagonal(row)).to_quaternion() for row in signs]
        rotation = max(ways, key=lambda way: (round(abs(way.w), 4), (way @ Vector((0.0, 0.0, 1.0))).z))
    else:
        rotation = orientation.to_quaternion()
    middle = box_matrix(box) @ Vector((0.0, 0.0, 0.5))
    down = rotation @ Vector((0.0, 0.0, -sides_of(box)[2] / 2))
    return Matrix.LocRotScale(middle + down, rotation, None)


def sides_of(box: bpy.types.Object) -> list[float]:
    """The lengths of a box's sides, 0.0 where it is flat; of a mirrored one, too."""
    lengths = [abs(length) for length in box_matrix(box).to_scale()]
    return [length if length > FLAT * max(lengths) else 0.0 for length in lengths]
