# SPDX-License-Identifier: GPL-3.0-or-later
"""Which corners of a result are one vertex: those that were one in what was sent, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .matching import Match
from .surfaces import components, material_indices, set_material_indices, values_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FIELDS = {
    "FLOAT": ("value", 1),
    "INT": ("value", 1),
    "INT8": ("value", 1),
    "BOOLEAN": ("value", 1),
    "FLOAT2": ("vector", 2),
    "FLOAT_VECTOR": ("vector", 3),
    "FLOAT_COLOR": ("color", 4),
    "BYTE_COLOR": ("color", 4),
}
"""The types of attributes that an import makes: what their elements have, and how many numbers."""

ON_RIM = 0.75
"""So much of the weights of a place is that of vertices on rims, if it lies on a rim itself."""

FOLDED = -0.5
"""The cosine of the angle between two triangles that lie almost on each other."""

SHAPE = frozenset({"position", "material_index", "sharp_face", "sharp_edge", "custom_normal"})
"""Attributes that are set in other ways, beside those whose names begin with a dot."""


def weld(mesh: bpy.types.Mesh, match: Match) -> None:
    """Close `mesh`, the result of `match`, where a GLB has a vertex more than once; open it between parts.

    A GLB splits a mesh at UV seams, hard edges and between materials, where modifiers would tear it open, and
    a service may have joined parts that only touched. The corners stay, in their order. Where normals differ
    edges become sharp.
    """
    import numpy as np

    keys = _keys(match)
    _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)  # vertices stay in the order in which the faces name them
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order))
    loops = ranks[numbers.reshape(-1)]
    pairs = len(np.unique(match.new.loops.astype(np.int64) * len(loops) + loops))
    if pairs == len(first) == len(mesh.vertices):
        return
    _rebuild(mesh, loops, match.new.loops[first[order]])


def _keys(match: Match) -> Array:
    """For each corner of the result a number; those with the same one are one vertex.

    Faces hang together over sides that lie on each other. Where a vertex was that was sent it is that one, of
    several in one place the one on whose side the face is.
    """
    import numpy as np

    old, new = match.old, match.new
    ones, others = _paired_sides(match)
    closed = ~_were_open(match, ones, others)
    groups = _joined(match, ones[closed], others[closed])
    sent = old.loops[old.corners[match.found, match.weights.argmax(axis=1)]].astype(np.int64)
    same = (old.points[sent] == new.points[new.loops]).all(axis=1)
    known = np.full(len(groups), -1)
    known[groups[same]] = sent[same]
    keys = np.where(known[groups] >= 0, known[groups], groups + len(old.points))
    keys[same] = sent[same]
    ours = keys[new.corners]
    broken = new.corners[(ours == np.roll(ours, 1, axis=1)).any(axis=1)].ravel()
    keys[broken] = broken + int(keys.max()) + 1  # no face may have a vertex twice
    return keys


def around(match: Match) -> Array:
    """For each corner of the result a number, the same where faces hang together, also over seams."""
    return _joined(match, *_paired_sides(match))


def _joined(match: Match, ones: Array, others: Array) -> Array:
    """For each corner of the result a number; those that pairs of sides join have the same one."""
    import numpy as np

    flat, following = match.new.corners.ravel(), np.roll(match.new.corners, -1, axis=1).ravel()
    return components(
        len(match.new.loops),
        np.concatenate([flat[ones], following[ones]]),
        np.concatenate([following[others], flat[others]]),
    )


def _paired_sides(match: Match) -> tuple[Array, Array]:
    """Pairs of sides of triangles (3 t + k) of one part that lie on each other."""
    import numpy as np

    new = match.new
    begin = new.places[new.vertices].ravel()
    end = np.roll(new.places[new.vertices], -1, axis=1).ravel()
    lines = _numbers(np.minimum(begin, end) * len(new.points) + np.maximum(begin, end))
    groups = _numbers(lines * (int(match.parts.max()) + 1) + np.repeat(match.parts, 3))
    forth, back = np.flatnonzero(begin < end), np.flatnonzero(begin > end)
    back = back[np.argsort(groups[back], kind="stable")]
    counts = np.bincount(groups[back], minlength=int(groups.max()) + 1)
    starts = np.cumsum(counts) - counts
    ones = forth[counts[groups[forth]] > 0]
    others = back[starts[groups[ones]]]
    # Layers that touch: to each side belongs the one that it had been next to, or that looks the same way.
    best = _affinity(match, ones, others)
    for number in range(1, int(counts.max())):
        able = np.flatnonzero(counts[groups[ones]] > number)
        candidates = back[starts[groups[ones[able]]] + number]
        affinity = _affinity(match, ones[able], candidates)
        better = affinity > best[able]
        best[able[better]], others[able[better]] = affinity[better], candidates[better]
    return ones, others


def _affinity(match: Match, ones: Array, others: Array) -> Array:
    normals = match.new.normals
    alike = (normals[ones // 3] * normals[others // 3]).sum(axis=1)
    return alike + 2.0 * _were_next(match, ones, others)


def _were_next(match: Match, ones: Array, others: Array) -> Array:
    """Whether the triangles that were sent under pairs of sides have a vertex in common."""
    import numpy as np

    flat, following = match.new.corners.ravel(), np.roll(match.new.corners, -1, axis=1).ravel()
    one = match.old.vertices[match.found[flat[ones]]]
    other = match.old.vertices[match.found[following[others]]]
    return np.logical_or.reduce([(one == np.roll(other, turn, axis=1)).any(axis=1) for turn in range(3)])


def _were_open(match: Match, ones: Array, others: Array) -> Array:
    """Which pairs of sides that lie on each other did not belong together in what was sent.

    Both come from rims; or they only lie in the same place, folded, and what was there was not connected.
    """
    import numpy as np

    old, new = match.old, match.new
    flat, following = new.corners.ravel(), np.roll(new.corners, -1, axis=1).ravel()
    on_rim = (match.weights * old.on_rim[old.vertices[match.found]]).sum(axis=1) > ON_RIM
    rims = on_rim[flat] & on_rim[following]
    opened = rims[ones] & rims[others]
    vertices = new.loops
    shared = vertices[flat[ones]] == vertices[following[others]]
    shared &= vertices[following[ones]] == vertices[flat[others]]
    folded = (new.normals[ones // 3] * new.normals[others // 3]).sum(axis=1) < FOLDED
    doubted = np.flatnonzero(folded & ~shared)
    opened[doubted] |= ~_were_next(match, ones[doubted], others[doubted])
    return opened


def _numbers(keys: Array) -> Array:
    import numpy as np

    return np.unique(keys, return_inverse=True)[1].reshape(-1)


def _rebuild(mesh: bpy.types.Mesh, loops: Array, sources: Array) -> None:
    """Give the corners of `mesh` other vertices. sources: for each of these the present one that it is."""
    import numpy as np

    shaped = mesh.has_custom_normals
    normals = values_of(mesh.corner_normals, "vector", 3) if shaped else None
    attributes: Any = mesh.attributes  # which take a tenth of the time of the elements' own properties
    points = values_of(attributes["position"].data, "vector", 3)[sources]
    starts = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    materials = material_indices(mesh)
    smooth = np.empty(len(mesh.polygons), dtype=bool)
    mesh.polygons.foreach_get("use_smooth", smooth)
    kept = [taken for attribute in mesh.attributes if (taken := _take(attribute, sources)) is not None]
    mesh.clear_geometry()
    mesh.vertices.add(len(points))
    mesh.loops.add(len(loops))
    mesh.polygons.add(len(starts))
    attributes["position"].data.foreach_set("vector", points.ravel())
    attributes[".corner_vert"].data.foreach_set("value", loops)
    mesh.polygons.foreach_set("loop_start", starts)
    set_material_indices(mesh, materials)
    mesh.polygons.foreach_set("use_smooth", smooth)
    mesh.update(calc_edges=True)
    for name, kind, domain, field, values in kept:
        attributes.new(name, kind, domain).data.foreach_set(field, values.ravel())
    if normals is not None:
        mesh.normals_split_custom_set(normals)  # type: ignore[arg-type]


def _take(attribute: Any, sources: Array) -> tuple[str, str, str, str, Array] | None:
    """An attribute of vertices, corners or faces: name, type, domain, field and values, as they will be."""
    import numpy as np

    name, kind, domain = attribute.name, attribute.data_type, attribute.domain
    if name in SHAPE or name.startswith(".") or domain == "EDGE" or kind not in FIELDS:
        return None
    field, width = FIELDS[kind]
    types = {"BOOLEAN": bool, "INT": np.int32, "INT8": np.int8}
    values = np.empty((len(attribute.data), width), dtype=types.get(kind, np.float32))
    attribute.data.foreach_get(field, values.ravel())
    return name, kind, domain, field, values[sources] if domain == "POINT" else values
