# SPDX-License-Identifier: GPL-3.0-or-later
"""Small facts about mesh objects."""

from __future__ import annotations

from typing import cast

import bpy


def mesh_of(item: bpy.types.Object) -> bpy.types.Mesh:
    """The mesh of an object of type MESH."""
    return cast(bpy.types.Mesh, item.data)


def users_of(mesh: bpy.types.Mesh) -> list[bpy.types.Object]:
    """The objects that have this mesh."""
    return [item for item in bpy.data.objects if item.data == mesh]


def triangle_count(mesh: bpy.types.Mesh) -> int:
    """How many triangles the faces of `mesh` make, n-gons included, without looking at any face.

    A face of n corners makes n - 2 triangles.
    """
    return len(mesh.loops) - 2 * len(mesh.polygons)
