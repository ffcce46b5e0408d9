# SPDX-License-Identifier: GPL-3.0-or-later
"""What an optimized mesh has become, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .meshes import mesh_of, triangle_count

if TYPE_CHECKING:
    import numpy as np

SAMPLES = 10_000
"""Points on each surface from which the distance to the other one is taken."""


def comparison(before: bpy.types.Object, after: bpy.types.Object, scene: bpy.types.Scene) -> dict[str, Any]:
    """Figures of two mesh objects that stand at the origin of `scene`.

    "before" and "after": see `figures`. "drift": how far the corners of the bounding box have moved at most,
    "deviation": "mean" and "max" distance between the surfaces, sampled from both; all as shares of the
    diagonal of `before`.
    """
    import numpy as np

    old, new = _points(mesh_of(before)), _points(mesh_of(after))
    low, high = old.min(axis=0), old.max(axis=0)
    diagonal = float(np.linalg.norm(high - low)) or 1.0
    drift = float(max(np.abs(new.min(axis=0) - low).max(), np.abs(new.max(axis=0) - high).max()))
    scene.view_layers[0].update()
    depsgraph = scene.view_layers[0].depsgraph
    assert depsgraph is not None
    distances = np.concatenate(
        [_distances(before, old, after, depsgraph), _distances(after, new, before, depsgraph)]
    )
    return {
        "before": figures(before),
        "after": figures(after),
        "drift": drift / diagonal,
        "deviation": {
            "mean": float(distances.mean()) / diagonal,
            "max": float(distances.max()) / diagonal,
        },
    }


def figures(item: bpy.types.Object) -> dict[str, int]:
    """Counts of the mesh of `item`, and what its textures take in a graphics card: 4 bytes for each pixel."""
    mesh = mesh_of(item)
    materials = {slot.material for slot in item.material_slots if slot.material}
    images = {
        node.image  # type: ignore[attr-defined]
        for material in materials
        if material.node_tree
        for node in material.node_tree.nodes
        if node.type == "TEX_IMAGE" and node.image  # type: ignore[attr-defined]
    }
    return {
        "triangles": triangle_count(mesh),
        "vertices": len(mesh.vertices),
        "materials": len(materials),
        "texture_bytes": sum(4 * image.size[0] * image.size[1] for image in images),
    }


def _points(mesh: bpy.types.Mesh) -> np.ndarray[Any, Any]:
    """The vertices, N x 3."""
    import numpy as np

    points = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.attributes["position"].data.foreach_get("vector", points)  # type: ignore[attr-defined]
    return points.reshape(-1, 3)


def _distances(
    source: bpy.types.Object,
    points: np.ndarray[Any, Any],
    target: bpy.types.Object,
    depsgraph: bpy.types.Depsgraph,
) -> np.ndarray[Any, Any]:
    """From random points all over the surface of `source` to that of `target`; the same ones each time."""
    import numpy as np
    from mathutils.bvhtree import BVHTree

    mesh = mesh_of(source)
    mesh.calc_loop_triangles()
    corners = np.empty(len(mesh.loop_triangles) * 3, dtype=np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    first, second, third = (points[corners[start::3]] for start in range(3))
    areas = np.linalg.norm(np.cross(second - first, third - first), axis=1).astype(np.float64)
    total = areas.sum()
    dice = np.random.default_rng(0)
    chosen = dice.choice(len(areas), SAMPLES, p=areas / total) if total else np.zeros(SAMPLES, dtype=np.int32)
    one, other = dice.random((2, SAMPLES, 1))
    root = np.sqrt(one)  # evenly over the triangle
    samples = (1 - root) * first[chosen] + root * (1 - other) * second[chosen] + root * other * third[chosen]
    tree = BVHTree.FromObject(target, depsgraph)
    return np.array([tree.find_nearest(sample)[3] or 0.0 for sample in samples.tolist()])
