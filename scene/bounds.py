# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are, and how large: world space, also where Blender has not worked it out yet."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
from mathutils import Matrix, Vector

Bounds = tuple[Vector, Vector]
"""Lowest and highest corner."""


def corners_bounds(corners: Iterable[Vector]) -> Bounds:
    """The bounds of some points; of none: of the origin."""
    points = [*corners] or [Vector()]
    return (
        Vector([min(point[axis] for point in points) for axis in range(3)]),
        Vector([max(point[axis] for point in points) for axis in range(3)]),
    )


def world_matrix(item: bpy.types.Object) -> Matrix:
    """`matrix_world` of an object, also where Blender has not worked it out yet."""
    own = item.matrix_parent_inverse @ item.matrix_basis
    return world_matrix(item.parent) @ own if item.parent else own


def bounds(objects: Iterable[bpy.types.Object]) -> Bounds:
    """The bounds of all meshes among the objects, world space."""
    return corners_bounds(
        world_matrix(item) @ Vector(corner)
        for item in objects
        if item.type == "MESH"
        for corner in item.bound_box
    )
