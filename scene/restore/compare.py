# SPDX-License-Identifier: GPL-3.0-or-later
"""What an optimized mesh has become, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..meshes import mesh_of, triangle_count
from ..nodes import images_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LEAST_SAMPLES, MOST_SAMPLES = 1_000, 10_000
"""Points on each surface from which the distance to the other one is taken."""

SAMPLES_EACH = 4
"""So many for each triangle of the finer surface, within these limits."""


def comparison(
    before: bpy.types.Object, after: bpy.types.Object, graph: bpy.types.Depsgraph
) -> dict[str, Any]:
    """Figures of two mesh objects, in the space of their meshes. graph: has both of them, as they are.

    "before" and "after": see `figures`. "drift": how far the corners of the bounding box have moved at most,
    "deviation": "mean" and "max" distance between the surfaces, sampled from both; all as shares of the
    diagonal of `before`.
    """
    import numpy as np  # takes longer to import than all of the add-on, and is needed here only

    old, new = _triangles(mesh_of(before)), _triangles(mesh_of(after))
    low, high = old.min(axis=(0, 1)), old.max(axis=(0, 1))
    diagonal = float(np.linalg.norm(high - low)) or 1.0
    drift = max(np.abs(new.min(axis=(0, 1)) - low).max(), np.abs(new.max(axis=(0, 1)) - high).max())
    count = min(max(SAMPLES_EACH * max(len(old), len(new)), LEAST_SAMPLES), MOST_SAMPLES)
    to_new, to_old = _distances(old, after, graph, count), _distances(new, before, graph, count)
    distances = np.concatenate([to_new, to_old]) / diagonal
    return {
        "before": figures(before),
        "after": figures(after),
        "drift": float(drift) / diagonal,
        "deviation": {"mean": float(distances.mean()), "max": float(distances.max())},
    }


def figures(item: bpy.types.Object) -> dict[str, int]:
    """Counts of the mesh of `item`, and what its textures take in a graphics card: 4 bytes for each pixel."""
    mesh = mesh_of(item)
    materials = {slot.material for slot in item.material_slots if slot.material}
    return {
        "triangles": triangle_count(mesh),
        "vertices": len(mesh.vertices),
        "materials": len(materials),
        "texture_bytes": sum(4 * image.size[0] * image.size[1] for image in images_of(materials)),
    }


def _triangles(mesh: bpy.types.Mesh) -> Array:
    """The corners of the triangles, N x 3 x 3."""
    import numpy as np

    points = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", points)
    mesh.calc_loop_triangles()
    corners = np.empty(len(mesh.loop_triangles) * 3, dtype=np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    return points.astype(np.float64).reshape(-1, 3)[corners].reshape(-1, 3, 3)


def _distances(source: Array, target: bpy.types.Object, graph: bpy.types.Depsgraph, count: int) -> Array:
    """From `count` random points all over the surface `source` to that of `target`; the same each time."""
    import numpy as np
    from mathutils.bvhtree import BVHTree

    areas = np.linalg.norm(np.cross(source[:, 1] - source[:, 0], source[:, 2] - source[:, 0]), axis=1)
    dice = np.random.default_rng(0)
    shares = areas / areas.sum() if areas.sum() else None
    chosen = source[dice.choice(len(source), count, p=shares)]
    one, other = dice.random((2, count, 1))
    root = np.sqrt(one)  # evenly over the triangle
    points = (1 - root) * chosen[:, 0] + root * ((1 - other) * chosen[:, 1] + other * chosen[:, 2])
    tree = BVHTree.FromObject(target, graph)  # from lists of numbers, it would take some 600 bytes a triangle
    return np.array([tree.find_nearest(point)[3] or 0.0 for point in points.tolist()])
