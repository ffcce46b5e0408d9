# SPDX-License-Identifier: GPL-3.0-or-later
"""Which corners of a result are one vertex: those that were one in what was sent, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .matching import Match
from .nearest import NONE, SNAP, Queries, weights_in
from .rebuild import rebuild
from .surfaces import Surface, components

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ON_RIM = 0.75
"""The share of a place's weights that vertices on rims have if the place is on a rim itself."""

FOLDED = -0.5
"""The cosine of the angle between two triangles that lie almost on each other."""

BESIDE = 0.1
"""How far beside a side its face is matched, as a share of the side's length and of the face's height."""

ALONG = (1 / 3, 2 / 3)
"""The places on a side where a rim is looked for: a rim that crosses is near one of them at most."""

SLACK = 1.2
"""By which factor a rim may be longer than a straight line."""

MOST = 64
"""The most sides in one place that are compared with each other."""


def weld(mesh: bpy.types.Mesh, match: Match) -> None:
    """Weld vertices of `mesh`, the result of `match`, that a GLB has more than once; separate its parts.

    A GLB splits a mesh at UV seams, hard edges and between materials, where modifiers would tear it open, and
    a service may have joined parts that only touched. The corners stay in their order. Edges where normals
    differ become sharp.
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
    rebuild(mesh, loops, match.new.loops[first[order]])


def _keys(match: Match) -> Array:
    """For each corner of the result a number; those with the same one are one vertex.

    Faces hang together over sides that lie on each other. Where a vertex was that was sent it is that one, of
    several in one place the one on whose side the face is.
    """
    import numpy as np

    old, new = match.old, match.new
    ones, others = _paired_sides(match)
    opened = _were_open(match, ones, others)
    groups = _joined(match, ones[~opened], others[~opened])
    sent = old.meeting[old.loops[old.corners[match.found, match.weights.argmax(axis=1)]]]
    same = (old.points[sent] == new.points[new.loops]).all(axis=1)
    known = np.full(len(groups), -1)
    known[groups[same]] = sent[same]
    keys = np.where(known[groups] >= 0, known[groups], groups + len(old.points))
    # Where nothing has been opened, faces that hang together share a vertex, also where a seam has been.
    parted = np.zeros(int(new.places.max()) + 1, dtype=bool)
    begin, end, _first, _second = _ends(match, ones[opened], others[opened])
    parted[new.places[new.loops[np.concatenate([begin, end])]]] = True
    same &= parted[new.places[new.loops]]
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

    begin, end, first, second = _ends(match, ones, others)
    return components(len(match.new.loops), np.concatenate([begin, end]), np.concatenate([first, second]))


def _ends(match: Match, ones: Array, others: Array) -> tuple[Array, Array, Array, Array]:
    """The corners where each of some sides begins and ends, and those of the other side in the same places.

    Sides of a surface run in opposite directions, unless one of their faces is turned over.
    """
    import numpy as np

    new = match.new
    flat, following = new.corners.ravel(), np.roll(new.corners, -1, axis=1).ravel()
    places = new.places[new.loops]
    straight = places[flat[ones]] == places[flat[others]]
    first = np.where(straight, flat[others], following[others])
    return flat[ones], following[ones], first, np.where(straight, following[others], flat[others])


def _paired_sides(match: Match) -> tuple[Array, Array]:
    """Pairs of sides of triangles (3 t + k) that lie on each other; no side is in two of them.

    If there are more than two, as in layers that touch, a side is paired with its former neighbor, or with
    one that faces the same way. Sides of one part come first. The rest run in the same direction, because one
    of their faces is flipped, or because where parts intersect, a face was matched to the wrong one.
    """
    import numpy as np

    new = match.new
    begin = new.places[new.vertices].ravel()
    end = np.roll(new.places[new.vertices], -1, axis=1).ravel()
    lines = _numbers(np.minimum(begin, end) * len(new.points) + np.maximum(begin, end))
    groups = _numbers(lines * (int(match.parts.max()) + 1) + np.repeat(match.parts, 3))
    unpaired = begin != end
    chosen: list[tuple[Array, Array]] = []
    for alike, runs_back in ((groups, True), (groups, False), (lines, True)):
        if runs_back:
            pairs = _pairs(
                alike, np.flatnonzero(unpaired & (begin < end)), np.flatnonzero(unpaired & (begin > end))
            )
        else:
            rest = np.flatnonzero(unpaired)
            first, second = _pairs(alike, rest, rest)
            pairs = first[first < second], second[first < second]
        ones, others = _exclusive(match, *pairs)
        unpaired[ones] = unpaired[others] = False
        chosen.append((ones, others))
    ones, others = (np.concatenate(sides) for sides in zip(*chosen, strict=True))
    return ones, others


def _pairs(groups: Array, ones: Array, others: Array) -> tuple[Array, Array]:
    """Pairs of one of `ones` and one of `others` that are in the same group. groups: of all sides."""
    import numpy as np

    others = others[np.argsort(groups[others], kind="stable")]
    counts = np.bincount(groups[others], minlength=int(groups.max()) + 1)
    starts = np.cumsum(counts) - counts
    times = np.minimum(counts[groups[ones]], MOST)
    number = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return np.repeat(ones, times), others[np.repeat(starts[groups[ones]], times) + number]


def _exclusive(match: Match, ones: Array, others: Array) -> tuple[Array, Array]:
    """Of pairs of sides those that fit best, so that no side is in two of them."""
    import numpy as np

    order = np.argsort(-_affinity(match, ones, others), kind="stable")
    ones, others = ones[order], others[order]
    used = np.zeros(3 * len(match.new.areas), dtype=bool)
    chosen = [np.empty((2, 0), dtype=np.int64)]
    while len(ones):
        best = np.full(len(used), len(ones))
        np.minimum.at(best, ones, np.arange(len(ones)))
        np.minimum.at(best, others, np.arange(len(others)))
        mutual = np.flatnonzero((best[ones] == np.arange(len(ones))) & (best[others] == np.arange(len(ones))))
        chosen.append(np.stack([ones[mutual], others[mutual]]))
        used[chosen[-1]] = True
        free = ~(used[ones] | used[others])
        ones, others = ones[free], others[free]
    return tuple(np.concatenate(chosen, axis=1))


def _affinity(match: Match, ones: Array, others: Array) -> Array:
    normals = match.new.normals
    alike = (normals[ones // 3] * normals[others // 3]).sum(axis=1)
    return alike + 2.0 * _were_next(match, ones, others)


def _were_next(match: Match, ones: Array, others: Array) -> Array:
    """Whether the triangles that were sent under pairs of sides have a vertex in common."""
    import numpy as np

    begin, _end, first, _second = _ends(match, ones, others)
    vertices = match.old.meeting[match.old.vertices]
    one, other = vertices[match.found[begin]], vertices[match.found[first]]
    return np.logical_or.reduce([(one == np.roll(other, turn, axis=1)).any(axis=1) for turn in range(3)])


def _were_open(match: Match, ones: Array, others: Array) -> Array:
    """Which pairs of sides that lie on each other did not belong together in what was sent.

    Both come from rims; or they only lie in the same place, folded, and what was there was not connected.
    """
    import numpy as np

    old, new = match.old, match.new
    begin, end, first, second = _ends(match, ones, others)
    rim = (match.weights * old.on_rim[old.vertices[match.found]]).sum(axis=1)
    ends = np.stack([rim[begin], rim[end], rim[first], rim[second]])
    opened = (ends > ON_RIM).all(axis=0)
    # A side may also lead from rim to rim, across a narrow strip.
    able = np.flatnonzero(opened)
    opened[able] = _are_parted(match, ones[able], others[able])
    shared = (new.loops[begin] == new.loops[first]) & (new.loops[end] == new.loops[second])
    alike = (new.normals[ones // 3] * new.normals[others // 3]).sum(axis=1)
    is_same_way = first == new.corners.ravel()[others]
    folded = np.where(is_same_way, -alike, alike) < FOLDED
    doubted = np.flatnonzero(folded & ~shared & (ends > 0).all(axis=0))
    opened[doubted] |= ~_were_next(match, ones[doubted], others[doubted])
    return opened


def _are_parted(match: Match, ones: Array, others: Array) -> Array:
    """Whether a rim of what was sent leads between the faces of pairs of sides, along these sides.

    Two spots beside a place on the side, one on each face, are then no farther from the rim than from it.
    """
    import numpy as np

    if not len(ones):
        return np.zeros(0, dtype=bool)
    old, new = match.old, match.new
    corners = new.shape.reshape(-1, 3)
    begin, end = corners[ones], corners[ones // 3 * 3 + (ones + 1) % 3]
    way = end - begin
    length = np.linalg.norm(way, axis=1)
    insides: list[Array] = []
    for sides in (ones, others):
        inside = corners[sides // 3 * 3 + (sides + 2) % 3] - begin
        insides.append(inside - way * ((inside * way).sum(axis=1) / length**2)[:, None])
    heights = [np.linalg.norm(inside, axis=1) for inside in insides]
    step = BESIDE * np.minimum.reduce([length, *heights])
    rims = match.finder.among(_sides(old, old.rims))
    parted = np.ones(len(ones), dtype=bool)
    for share in ALONG:
        away = np.zeros(len(ones))
        for sides, inside, height in zip((ones, others), insides, heights, strict=True):
            spots = begin + way * share + inside * (step / np.where(height > 0, height, 1.0))[:, None]
            parts = match.parts[sides // 3]
            asked = Queries(spots, new.normals[sides // 3], parts, new.lengths[sides // 3])
            found, _ = match.finder.find(asked, old.parts)
            known = found != NONE
            shape = old.shape[found]
            spots = np.where(known[:, None], (shape * weights_in(shape, spots)[..., None]).sum(axis=1), spots)
            asked = Queries(spots, np.zeros_like(spots), parts, np.zeros(len(spots)))
            away += rims.find(asked, old.parts[old.rims // 3])[1]
        parted &= away <= 2 * step * SLACK + SNAP * match.finder.diagonal
    return parted


def _sides(surface: Surface, sides: Array) -> Array:
    """Sides of triangles as triangles that are lines, N x 3 x 3."""
    import numpy as np

    corners = surface.shape.reshape(-1, 3)
    start, stop = corners[sides], corners[sides // 3 * 3 + (sides + 1) % 3]
    return np.stack([start, stop, stop], axis=1)


def _numbers(keys: Array) -> Array:
    import numpy as np

    return np.unique(keys, return_inverse=True)[1].reshape(-1)
