# SPDX-License-Identifier: GPL-3.0-or-later
"""Flat stays flat, smooth stays smooth, and sharp edges stay sharp.

A GLB has normals and no marks. Blender's importer makes custom normals of them, which follow no later change
of the shape. So the result gets marks like those of the mesh that was sent, and custom normals only if that
has some. What looked flat has the normals of its own faces, whatever a service has made of them.
"""

from __future__ import annotations

from math import radians
from typing import TYPE_CHECKING, Any

import bpy

from ...core.messages import Message
from ..meshes import mesh_of
from .matching import Match
from .normals import SPLIT, Fans, face_normals, facets, set_normals
from .surfaces import values_of
from .transfer import NORMAL_STEP, transferred_values

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NEAR_ENDS = 0.1
NEAR_MIDDLE = 0.25
"""How far the ends and the middle of an edge may be from a sharp edge, as shares of its length."""

VISIBLE = radians(6.0)
"""The user is told if normals have turned by more than this beyond their faces, on average by area."""

OTHER_NORMALS = Message(
    "The shading does not match the custom normals. The option Custom Normals transfers them."
)

FLAT = "sharp_face"
SHARP = "sharp_edge"


def transfer_shading(
    match: Match, old: bpy.types.Mesh, item: bpy.types.Object, brings: bool
) -> list[Message]:
    """Shade the mesh of `item`, the result of `match`, like `old`, which it replaces.

    brings: whether custom normals are transferred; otherwise those that came stay, if any came. Returns
    remarks for the user.
    """
    new = mesh_of(item)
    under = match.old.faces[match.triangles[_first_triangles(match)]]
    flat, sharp = _marks(old, FLAT, len(old.polygons)), _marks(old, SHARP, len(old.edges))
    came = values_of(new.corner_normals, "vector", 3) if new.has_custom_normals and not brings else None
    looks_flat = facets(old, Fans(old, flat, sharp))[under] if old.has_custom_normals else None
    flat, sharp = flat[under], _sharp_edges(old, new, sharp)
    if new.has_custom_normals:  # which are an attribute only from Blender 4.5 on
        with bpy.context.temp_override(object=item, active_object=item):
            bpy.ops.mesh.customdata_custom_splitnormals_clear()
    _set_marks(new, flat, sharp)
    if looks_flat is None:
        return []
    theirs = transferred_values(match, values_of(old.corner_normals, "vector", 3), NORMAL_STEP)
    _set_normals(old, new, looks_flat, theirs if came is None else came)
    return [OTHER_NORMALS] if _differs(match, new, theirs) else []


def _set_normals(old: bpy.types.Mesh, new: bpy.types.Mesh, looks_flat: Array, normals: Array) -> None:
    """Give `new` custom normals: faces that look flat get their own normal, all others `normals`.

    If `old` has sharp edges, the edges of faces that look flat become sharp, too; no others do.
    """
    import numpy as np  # takes longer to import than all of the add-on, and is needed here only

    flat, sharp = _marks(new, FLAT, len(new.polygons)), _marks(new, SHARP, len(new.edges))
    fans, own = Fans(new, flat, sharp), face_normals(new)
    ends = fans.faces[fans.joined]
    bent = (own[ends[:, 0]] * own[ends[:, 1]]).sum(axis=1) < SPLIT
    if _marks(old, SHARP, len(old.edges)).any():
        sharp[fans.edges[looks_flat[ends].any(axis=1) & bent]] = True
        _set_marks(new, flat, sharp)  # which normals are kept relative to
        fans = Fans(new, flat, sharp)
    set_normals(old, new, fans, np.where(looks_flat[fans.faces][:, None], own[fans.faces], normals))
    _set_marks(new, flat, sharp)


def _differs(match: Match, new: bpy.types.Mesh, theirs: Array) -> bool:
    """Whether the shading of `new` visibly differs from `theirs` by more than the faces have changed."""
    import numpy as np

    triangles = match.new.first_triangles // 3
    lengths = np.linalg.norm(theirs, axis=1, keepdims=True)
    off = _angles(values_of(new.corner_normals, "vector", 3), theirs / np.maximum(lengths, 1e-6))
    bent_by = _angles(match.new.normals, match.old.normals[match.triangles])[triangles]
    areas = match.new.areas[triangles]
    return float((np.maximum(off - bent_by, 0.0) * areas).sum()) > VISIBLE * float(areas.sum())


def _angles(ones: Array, others: Array) -> Array:
    import numpy as np

    return np.arccos(np.clip((ones * others).sum(axis=1), -1.0, 1.0))


def _set_marks(mesh: bpy.types.Mesh, flat: Array, sharp: Array) -> None:
    """Mark these faces and edges, and no others."""
    attributes: Any = mesh.attributes
    for name, domain, values in ((FLAT, "FACE", flat), (SHARP, "EDGE", sharp)):
        if name in attributes:
            attributes.remove(attributes[name])
        if values.any():
            attributes.new(name, "BOOLEAN", domain).data.foreach_set("value", values)


def _marks(mesh: bpy.types.Mesh, name: str, count: int) -> Array:
    import numpy as np

    values = np.zeros(count, dtype=bool)
    attribute: Any = mesh.attributes.get(name)
    if attribute is not None:
        attribute.data.foreach_get("value", values)
    return values


def _first_triangles(match: Match) -> Array:
    """For each face of the result the first of its triangles."""
    import numpy as np

    return np.unique(match.new.faces, return_index=True)[1]


def _sharp_edges(old: bpy.types.Mesh, new: bpy.types.Mesh, sharp: Array) -> Array:
    """For each edge of `new`, whether it is a `sharp` edge of `old`, or what became of one."""
    import numpy as np

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
