# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a surface has come from another one, measured at points that are spread evenly over both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Triangles = NDArray[np.floating[Any]]

SAMPLES = 2000
"""Points on each of the two surfaces."""

MOST_GROUPS = 4096
"""A surface is divided into so many groups of triangles at most, the boxes of which are looked at first."""

LEAST_GROUP = 16  # triangles
NEAREST_GROUPS = 24
"""A point looks into so many groups. More are near only where a surface is equally far in all directions."""

PAIRS = 1 << 19
"""Of a point and a group, or a triangle, that are looked at together: about 60 MB."""


class Deviation(NamedTuple):
    """Distance between two surfaces, as a part of the diagonal of the first one's bounding box.

    mean, largest: of all points that were measured, on both surfaces.
    """

    mean: float
    largest: float


def measure(before: Triangles, after: Triangles, cancelled: Callable[[], bool]) -> Deviation | None:
    """Measure how far two surfaces are apart; n by 3 by 3 each.

    It takes a few seconds and 300 MB for a million triangles. None where one of them has no triangles
    or no extent, or as soon as `cancelled` says so.
    """
    if not len(before) or not len(after):
        return None
    corners = before.reshape(-1, 3)
    # Around the origin, and of size 1, so that squares are neither infinite nor lost.
    least = corners.min(axis=0).astype(np.float64)
    diagonal = float(np.linalg.norm(corners.max(axis=0).astype(np.float64) - least))
    if diagonal == 0.0:
        return None
    distances: list[Array] = []
    for here, there in ((before, after), (after, before)):
        points = (sampled(here) - least) / diagonal
        found = _distances(points, _Groups(there, least, diagonal), cancelled)
        if found is None:
            return None
        distances.append(found)
    every = np.concatenate(distances)
    return Deviation(float(every.mean()), float(every.max()))


def sampled(triangles: Triangles) -> Array:
    """SAMPLES points on a surface, the same ones each time."""
    first, second, third = (triangles[:, corner].astype(np.float64) for corner in range(3))
    until: Array = np.cumsum(np.sqrt(np.square(np.cross(second - first, third - first)).sum(axis=1)))
    if not until[-1] > 0.0:  # nothing but lines and points
        until = np.arange(1.0, len(triangles) + 1.0)
    steps = (np.arange(SAMPLES) + 0.5) / SAMPLES * float(until[-1])
    chosen: NDArray[np.int64] = np.clip(np.searchsorted(until, steps), 0, len(triangles) - 1)
    random = np.random.default_rng(0).random((2, SAMPLES, 1))
    root, part = np.sqrt(random[0]), random[1]
    return (1.0 - root) * first[chosen] + root * (1.0 - part) * second[chosen] + root * part * third[chosen]


class _Groups:
    """Triangles in groups of neighbors.

    triangles: groups by members by 3 by 3. boxes: groups by 2 by 3. centers, radii: of each triangle a point
    on it, and the distance from that to its farthest corner.
    """

    def __init__(self, triangles: Triangles, least: Array, diagonal: float) -> None:
        size = max(LEAST_GROUP, -(-len(triangles) // MOST_GROUPS))
        count = -(-len(triangles) // size)
        order = np.argsort(_along_a_curve(triangles.mean(axis=1)), kind="stable")
        order = np.concatenate((order, np.full(count * size - len(order), order[-1])))
        scaled = ((triangles[order] - least) / diagonal).astype(np.float32)
        self.triangles = scaled.reshape(count, size, 3, 3)
        self.centers = self.triangles.mean(axis=2)
        self.radii = _lengths(self.triangles - self.centers[:, :, None]).max(axis=2)
        corners = self.triangles.reshape(count, -1, 3)
        self.boxes = np.stack((corners.min(axis=1), corners.max(axis=1)), axis=1)


def _along_a_curve(points: Triangles) -> NDArray[np.int64]:
    """Morton codes of n by 3 points: who is near in space is mostly near in number."""
    least = points.min(axis=0)
    extent = points.max(axis=0) - least
    cells = ((points - least) / np.where(extent > 0.0, extent, 1.0) * 1023.0).astype(np.int64)
    codes = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            codes |= (cells[:, axis] >> bit & 1) << (3 * bit + axis)
    return codes


def _distances(points: Array, groups: _Groups, cancelled: Callable[[], bool]) -> Array | None:
    """The distance of each point to the nearest triangle of the groups it looks into; None if cancelled."""
    found: list[Array] = []
    size = groups.triangles.shape[1]
    for piece in np.array_split(points, -(-len(points) * max(size, len(groups.boxes)) // PAIRS)):
        outside = np.maximum(groups.boxes[:, 0] - piece[:, None], piece[:, None] - groups.boxes[:, 1])
        lower = _lengths(np.maximum(outside, 0.0))
        nearest = min(NEAREST_GROUPS, lower.shape[1])
        chosen = np.argpartition(lower, nearest - 1, axis=1)[:, :nearest]
        chosen = np.take_along_axis(chosen, np.argsort(np.take_along_axis(lower, chosen, 1), axis=1), 1)
        best = np.full(len(piece), np.inf)
        for rank in range(nearest):
            if cancelled():
                return None
            near = np.flatnonzero(lower[np.arange(len(piece)), chosen[:, rank]] < best)
            if len(near):
                best[near] = _nearer(piece[near], groups, chosen[near, rank], best[near])
        found.append(best)
    return np.concatenate(found)


def _nearer(points: Array, groups: _Groups, chosen: NDArray[np.int64], best: Array) -> Array:
    """The least distance of each point so far, `best`, or to a triangle of its chosen group."""
    to_centers = _lengths(points[:, None] - groups.centers[chosen])
    best = np.minimum(best, to_centers.min(axis=1))
    row, member = np.nonzero(to_centers - groups.radii[chosen] < best[:, None])
    np.minimum.at(best, row, _to_triangles(points[row], groups.triangles[chosen[row], member]))
    return best


def _to_triangles(points: Array, triangles: Triangles) -> Array:
    """The distances of n by 3 points to as many triangles."""
    first, second, third = (triangles[:, corner].astype(np.float64) for corner in range(3))
    squares = np.minimum(
        np.minimum(_to_edge(points, first, second), _to_edge(points, second, third)),
        _to_edge(points, third, first),
    )
    normal = np.cross(second - first, third - first)
    length = _dot(normal, normal)
    above = length > 0.0  # or below: where the plane is nearer than any edge
    for start, end in ((first, second), (second, third), (third, first)):
        above &= _dot(np.cross(end - start, points - start), normal) >= 0.0
    height = _dot(points - first, normal)
    return np.sqrt(np.where(above, np.square(height) / np.where(above, length, 1.0), squares))


def _to_edge(points: Array, start: Array, end: Array) -> Array:
    """The squared distances of points to lines from `start` to `end`."""
    along, to = end - start, points - start
    length = _dot(along, along)
    part = np.clip(_dot(to, along) / np.where(length > 0.0, length, 1.0), 0.0, 1.0)
    rest = to - part[:, None] * along
    return _dot(rest, rest)


def _dot(first: Array, second: Array) -> Array:
    return (first * second).sum(axis=1)


def _lengths(vectors: NDArray[Any]) -> Array:
    return np.sqrt(np.square(vectors).sum(axis=-1))
