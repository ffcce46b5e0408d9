# SPDX-License-Identifier: GPL-3.0-or-later
"""The nearest triangles of a surface, on the side that is asked about and in the part that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NONE = -1
"""Stands for no triangle."""

FAR = 0.01
"""Beyond this share of the diagonal it is doubted whether the side that was asked about is there."""

MUCH_NEARER = 0.25
"""Then the other side counts if it is no farther away than this share of it."""


class Queries(NamedTuple):
    """Points whose nearest triangles are wanted.

    points: N x 3; normals: N x 3, of the side that each is on, (0, 0, 0) for any; labels: N, of the triangles
    that may be found, or None for all; reach: N, how far away these may be without being doubted.
    """

    points: Array
    normals: Array
    labels: Array | None
    reach: Array

    def some(self, chosen: Array) -> Queries:
        """Those of them."""
        labels = None if self.labels is None else self.labels[chosen]
        return Queries(self.points[chosen], self.normals[chosen], labels, self.reach[chosen])


class Finder:
    """Finds triangles among some.

    shape: where their corners are, T x 3 x 3; normals: T x 3; scene: any, in which it puts an object for a
    moment.
    """

    def __init__(self, shape: Array, normals: Array, scene: bpy.types.Scene) -> None:
        import numpy as np

        self._normals = normals
        self._scene = scene
        low, high = shape.min(axis=(0, 1)), shape.max(axis=(0, 1))
        self._middle = (low + high) / 2
        self._shape = shape - self._middle
        self.diagonal = float(np.linalg.norm(high - low)) or 1.0
        self._labels: Array | None = None
        self._trees: dict[tuple[int, float], _Tree] = {}

    def among(self, shape: Array) -> Finder:
        """One that finds among other triangles, which have no sides and may be lines; shape: T x 3 x 3."""
        import numpy as np

        return Finder(shape, np.zeros((len(shape), 3)), self._scene)

    def find(self, queries: Queries, labels: Array | None = None) -> tuple[Array, Array]:
        """The nearest triangle to each point, and how far away it is; NONE and infinity where there is none.

        labels: of the triangles, from 0; found are those that have the label that is asked for.
        """
        import numpy as np

        if labels is not self._labels:
            self._labels = labels
            self._trees.clear()
        count = len(queries.points)
        found, distances = np.full(count, NONE), np.full(count, np.inf)
        axes = np.abs(queries.normals).argmax(axis=1)
        strongest = queries.normals[np.arange(count), axes]
        for axis in range(3):
            for sign in (1.0, -1.0):
                chosen = np.flatnonzero((axes == axis) & (strongest * sign > 0))
                found[chosen], distances[chosen] = self._nearest(queries.some(chosen), axis, sign)
        doubted = np.flatnonzero(distances > queries.reach + FAR * self.diagonal)
        others, away = self._nearest(queries.some(doubted), 0, 0.0)
        nearer = away < MUCH_NEARER * distances[doubted]
        doubted = doubted[nearer]
        found[doubted], distances[doubted] = others[nearer], away[nearer]
        return found, distances

    def _nearest(self, queries: Queries, axis: int, sign: float) -> tuple[Array, Array]:
        """Which of the triangles is nearest that look that way along the axis; 0: any way."""
        import numpy as np

        count = len(queries.points)
        found, distances = np.full(count, NONE), np.full(count, np.inf)
        if not count:
            return found, distances
        if (axis, sign) not in self._trees:
            there = np.flatnonzero(self._normals[:, axis] * sign > 0) if sign else np.arange(len(self._shape))
            shape = self._shape[there]
            if self._labels is not None:
                shape = shape + self._apart(self._labels[there])[:, None]
            self._trees[axis, sign] = _Tree(shape, there, self._scene)
        points = queries.points - self._middle
        if self._labels is not None and queries.labels is not None:
            points = points + self._apart(queries.labels)
        found, distances = self._trees[axis, sign].nearest(points)
        if self._labels is not None and queries.labels is not None:
            strangers = self._labels[found] != queries.labels
            found[strangers], distances[strangers] = NONE, np.inf
        return found, distances

    def _apart(self, labels: Array) -> Array:
        """How far each label is shifted to a place of its own, from which none finds another; N x 3."""
        import numpy as np

        assert self._labels is not None
        side = int(np.ceil((int(self._labels.max()) + 1) ** (1 / 3) - 1e-9))
        cells = np.stack([labels % side, labels // side % side, labels // side**2], axis=1)
        return (cells - (side - 1) / 2) * (4 * self.diagonal)


class _Tree:
    """A search tree of triangles (T x 3 x 3). numbers: what each of them is called."""

    def __init__(self, shape: Array, numbers: Array, scene: bpy.types.Scene) -> None:
        self._numbers = numbers
        self._tree = _built(shape, scene) if len(numbers) else None

    def nearest(self, points: Array) -> tuple[Array, Array]:
        """The nearest triangle to each point, and how far away it is; see `Finder.find`."""
        import numpy as np

        if self._tree is None:
            return np.full(len(points), NONE), np.full(len(points), np.inf)
        ask = self._tree.find_nearest
        answers = [(index, distance) for _, _, index, distance in map(ask, points.tolist())]
        found, distances = (np.array(column) for column in zip(*answers, strict=True))
        return self._numbers[found], distances


def _built(shape: Array, scene: bpy.types.Scene) -> Any:
    """Blender's search tree; from lists of numbers, it would take some 600 bytes a triangle."""
    import numpy as np
    from mathutils.bvhtree import BVHTree

    count = len(shape)
    mesh = bpy.data.meshes.new("generio_search")
    item = bpy.data.objects.new(mesh.name, mesh)
    try:
        mesh.vertices.add(3 * count)
        mesh.loops.add(3 * count)
        mesh.polygons.add(count)
        numbers = np.arange(3 * count, dtype=np.int32)
        attributes: Any = mesh.attributes  # which take a tenth of the time of the elements' own properties
        attributes["position"].data.foreach_set("vector", shape.astype(np.float32).ravel())
        attributes[".corner_vert"].data.foreach_set("value", numbers)
        mesh.polygons.foreach_set("loop_start", numbers[::3].copy())
        mesh.update(calc_edges=True)
        scene.collection.objects.link(item)
        layer = scene.view_layers[0]
        layer.update()
        assert layer.depsgraph is not None
        return BVHTree.FromObject(item, layer.depsgraph)
    finally:
        bpy.data.objects.remove(item)
        bpy.data.meshes.remove(mesh)


