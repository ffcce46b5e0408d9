# SPDX-License-Identifier: GPL-3.0-or-later
"""Which place on the mesh that was sent each place of the result comes from.

Triangles that came back as they were sent are known by where their corners are. For all others what counts is
the connected part, the side, the place in the UV map, where that has been kept, and only then the distance.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .nearest import FAR, NONE, Finder, Queries, weights_in
from .surfaces import Surface, material_indices, numbered

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

UNKNOWN = -1
"""The number that stands for no part."""

MOST_PAIRS = 4_000_000
"""The most pairs of parts that are compared; with more, such as leaves, the nearest triangle counts."""

ALIKE = 0.1
"""The shapes of a part before and after differ by no more than this share of its size."""

NEARLY_ALL = 0.9
"""If this share of a part agrees where it comes from, the rest of it is mistaken."""

EDGE_SHARE = 0.5
"""The share of an edge's length by which reducing a mesh may move the UV positions of neighbors."""

UP = (0.0, 0.0, 1.0)
"""The normal of everything that lies flat in a UV map."""

OFF_NORMAL = 0.5
"""The cosine of the angle between a face and the triangle found for its corner, below which it is doubted."""

INWARD = 0.1
"""How far from a corner towards the middle of its face a point is clearly on one side of a border."""

SAME_SHARE = 0.6
"""A UV map was kept if this share of it is where it was; others were laid out anew."""


