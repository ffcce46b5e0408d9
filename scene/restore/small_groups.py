# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertex groups of very few vertices, between which a lighter mesh may have none: sockets, pins, markers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import bpy
from mathutils.bvhtree import BVHTree
from mathutils.interpolate import poly_3d_calc

from ..meshes import mesh_of
from .matching import Match
from .surfaces import Surface

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def transfer_small_groups(match: Match, old: bpy.types.Object, new: bpy.types.Object) -> None:
    """Make sure that each group with weights in `old` has some in `new`, the result of `match`.

    Each vertex of a group without any gives its weight to the corners of the nearest face, so that whatever
    depends on the group stays in place. Vertices of one part in one place, at a seam, count as one.
    """
    if not old.vertex_groups:
        return
    weights, remaining = _weights(old), _weights(new)
    gone = [name for name in weights if name not in remaining]
    if not gone:
        return
    sent, made = _joints(mesh_of(old), match.old.parts), _joints(mesh_of(new), match.parts)
    faces: Any = mesh_of(new).polygons
    tree = BVHTree.FromPolygons(
        [vertex.co[:] for vertex in mesh_of(new).vertices], [face.vertices[:] for face in faces]
    )
    for name in gone:
        group = new.vertex_groups.get(name) or new.vertex_groups.new(name=name)
        joints = {sent[vertex][0]: weight for vertex, weight in weights[name].items()}
        for vertex, weight in _spread(mesh_of(old), joints, mesh_of(new), made, tree).items():
            group.add(made[vertex], min(weight, 1.0), "REPLACE")


def _joints(mesh: bpy.types.Mesh, parts: Array) -> list[list[int]]:
    """For each vertex those of its part that are in its place, the first one first.

    parts: of the triangles.
    """
    import numpy as np

    surface = Surface(mesh)
    owners = np.full(len(surface.points), -1)
    owners[surface.vertices] = parts[:, None]
    keys = list(zip(surface.places.tolist(), owners.tolist(), strict=True))
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for vertex, key in enumerate(keys):
        found[key].append(vertex)
    return [found[key] for key in keys]


def _weights(item: bpy.types.Object) -> Mapping[str, dict[int, float]]:
    """The weights of the vertices that are in a group, by its name; groups without any are left out."""
    names = [group.name for group in item.vertex_groups]
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for vertex in mesh_of(item).vertices:
        for entry in vertex.groups:
            if entry.weight > 0.0 and entry.group < len(names):
                found[names[entry.group]][vertex.index] = entry.weight
    return found


def _spread(
    old: bpy.types.Mesh,
    weights: Mapping[int, float],
    new: bpy.types.Mesh,
    joints: Sequence[Sequence[int]],
    tree: BVHTree,
) -> dict[int, float]:
    """The weights of vertices of `old` on the first of the `joints` of `new`, whose faces are in `tree`."""
    found: dict[int, float] = defaultdict(float)
    for vertex, weight in weights.items():
        place, _normal, face, _distance = tree.find_nearest(old.vertices[vertex].co)
        if place is None or face is None:
            continue
        corners: Any = new.polygons[face].vertices
        around: Any = [new.vertices[corner].co for corner in corners]
        shares = poly_3d_calc(around, place[:])
        for corner, share in zip(corners, shares, strict=True):
            found[joints[corner][0]] += weight * share
    return {corner: weight for corner, weight in found.items() if weight > 0.0}
