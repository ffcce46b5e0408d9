# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom normals beside marks of sharp edges and flat faces, neither of which may change the other.

Blender keeps custom normals relative to *fans*: the corners at a vertex between which there is no sharp edge
and no flat face. If it is given normals that differ within a fan, it marks edges as sharp until they do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .surfaces import components, values_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SPLIT = 0.999
"""Cosine of the angle from which on two normals differ."""

CUSTOM_NORMAL = "custom_normal"
"""The attribute that holds them from Blender 4.5 on."""

FREE = "FLOAT_VECTOR"
"""The type of that attribute where normals are kept as they are, relative to nothing."""


class Fans:
    """Which corners of a mesh have one normal.

    faces: of the corners. joined: of each two corners at whose edges two faces hang together smoothly, the
    one of the one face and that of the other, N x 2; the edges begin there.
    """

    def __init__(self, mesh: bpy.types.Mesh, flat: Array, sharp: Array) -> None:
        import numpy as np  # takes longer to import than all of the add-on, and is needed here only

        count = len(mesh.loops)
        vertices, edges = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
        mesh.loops.foreach_get("vertex_index", vertices)
        mesh.loops.foreach_get("edge_index", edges)
        starts = np.empty(len(mesh.polygons), dtype=np.int32)
        mesh.polygons.foreach_get("loop_start", starts)
        totals = np.diff(starts, append=count)
        self._following = np.arange(1, count + 1)
        self._following[starts + totals - 1] = starts
        self.faces = np.repeat(np.arange(len(starts)), totals)
        order = np.argsort(edges, kind="stable")
        uses = np.bincount(edges, minlength=len(mesh.edges))
        first = (np.cumsum(uses) - uses)[uses == 2]
        one, other = order[first], order[first + 1]
        smooth = ~sharp[uses == 2] & ~flat[self.faces[one]] & ~flat[self.faces[other]]
        smooth &= vertices[one] == vertices[self._following[other]]  # else one of the faces is turned over
        self.edges = np.flatnonzero(uses == 2)[smooth]
        self.joined = np.stack([one[smooth], other[smooth]], axis=1)

    def mean(self, normals: Array) -> Array:
        """`normals`, of the corners, the same within each fan."""
        import numpy as np

        one, other = self.joined.T
        fans = components(
            len(normals),
            np.concatenate([one, self._following[one]]),
            np.concatenate([self._following[other], other]),
        )
        return _means(normals, fans)


def facets(mesh: bpy.types.Mesh, fans: Fans) -> Array:
    """For each face whether it looks flat: all that smoothly hangs together there has its own normals."""
    import numpy as np

    along = (values_of(mesh.corner_normals, "vector", 3) * face_normals(mesh)[fans.faces]).sum(axis=1) > SPLIT
    patches = components(len(mesh.polygons), *fans.faces[fans.joined].T)
    bent = np.bincount(patches[fans.faces], ~along, len(patches)) > 0
    return ~bent[patches]


def face_normals(mesh: bpy.types.Mesh) -> Array:
    """The normals of the faces by their shape; the mesh's own list of them may be of custom normals."""
    return values_of(mesh.polygons, "normal", 3)


def set_normals(old: bpy.types.Mesh, new: bpy.types.Mesh, fans: Fans, normals: Array) -> None:
    """Give `new`, which has none, custom normals, kept in the way in which `old` keeps its own.

    normals: of the corners. Edges that Blender marks as sharp because of them are the caller's.
    """
    import numpy as np

    former: Any = old.attributes.get(CUSTOM_NORMAL)
    if former is None or former.data_type != FREE:
        new.normals_split_custom_set(fans.mean(normals))  # type: ignore[arg-type]
        return
    made: Any = new.attributes.new(CUSTOM_NORMAL, FREE, former.domain)
    if former.domain != "CORNER":
        owners = fans.faces
        if former.domain == "POINT":
            owners = np.empty(len(normals), dtype=np.int32)
            new.loops.foreach_get("vertex_index", owners)
        means = np.zeros((len(made.data), 3), dtype=np.float32)
        means[owners] = _means(normals, owners)
        normals = means
    made.data.foreach_set("vector", normals.astype(np.float32).ravel())


def _means(normals: Array, groups: Array) -> Array:
    """For each of `normals` the mean of its group, of length 1."""
    import numpy as np

    sums = np.stack([np.bincount(groups, column) for column in normals.T], axis=1)[groups]
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), normals)