class Match(NamedTuple):
    """What the result `new` comes from on `old`, which was sent.

    triangles: of `old`, for each of `new` the one under its middle; same: whether it is the very same; found:
    for each corner of `new` a triangle of `old`; weights: of the corners of that, N x 3; doubts: for each
    corner a length, the larger the less it is sure.
    """

    old: Surface
    new: Surface
    finder: Finder
    triangles: Array
    same: Array
    found: Array
    weights: Array
    doubts: Array

    @property
    def same_corners(self) -> Array:
        """For each corner of `new`, whether it belongs to a triangle that came back as it was sent."""
        return self.same[self.new.first_triangles // 3]

    @property
    def parts(self) -> Array:
        """For each triangle of `new` the part of `old` that it comes from."""
        return self.old.parts[self.triangles]

    @property
    def is_unchanged(self) -> bool:
        """Whether each triangle that was sent has come back, and nothing else."""
        return len(self.triangles) == len(self.old.areas) and bool(self.same.all())

    def at_corners(self, values: Array, found: Array, weights: Array) -> Array:
        """What `values`, N x C for the corners of `old`, are at those places; see `found` and `weights`."""
        corners = values[self.old.corners[found]]
        return (corners * weights[..., None]).sum(axis=1)


def match(old: bpy.types.Mesh, new: bpy.types.Mesh, scene: bpy.types.Scene) -> Match:
    """Find out where each place of `new` is on `old`, both with faces. scene: see `Finder`."""
    import numpy as np

    before, after = Surface(old), Surface(new)
    finder = Finder(before.shape, before.normals, scene)
    triangles, rotations = _identical(before, after, material_indices(old))
    same = triangles != NONE
    first = after.first_triangles
    found, weights = triangles[first // 3], np.zeros((len(first), 3))
    weights[np.arange(len(first)), (first % 3 + rotations[first // 3]) % 3] = 1.0
    doubts = np.zeros(len(first))
    if not same.all():
        search = _Search(before, after, finder, scene)
        triangles = search.middles(triangles)
        corners = np.flatnonzero(~same[first // 3])
        found[corners], doubts[corners] = search.corners(corners, triangles)
        shape = before.shape[found[corners]]
        weights[corners] = weights_in(shape, after.points[after.loops[corners]].astype(np.float64))
    return Match(before, after, finder, triangles, same, found, weights, doubts)


def _identical(old: Surface, new: Surface, materials: Array) -> tuple[Array, Array]:
    """For each triangle of `new` the same one of `old`, or NONE, and how many corners that is turned by.

    Where several lie on each other, the first is the first: exporters go by materials, then by faces.
    """
    import numpy as np

    places = numbered(np.concatenate([old.points, new.points]))
    count = int(places.max()) + 1
    keys, rotations = _keys(
        np.concatenate([places[: len(old.points)][old.vertices], places[len(old.points) :][new.vertices]]),
        count,
    )
    cut = len(old.areas)
    ranks = np.concatenate(
        [_ranks(keys[:cut], materials[old.faces]), _ranks(keys[cut:], np.zeros(len(keys) - cut))]
    )
    keys = keys * (int(ranks.max()) + 1) + ranks
    order = np.argsort(keys[:cut], kind="stable")
    spots = np.minimum(np.searchsorted(keys[:cut][order], keys[cut:]), cut - 1)
    found = order[spots]
    found[keys[:cut][found] != keys[cut:]] = NONE
    return found, (rotations[found] - rotations[cut:]) % 3


def _keys(corners: Array, count: int) -> tuple[Array, Array]:
    """A number for each triangle, whichever corner is named first, and with which corner that begins."""
    import numpy as np

    pairs = corners.astype(np.int64) * count + np.roll(corners, -1, axis=1)
    rotations = pairs.argmin(axis=1)
    rows = np.arange(len(corners))
    _, ranks = np.unique(pairs[rows, rotations], return_inverse=True)
    return ranks.reshape(-1).astype(np.int64) * count + corners[rows, (rotations + 2) % 3], rotations


def _ranks(keys: Array, before: Array) -> Array:
    """For each key how many of the same come earlier, in the order of `before` and then as they stand."""
    import numpy as np

    order = np.lexsort((before, keys))
    ranked = keys[order]
    starts = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    positions = np.arange(len(keys))
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = positions - np.maximum.accumulate(np.where(starts, positions, 0))
    return ranks


class _Search:
    """Finds the triangles of `old` that those of `new` come from, if these are not the same ones."""

    def __init__(self, old: Surface, new: Surface, finder: Finder, scene: bpy.types.Scene) -> None:
        self._old, self._new, self._finder = old, new, finder
        self._middles = new.shape.mean(axis=1)
        self._uv = _Unwrapped(old, new, scene)

    def middles(self, known: Array) -> Array:
        """The triangle of `old` under the middle of each of `new`. known: the same ones, else NONE."""
        import numpy as np

        found = known.copy()
        asked = np.flatnonzero(known == NONE)
        labels = part_labels(self._old, self._new, known)[asked]
        questions = Queries(self._middles[asked], self._new.normals[asked], labels, self._new.lengths[asked])
        corners = self._new.corners[asked]
        free = labels == UNKNOWN
        for chosen, parts in ((~free, self._old.parts), (free, None)):
            if chosen.any():
                found[asked[chosen]] = self._nearest(questions.some(chosen), parts, corners[chosen])[0]
        strays = _strays(self._new, self._old.parts[found], asked[free])
        if len(strays[0]):
            stray, labels = strays
            questions = Queries(
                self._middles[stray], self._new.normals[stray], labels, self._new.lengths[stray]
            )
            found[stray] = self._nearest(questions, self._old.parts, self._new.corners[stray])[0]
        return found

    def corners(self, corners: Array, triangles: Array) -> tuple[Array, Array]:
        """The triangles of `old` under some corners of `new`, and the doubts. triangles: see `middles`."""
        import numpy as np

        ours = self._new.first_triangles[corners] // 3
        normals, parts = self._new.normals[ours], self._old.parts[triangles[ours]]
        axes = np.abs(normals).argmax(axis=1)
        sides = axes * 2 + (normals[np.arange(len(ours)), axes] > 0)
        # Corners of one vertex with the same normal have the same answer.
        keys = (self._new.loops[corners].astype(np.int64) * 6 + sides) * (int(parts.max()) + 1) + parts
        _, first, back = np.unique(keys, return_index=True, return_inverse=True)
        chosen = corners[first]
        queries = Queries(
            self._new.points[self._new.loops[chosen]].astype(np.float64),
            normals[first],
            parts[first],
            self._new.lengths[ours[first]],
        )
        found, doubts = self._nearest(queries, self._old.parts, chosen[:, None])
        back = back.reshape(-1)
        found, doubts = found[back], doubts[back]
        # Where rims or folds touch, like lips, a corner belongs where the middle of its face does.
        is_off = (self._old.normals[found] * normals).sum(axis=1) < OFF_NORMAL
        near = np.flatnonzero(is_off | self._old.on_rim[self._old.vertices[found]].any(axis=1))
        if len(near):
            at, faces = corners[near], ours[near]
            points = self._new.points[self._new.loops[at]] * (1 - INWARD) + self._middles[faces] * INWARD
            queries = Queries(points, normals[near], parts[near], self._new.lengths[faces])
            found[near], doubts[near] = self._nearest(queries, self._old.parts, at[:, None])
        return found, doubts

    def _nearest(self, queries: Queries, parts: Array | None, corners: Array) -> tuple[Array, Array]:
        """The triangles under points, and the doubts. corners: of `new`, N x M; a point has their mean UV."""
        found, distances = self._finder.find(queries, parts)
        return self._uv.mend(queries, parts, corners, found, distances, FAR * self._finder.diagonal)


def part_labels(old: Surface, new: Surface, known: Array) -> Array:
    """For each triangle of `new` the part of `old` that it can only be of, or UNKNOWN.

    known: the triangles of `old` that are the same, else NONE. A part that came back whole has about the
    place and the size that it had, and no two have been the same.
    """
    import numpy as np

    if not old.parts.any():
        return np.zeros(len(new.areas), dtype=np.int64)
    parts = new.parts
    labels = np.full(int(parts.max()) + 1, UNKNOWN)
    sure = np.flatnonzero(known != NONE)
    lowest = np.full(len(labels), len(old.areas))
    highest = np.full(len(labels), -1)
    np.minimum.at(lowest, parts[sure], old.parts[known[sure]])
    np.maximum.at(highest, parts[sure], old.parts[known[sure]])
    one = lowest == highest
    labels[one] = lowest[one]
    is_used = np.zeros(int(old.parts.max()) + 1, dtype=bool)
    is_used[old.parts[known[sure]]] = True
    open_ = np.flatnonzero(highest == -1)
    free = np.flatnonzero(~is_used)
    if len(open_) and len(free) and len(open_) * len(free) <= MOST_PAIRS:
        ours, theirs = _moments(new, parts)[open_], _moments(old, old.parts)[free]
        rows, columns = _paired(ours, theirs)
        labels[open_[rows]] = free[columns]
    return labels[parts]


def _moments(surface: Surface, parts: Array) -> Array:
    """For each part the middle of its area, and how far that spreads along each axis; N x 6."""
    import numpy as np

    shape = surface.shape
    totals = np.bincount(parts, surface.areas)
    safe = np.where(totals > 0, totals, 1.0)
    middles, squares = np.empty((len(totals), 3)), np.empty((len(totals), 3))
    for axis in range(3):
        a, b, c = shape[:, :, axis].T
        middles[:, axis] = np.bincount(parts, surface.areas * (a + b + c) / 3) / safe
        a, b, c = a - middles[parts, axis], b - middles[parts, axis], c - middles[parts, axis]
        squares[:, axis] = np.bincount(
            parts, surface.areas * (a * a + b * b + c * c + a * b + b * c + c * a) / 6
        )
    return np.concatenate([middles, np.sqrt(squares / safe[:, None])], axis=1)


def _paired(ours: Array, theirs: Array) -> tuple[Array, Array]:
    """Pairs (rows of `ours` and of `theirs`) that are alike, no row in two, together the closest."""
    import numpy as np

    costs = ((ours[:, None] - theirs[None]) ** 2).sum(axis=2)
    size = (theirs[:, 3:] ** 2).sum(axis=1)
    alike = costs <= ALIKE**2 * size
    rows, columns = np.nonzero(alike)
    order = np.argsort(costs[rows, columns], kind="stable")
    mates = np.full(len(ours), NONE)
    used = np.zeros(len(theirs), dtype=bool)
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if mates[row] == NONE and not used[column]:
            mates[row], used[column] = column, True
    rows = np.flatnonzero(mates != NONE)
    columns = mates[rows]
    # Layers that lie close together: what is nearest for one may be all that is left for the other.
    for _ in range(len(rows)):
        mutual = costs[np.ix_(rows, columns)]
        own = np.diag(mutual)
        gains = own[:, None] + own[None] - mutual - mutual.T
        one, other = divmod(int(gains.argmax()), len(rows))
        if gains[one, other] <= 1e-12 * size.max():
            break
        columns[[one, other]] = columns[[other, one]]
    return rows, columns


def _strays(new: Surface, labels: Array, asked: Array) -> tuple[Array, Array]:
    """Those of the triangles `asked` that contradict nearly all of their part, and the part that it names."""
    import numpy as np

    count = int(labels.max()) + 1
    keys = new.parts[asked] * count + labels[asked]
    names, inverse = np.unique(keys, return_inverse=True)
    areas = np.bincount(inverse.reshape(-1), new.areas[asked], len(names))
    totals = np.bincount(names // count, areas)
    sure = areas >= NEARLY_ALL * totals[names // count]
    of_parts = np.full(len(totals), UNKNOWN)
    of_parts[names[sure] // count] = names[sure] % count
    wanted = of_parts[new.parts[asked]]
    strays = (wanted != UNKNOWN) & (wanted != labels[asked])
    return asked[strays], wanted[strays]


class _Unwrapped:
    """Finds places by their UV positions, in whichever tile, if a UV map was kept."""

    def __init__(self, old: Surface, new: Surface, scene: bpy.types.Scene) -> None:
        self._old, self._new = old, new
        self._scene = scene
        self._pair: tuple[int, int] | None = None
        self._is_known = False

    def mend(
        self,
        queries: Queries,
        parts: Array | None,
        corners: Array,
        found: Array,
        distances: Array,
        reachable: float,
    ) -> tuple[Array, Array]:
        """Look again, in the UV map, for what was `found` where that says that it is somewhere else.

        distances: how far away it is; reachable: how much farther it may be. corners: see `_Search._nearest`.
        Returns the triangles, and the doubts: distances on the surface and, as lengths on it, in the UV map.
        """
        import numpy as np

        if not self._is_known:
            self._pair = self._unchanged_map(queries, corners, found)
            self._is_known = True
        if self._pair is None:
            return found, distances
        old, new = self._pair
        ours = self._new.uvs[new][corners].astype(np.float64).mean(axis=1)
        off = self._off(old, found, queries.points, ours)
        doubts = distances + off
        wrong = np.flatnonzero(off > distances + EDGE_SHARE * queries.reach)
        if len(wrong):
            others = self._finder.find(self._in_map(ours[wrong], queries.some(wrong)), parts)[0]
            wrong, others = wrong[others != NONE], others[others != NONE]
            points = queries.points[wrong]
            spots = self._old.shape[others]
            away = np.linalg.norm((spots * weights_in(spots, points)[..., None]).sum(axis=1) - points, axis=1)
            total = away + self._off(old, others, points, ours[wrong])
            better = (total < doubts[wrong]) & (away <= queries.reach[wrong] + reachable)
            better &= (queries.normals[wrong] * self._old.normals[others]).sum(axis=1) > 0
            found[wrong[better]], doubts[wrong[better]] = others[better], total[better]
        return found, doubts

    def _unchanged_map(self, queries: Queries, corners: Array, found: Array) -> tuple[int, int] | None:
        """The numbers of an old and of a new UV map that are the same map; None if there are none."""
        import numpy as np

        best, pair = SAME_SHARE, None
        for old in range(len(self._old.uvs)):
            for new in range(len(self._new.uvs)):
                ours = self._new.uvs[new][corners].astype(np.float64).mean(axis=1)
                share = float((self._off(old, found, queries.points, ours) <= queries.reach).mean())
                if self._old.uv_step(old) and share > best:
                    best, pair = share, (old, new)
        return pair

    def _off(self, number: int, found: Array, points: Array, ours: Array) -> Array:
        """How far UV positions are from those at `found`, in the length that this is on the surface."""
        import numpy as np

        corners = self._old.corners[found]
        shares = weights_in(self._old.shape[found], points)
        theirs = (self._old.uvs[number][corners] * shares[..., None]).sum(axis=1)
        off = ours - theirs
        return np.linalg.norm(off - np.round(off), axis=1) * self._old.uv_step(number)

    @cached_property
    def _finder(self) -> Finder:
        """Of the triangles in the UV map, all in the first tile."""
        import numpy as np

        assert self._pair is not None
        spots = self._old.uvs[self._pair[0]][self._old.corners].astype(np.float64)
        spots -= np.floor(spots.mean(axis=1, keepdims=True))
        flat = np.zeros((len(spots), 3, 1))
        return Finder(
            np.concatenate([spots, flat], axis=2), np.broadcast_to(UP, (len(spots), 3)), self._scene
        )

    def _in_map(self, ours: Array, queries: Queries) -> Queries:
        """The same questions at UV positions."""
        import numpy as np

        count = len(ours)
        points = np.concatenate([ours - np.floor(ours), np.zeros((count, 1))], axis=1)
        return Queries(points, np.broadcast_to(UP, (count, 3)), queries.labels, np.full(count, np.inf))