def weights_in(shape: Array, points: Array) -> Array:
    """Of the points of triangles (N x 3 x 3) that are nearest to `points`: the weights of the corners, N x 3.

    Next to a corner, or an edge, what is not there has no weight at all.
    """
    import numpy as np

    a, b, c = shape[:, 0], shape[:, 1], shape[:, 2]
    sides = ((b - a, a), (c - b, b), (a - c, c))
    normal = np.cross(b - a, c - a)
    square = (normal**2).sum(axis=1)
    flat = square <= 0
    safe = np.where(flat, 1.0, square)
    weights = np.stack(
        [(np.cross(side, points - start) * normal).sum(axis=1) / safe for side, start in sides], axis=1
    )[:, [1, 2, 0]]
    # Outside, the nearest point is on one of the sides.
    outside = np.flatnonzero((weights < 0).any(axis=1) | flat)
    if len(outside):
        best = np.full(len(outside), np.inf)
        for number, (side, start) in enumerate(sides):
            way, begin = side[outside], start[outside]
            length = (way**2).sum(axis=1)
            share = ((points[outside] - begin) * way).sum(axis=1) / np.where(length > 0, length, 1.0)
            share = np.clip(share, 0.0, 1.0)
            distance = ((begin + way * share[:, None] - points[outside]) ** 2).sum(axis=1)
            better = distance < best
            rows = outside[better]
            best[better] = distance[better]
            weights[rows] = 0.0
            weights[rows, number] = 1.0 - share[better]
            weights[rows, (number + 1) % 3] = share[better]
    weights[weights < SNAP] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


SNAP = 1e-5
"""Weights of corners that are less are those of a rounding error."""
