# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface of a mesh as arrays: its triangles, and which of them hang together."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Surface:
    """The triangles of a mesh.

    points: of the vertices, V x 3; loops: the vertex of each corner; corners: of the triangles, T x 3, as
    numbers of corners; faces: the face of each triangle; uvs: for each UV map, two for each corner.
    """

    def __init__(self, mesh: bpy.types.Mesh) -> None:
        import numpy as np  # takes longer to import than all of the add-on, and is needed here only

        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        self.points = np.empty((len(mesh.vertices), 3), dtype=np.float32)
        position: Any = mesh.attributes[
            "position"
        ]  # a tenth of the time that the vertices' own property takes
        position.data.foreach_get("vector", self.points.ravel())
        self.points += 0.0  # there is no -0.0 in it now, which is the same place
        self.loops = np.empty(len(mesh.loops), dtype=np.int32)
        corner: Any = mesh.attributes[".corner_vert"]
        corner.data.foreach_get("value", self.loops)
        self.corners = np.empty((count, 3), dtype=np.int32)
        mesh.loop_triangles.foreach_get("loops", self.corners.ravel())
        self.faces = np.empty(count, dtype=np.int32)
        mesh.loop_triangles.foreach_get("polygon_index", self.faces)
        self.uvs = [values_of(layer.uv, "vector", 2) for layer in mesh.uv_layers]
        cross = np.cross(self.shape[:, 1] - self.shape[:, 0], self.shape[:, 2] - self.shape[:, 0])
        lengths = np.linalg.norm(cross, axis=1)
        self.areas = lengths / 2
        self.normals = cross / np.where(lengths > 0, lengths, 1.0)[:, None]

    @property
    def vertices(self) -> Array:
        """Of the triangles, T x 3."""
        return self.loops[self.corners]

    @property
    def shape(self) -> Array:
        """Where the corners of the triangles are, T x 3 x 3, in double precision."""
        return self.points[self.vertices].astype("float64")

    @cached_property
    def lengths(self) -> Array:
        """For each triangle the mean length of its sides."""
        import numpy as np

        shape = self.shape
        return np.linalg.norm(shape - np.roll(shape, 1, axis=1), axis=2).mean(axis=1)

    def uv_step(self, number: int) -> float:
        """How long a step in a UV map is on the surface; 0 where the map is a point or a line."""
        import numpy as np

        spots = self.uvs[number][self.corners].astype(np.float64)
        one, other = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
        area = float(np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]).sum()) / 2
        return float(np.sqrt(self.areas.sum() / area)) if area else 0.0

    @cached_property
    def first_triangles(self) -> Array:
        """For each corner a triangle that it belongs to, and which of its corners it is: 3 t + k."""
        import numpy as np

        first = np.zeros(len(self.loops), dtype=np.int64)
        flat = self.corners.ravel()
        first[flat[::-1]] = np.arange(len(flat))[::-1]
        return first

    @cached_property
    def places(self) -> Array:
        """For each vertex a number; vertices in one place have the same one."""
        return numbered(self.points)

    @cached_property
    def meeting(self) -> Array:
        """For each vertex the lowest one that sides without length lead to; mostly itself."""
        import numpy as np

        ends = self.vertices
        start, stop = ends.ravel(), np.roll(ends, -1, axis=1).ravel()
        short = self.places[start] == self.places[stop]
        return components(len(self.points), start[short], stop[short])

    @property
    def collapsed(self) -> Array:
        """For each triangle whether two of its corners are in one place."""
        places = self.places[self.vertices]
        return (places == places[:, [1, 2, 0]]).any(axis=1)

    @cached_property
    def rims(self) -> Array:
        """The sides of triangles, as 3 t + k, that no other triangle has by the same vertices."""
        import numpy as np

        start = self.vertices.ravel()
        stop = np.roll(self.vertices, -1, axis=1).ravel()
        _, inverse, counts = np.unique(
            _between(start, stop, len(self.points)), return_inverse=True, return_counts=True
        )
        return np.flatnonzero(counts[inverse.reshape(-1)] == 1)

    @cached_property
    def on_rim(self) -> Array:
        """For each vertex whether it is on a rim."""
        import numpy as np

        rim = np.zeros(len(self.points), dtype=bool)
        rim[self.vertices.ravel()[self.rims]] = True
        rim[np.roll(self.vertices, -1, axis=1).ravel()[self.rims]] = True
        return rim

    @cached_property
    def neighbors(self) -> tuple[Array, Array]:
        """Pairs of sides of triangles (3 t + k, from corner k to the next one) that lie in the same place.

        Of more than two in one place those that come one after the other, in the order of the triangles.
        """
        import numpy as np

        ends = self.places[self.vertices]
        start, stop = ends.ravel(), np.roll(ends, -1, axis=1).ravel()
        keys = _between(start, stop, len(self.points))
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(np.diff(keys[order]) == 0)
        return order[same], order[same + 1]

    @cached_property
    def parts(self) -> Array:
        """For each triangle the number of the connected part that it belongs to, from 0.

        Vertices connect, and rims that lie exactly in the same place, as at the seams of a GLB; not parts
        that touch.
        """
        import numpy as np

        ends = self.vertices
        start, stop = ends.ravel()[self.rims], np.roll(ends, -1, axis=1).ravel()[self.rims]
        begin, end = self.places[start], self.places[stop]
        keys = _between(begin, end, len(self.points))
        order = np.argsort(keys, kind="stable")
        _, first, counts = np.unique(keys[order], return_index=True, return_counts=True)
        one, other = order[first[counts == 2]], order[first[counts == 2] + 1]
        closing = (begin[one] == end[other]) & (begin[one] != end[one])
        one, other = one[closing], other[closing]
        labels = components(
            len(self.points),
            np.concatenate([ends[:, 0], ends[:, 0], start[one], stop[one]]),
            np.concatenate([ends[:, 1], ends[:, 2], stop[other], start[other]]),
        )
        return np.unique(labels[ends[:, 0]], return_inverse=True)[1].reshape(-1)


