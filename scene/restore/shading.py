# SPDX-License-Identifier: GPL-3.0-or-later
"""Flat stays flat, smooth stays smooth, and sharp edges stay sharp.

A GLB has normals and no marks. Blender's importer makes custom normals of them, which follow no later change
of the shape. So a mesh that had none gets marks like those of the mesh that was sent, and no custom normals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..meshes import mesh_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SPLIT = 0.999
"""Cosine of the angle from which on the normals on the two sides of an edge differ."""

NEAR_ENDS = 0.1
NEAR_MIDDLE = 0.25
"""How far the ends and the middle of an edge may be off the sharp one, as shares of its length."""

FLAT = "sharp_face"
SHARP = "sharp_edge"


def keep_shading(old: bpy.types.Mesh, item: bpy.types.Object) -> None:
    """Shade the mesh of `item`, which is to stand for `old`, as that is, unless that has custom normals.

    Both have faces, in the same space.
    """
    if old.has_custom_normals:
        return
    new = mesh_of(item)
    flat, sharp = _flat_faces(old, new), _sharp_edges(old, new)
    if new.has_custom_normals:  # which are an attribute only from Blender 4.5 on
        with bpy.context.temp_override(object=item, active_object=item):
            bpy.ops.mesh.customdata_custom_splitnormals_clear()
    for name in (FLAT, SHARP):
        if name in new.attributes:
            new.attributes.remove(new.attributes[name])
    _mark(new, FLAT, "FACE", flat)
    _mark(new, SHARP, "EDGE", sharp)


def _mark(mesh: bpy.types.Mesh, name: str, domain: Any, values: Array) -> None:
    if values.any():
        attribute: Any = mesh.attributes.new(name, "BOOLEAN", domain)
        attribute.data.foreach_set("value", values)


def _marks(mesh: bpy.types.Mesh, name: str, count: int) -> Array:
    import numpy as np  # takes longer to import than all of the add-on, and is needed here only

    values = np.zeros(count, dtype=bool)
    attribute: Any = mesh.attributes.get(name)
    if attribute is not None:
        attribute.data.foreach_get("value", values)
    return values


def _flat_faces(old: bpy.types.Mesh, new: bpy.types.Mesh) -> Array:
    """For each face of `new` whether the one of `old` that it lies on is flat."""
    import numpy as np
    from mathutils.bvhtree import BVHTree

    flat = _marks(old, FLAT, len(old.polygons))
    if flat.all() or not flat.any():
        return np.full(len(new.polygons), flat[0])
    points = _values(old.vertices, "co", np.float32, 3)
    corners = _values(old.loops, "vertex_index", np.int32)
    ends = _values(old.polygons, "loop_start", np.int32)[1:]
    tree = BVHTree.FromPolygons(points.tolist(), [face.tolist() for face in np.split(corners, ends)])
    centers = _values(new.polygons, "center", np.float32, 3)
    return np.array([flat[tree.find_nearest(center)[2]] for center in centers.tolist()])


def _sharp_edges(old: bpy.types.Mesh, new: bpy.types.Mesh) -> Array:
    """For each edge of `new` whether it is one of `old` that is sharp, or what has become of some."""
    import numpy as np

    sharp = _marks(old, SHARP, len(old.edges))
    if not sharp.any():
        return np.zeros(len(new.edges), dtype=bool)
    theirs, ours = _edges(old), _edges(new)
    keys = _keys(np.concatenate([theirs, ours]))
    known, first = np.unique(keys[: len(theirs)], return_index=True)
    places = np.searchsorted(known, keys[len(theirs) :]).clip(max=len(known) - 1)
    is_known = known[places] == keys[len(theirs) :]
    found = is_known & sharp[first[places]]
    candidates = np.flatnonzero(~is_known & _splits(new))
    found[candidates] = _near(ours[candidates], theirs[sharp])
    return found


def _edges(mesh: bpy.types.Mesh) -> Array:
    """Where the two ends of each edge are, N x 2 x 3."""
    import numpy as np

    points = _values(mesh.vertices, "co", np.float32, 3) + np.float32(0)  # -0.0 is the same place
    return points[_values(mesh.edges, "vertices", np.int32, 2)]


def _keys(edges: Array) -> Array:
    """A number for each edge, the same for those in the same place, whichever end comes first."""
    import numpy as np

    ends = np.unique(edges.reshape(-1, 3), axis=0, return_inverse=True)[1].reshape(-1, 2).astype(np.int64)
    return ends.min(axis=1) * (int(ends.max()) + 1) + ends.max(axis=1)


def _splits(mesh: bpy.types.Mesh) -> Array:
    """For each edge whether the normals on its two sides differ at an end; all do where the GLB had none."""
    import numpy as np

    if not mesh.has_custom_normals:
        return np.ones(len(mesh.edges), dtype=bool)
    normals = _values(mesh.corner_normals, "vector", np.float32, 3)
    vertices = _values(mesh.loops, "vertex_index", np.int32)
    edges = _values(mesh.loops, "edge_index", np.int32)
    following = np.arange(1, len(vertices) + 1)
    starts = _values(mesh.polygons, "loop_start", np.int32)
    following[starts + _values(mesh.polygons, "loop_total", np.int32) - 1] = starts
    # Each edge of each face with each of its ends; the same edge of another face is its neighbor.
    both, ends = np.concatenate([edges, edges]), np.concatenate([vertices, vertices[following]])
    seen = np.concatenate([normals, normals[following]])
    order = np.lexsort((ends, both))
    both, ends, seen = both[order], ends[order], seen[order]
    same = (both[1:] == both[:-1]) & (ends[1:] == ends[:-1])
    differ = (seen[1:] * seen[:-1]).sum(axis=1) < SPLIT
    splits = np.zeros(len(mesh.edges), dtype=bool)
    splits[both[1:][same & differ]] = True
    return splits


def _near(edges: Array, sharp: Array) -> Array:
    """For each of `edges` whether it lies along `sharp` ones."""
    import numpy as np
    from mathutils import Vector
    from mathutils.bvhtree import BVHTree

    lines = [(2 * number, 2 * number + 1, 2 * number + 1) for number in range(len(sharp))]
    tree = BVHTree.FromPolygons(sharp.reshape(-1, 3).tolist(), lines)

    def is_near(ends: list[list[float]]) -> bool:
        one, other = map(Vector, ends)
        places = ((one, NEAR_ENDS), (other, NEAR_ENDS), ((one + other) / 2, NEAR_MIDDLE))
        reach = (one - other).length
        return all(tree.find_nearest(place, share * reach)[0] is not None for place, share in places)

    return np.array([is_near(ends) for ends in edges.tolist()], dtype=bool)


def _values(data: Any, field: str, kind: Any, size: int = 1) -> Array:
    import numpy as np

    values = np.empty((len(data), size) if size > 1 else len(data), dtype=kind)
    data.foreach_get(field, values.ravel())
    return values
