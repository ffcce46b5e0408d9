# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes as `align` wants them, and back."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils.bvhtree import BVHTree

from ..meshes import mesh_of
from .align import EXACT, Array, Surface

SAME_PLACE = EXACT / 100
"""Vertices that are no farther from each other are at the same place; a share of the diagonal."""


def surface(scene: bpy.types.Scene, item: bpy.types.Object) -> Surface:
    """The surface of a mesh object without modifiers that is in `scene`, in the space of its mesh."""
    mesh = mesh_of(item)
    mesh.calc_loop_triangles()
    corners = np.empty(len(mesh.loop_triangles) * 3, dtype=np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    points = points_of(mesh).astype(np.float64)[corners].reshape(-1, 3, 3)
    return Surface(points, _Search(scene, item), _marks(mesh))


def points_of(mesh: bpy.types.Mesh) -> Array:
    """Where the vertices of `mesh` are, N x 3, in single precision."""
    points = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    position: Any = mesh.attributes["position"]  # a tenth of the time that the vertices' own property takes
    position.data.foreach_get("vector", points.ravel())
    return points


def _marks(mesh: bpy.types.Mesh) -> Array | None:
    """The UV coordinates of the first map, where there is one."""
    if not mesh.uv_layers:
        return None
    corners = np.empty(len(mesh.loop_triangles) * 3, dtype=np.int32)
    mesh.loop_triangles.foreach_get("loops", corners)
    coordinates = np.empty((len(mesh.loops), 2), dtype=np.float32)
    mesh.uv_layers[0].uv.foreach_get("vector", coordinates.ravel())
    return coordinates.astype(np.float64)[corners].reshape(-1, 3, 2)


class _Search:
    """Finds the nearest points of an object's surface, by a tree that is made when it is first asked."""

    def __init__(self, scene: bpy.types.Scene, item: bpy.types.Object) -> None:
        self._scene, self._item = scene, item
        self._tree: Any = None

    def __call__(self, points: Array) -> tuple[Array, Array]:
        if self._tree is None:
            graph = self._scene.view_layers[0].depsgraph
            assert graph is not None
            self._tree = BVHTree.FromObject(self._item, graph)
        found = [self._tree.find_nearest(point) for point in points.tolist()]
        # Of a result, all of whose faces are triangles, the face is the triangle.
        return np.array([place[:] for place, *_ in found]), np.array([face for *_, face, _ in found])


def snap(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    """Let the vertices of `new` be where those of `old` are that they are a rounding error away from."""
    ours, theirs = points_of(new), points_of(old)
    size = SAME_PLACE * float(np.linalg.norm(theirs.max(axis=0) - theirs.min(axis=0)))
    for shift in (0.5, 0.0):  # what is at the border of a cell of one grid is inside one of the other
        cells = np.round(np.concatenate([theirs, ours]).astype(np.float64) / size + shift).astype(np.int64)
        _, first, cell = np.unique(cells, axis=0, return_index=True, return_inverse=True)
        nearest = first[
            cell.ravel()[len(theirs) :]
        ]  # the first one in the cell: one of `old`, if there is one
        found = nearest < len(theirs)
        ours[found] = theirs[nearest[found]]
    new.vertices.foreach_set("co", ours.ravel())
    new.update()