def _between(ones: Array, others: Array, count: int) -> Array:
    """A number for each pair of numbers below `count`, whichever comes first."""
    import numpy as np

    return np.minimum(ones, others).astype(np.int64) * count + np.maximum(ones, others)


def numbered(rows: Array) -> Array:
    """For each of the rows of single precision numbers a number from 0; equal ones have the same."""
    import numpy as np

    bits = np.ascontiguousarray(rows, dtype=np.float32).view(np.int32)
    order = np.lexsort(bits.T)
    ranked = bits[order]
    steps = np.any(ranked[1:] != ranked[:-1], axis=1)
    numbers = np.empty(len(rows), dtype=np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(steps)])[: len(rows)]
    return numbers


def components(count: int, ones: Array, others: Array) -> Array:
    """For each of `count` nodes the lowest node that it is connected with; edges from `ones` to `others`."""
    import numpy as np

    labels = np.arange(count)
    while len(ones):
        one, other = labels[ones], labels[others]
        open_ = one != other
        ones, others, one, other = ones[open_], others[open_], one[open_], other[open_]
        np.minimum.at(labels, np.maximum(one, other), np.minimum(one, other))
        while True:
            roots = labels[labels]
            if np.array_equal(roots, labels):
                break
            labels = roots
    return labels


def values_of(data: Any, field: str, width: int) -> Array:
    """The values of an attribute's elements, N x `width`, in single precision."""
    import numpy as np

    values = np.empty((len(data), width), dtype=np.float32)
    data.foreach_get(field, values.ravel())
    return values


def material_indices(mesh: bpy.types.Mesh) -> Array:
    """The material slot of each face."""
    import numpy as np

    indices = np.zeros(len(mesh.polygons), dtype=np.int32)
    attribute: Any = mesh.attributes.get("material_index")  # the polygons' own property is ten times slower
    if attribute is not None:
        attribute.data.foreach_get("value", indices)
    return indices


def set_material_indices(mesh: bpy.types.Mesh, indices: Array) -> None:
    """Give each face a material slot."""
    attribute: Any = mesh.attributes.get("material_index")
    if attribute is None:  # all faces have slot 0
        attribute = mesh.attributes.new("material_index", "INT", "FACE")
    attribute.data.foreach_set("value", indices.astype("int32"))
