# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the transform that brings a result to where the mesh is that was sent. Knows nothing of Blender.

No contract says which axes, unit and origin a result has. A service may have centered or scaled it, or have
taken another axis for the upper one. So a rotation by quarters, a scale and a shift are looked for; mirrored
results, and those rotated by other angles, are not recognized.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import permutations, product
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

Nearest = Callable[[Array], tuple[Array, Array]]
"""Takes points, N x 3; returns the nearest points of a surface, and in which of its triangles each one is."""

SAMPLES = 400
"""Points on each surface."""

EXACT = 1e-3
"""A mean distance that is only rounding, as a share of the diagonal: search trees have single precision."""

NOTHING_TO_GAIN = 1.5 * EXACT
"""An error so small that no other transform is tried."""

CLOSE = 0.03
"""A mean distance, as a share of the diagonal, up to which a result fits whatever was done to its surface."""

LIKELY = 0.05
"""The same for a result that is left as it came, where nothing else fits."""

COARSE = 0.4
"""How far from the original a reduced surface may be, in lengths by which its edges have grown."""

COARSEST = 0.3
"""The most that this allows, as a share of the diagonal."""

UNLIKE = 0.15
"""Boxes whose sides differ by more than this share of the diagonal are not of the same model."""

SAME_MARKS = 0.02
"""UV coordinates that differ by no more than this are the same."""

OTHER_MARKS = 0.1
"""UV coordinates that differ by more than this are different ones."""

BOXES = 0.25
"""The weight of differing boxes beside the distance of surfaces, which says little of a flat model."""

STEPS = 12
"""How often a scale and a shift are improved."""

STILL = EXACT / 20
"""An improvement that moves nothing farther than this share of the diagonal is the last one."""

PROMISING = 4
"""How many rotations are tried closely, for each of the criteria that tell them apart."""

UNITS = (1.0, 2.54, 3.048)
"""Factors between units, beside powers of ten: inches and feet."""


class Similarity(NamedTuple):
    """A rotation by quarters, then a scale, then a shift. rotation: 3 x 3, shift: 3."""

    rotation: Array
    scale: float
    shift: Array

    def of(self, points: Array) -> Array:
        """Transform points, N x 3."""
        return points @ self.rotation.T * self.scale + self.shift

    def back(self, points: Array) -> Array:
        """Transform points back, N x 3."""
        return (points - self.shift) / self.scale @ self.rotation

    @property
    def matrix(self) -> Array:
        """The same as a matrix, 4 x 4."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation * self.scale
        matrix[:3, 3] = self.shift
        return matrix

    @property
    def rotates(self) -> bool:
        """Whether it rotates anything."""
        return not np.array_equal(self.rotation, np.eye(3))

    @property
    def shifts(self) -> bool:
        """Whether it moves the origin."""
        return bool(self.shift.any())


IDENTITY = Similarity(np.eye(3), 1.0, np.zeros(3))


class Surface:
    """Triangles, with the figures by which surfaces are compared.

    corners: N x 3 x 3, with at least one triangle. nearest: searches among them. marks: something by which
    places on the surface can be told apart, such as UV coordinates, N x 3 x 2, or None.
    """

    def __init__(self, corners: Array, nearest: Nearest, marks: Array | None = None) -> None:
        self.corners, self.nearest, self.marks = corners, nearest, marks
        self.low, self.high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        self.sides = self.high - self.low
        self.diagonal = float(np.linalg.norm(self.sides))
        self.middle = (self.low + self.high) / 2
        self._areas = np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )

    @cached_property
    def samples(self) -> tuple[Array, Array | None]:
        """Points all over the surface, the same ones each time, and their marks."""
        dice = np.random.default_rng(0)
        total = self._areas.sum()
        chosen = dice.choice(len(self.corners), SAMPLES, p=self._areas / total if total else None)
        one, other = dice.random((2, SAMPLES, 1))
        root = np.sqrt(one)  # evenly over the triangle
        shares = np.concatenate([1 - root, root * (1 - other), root * other], axis=1)
        return self._mixed(self.corners, chosen, shares), (
            None if self.marks is None else self._mixed(self.marks, chosen, shares)
        )

    def marks_at(self, points: Array, triangles: Array) -> Array:
        """The marks of points that are in these triangles."""
        assert self.marks is not None
        origin, along, across = np.moveaxis(self.corners[triangles], 1, 0)
        along, across, to = along - origin, across - origin, points - origin
        aa, ab, bb = ((x * y).sum(1) for x, y in ((along, along), (along, across), (across, across)))
        ta, tb = (to * along).sum(1), (to * across).sum(1)
        area = np.maximum(aa * bb - ab * ab, 1e-30)
        first, second = (bb * ta - ab * tb) / area, (aa * tb - ab * ta) / area
        shares = np.clip(np.stack([1 - first - second, first, second], axis=1), 0.0, 1.0)
        return self._mixed(self.marks, triangles, shares)

    @property
    def edge(self) -> float:
        """How long the edges would be if all triangles were alike and equilateral."""
        return float(np.sqrt(2.31 * self._areas.sum() / 2 / len(self.corners)))

    @staticmethod
    def _mixed(values: Array, triangles: Array, shares: Array) -> Array:
        return (values[triangles] * shares[:, :, None]).sum(axis=1)


class _Candidate(NamedTuple):
    """How well a result fits with one transform. Distances are shares of the diagonal of what was sent.

    error: of both surfaces from each other, root mean square, and of their boxes. outliers: of the result
    alone. marks: how much UV coordinates differ, 0.0 where they tell nothing. change: how far a corner of the
    result's box moves.
    """

    similarity: Similarity
    error: float
    outliers: float
    marks: float
    change: float


def similarity(sent: Surface, came: Surface) -> Similarity | None:
    """The transform of the result `came` to where `sent` is: IDENTITY if it is there, None if there is none.

    Of several that fit equally well, it is the one that changes least.
    """
    if not (np.isfinite(came.diagonal) and came.diagonal > 0.0):
        return None
    if sent.diagonal == 0.0 or _covers(sent, came):
        return IDENTITY
    as_it_is = _evaluate(sent, came, IDENTITY)
    if as_it_is.error <= NOTHING_TO_GAIN and as_it_is.marks <= SAME_MARKS:
        return IDENTITY
    marked = sent.marks is not None and came.marks is not None
    upright = marked and as_it_is.marks <= SAME_MARKS and as_it_is.error <= CLOSE
    tried = [
        _evaluate(sent, came, guess)
        for guess in _initial_guesses(sent, came, ROTATIONS[:1] if upright else ROTATIONS)
    ]
    least = min(candidate.error for candidate in [as_it_is, *tried])
    hopeful = [candidate for candidate in _promising(tried) if candidate.error <= 2 * least + CLOSE]
    found = _chosen([as_it_is, *(_improved(sent, came, candidate) for candidate in hopeful)])
    if found.similarity is not IDENTITY and _is_better(
        found, as_it_is, _tolerance(sent, came, found.similarity.scale)
    ):
        return _simplified(sent, came, found).similarity
    smaller = min(1.0, came.diagonal / sent.diagonal)
    likely = max(LIKELY, _tolerance(sent, came, 1.0)) * smaller
    return IDENTITY if as_it_is.outliers <= likely or _is_coarse(sent, came) else None


def _is_coarse(sent: Surface, came: Surface) -> bool:
    """Whether the result has the box of what was sent and its corners on it: much is gone, in its place."""
    if max(np.abs(sent.low - came.low).max(), np.abs(sent.high - came.high).max()) > UNLIKE * sent.diagonal:
        return False
    corners = np.unique(came.corners.reshape(-1, 3), axis=0)
    corners = corners[:: 1 + len(corners) // SAMPLES]
    return _mean(corners - sent.nearest(corners)[0]) <= CLOSE * sent.diagonal


def _covers(sent: Surface, came: Surface) -> bool:
    """Whether the result is all over what was sent, and no larger; looks into the result only."""
    if max(np.abs(sent.low - came.low).max(), np.abs(sent.high - came.high).max()) > EXACT * sent.diagonal:
        return False
    points, marks = sent.samples
    nearest, triangles = came.nearest(points)
    if _mean(points - nearest) > EXACT * sent.diagonal:
        return False
    return _difference(came, marks, nearest, triangles) <= SAME_MARKS


def _initial_guesses(sent: Surface, came: Surface, rotations: Sequence[Array]) -> Iterator[Similarity]:
    """The transforms of one box onto the other, with each of the rotations that the boxes allow."""
    scale = sent.diagonal / came.diagonal
    for rotation in rotations:
        sides = np.abs(rotation) @ came.sides * scale
        if np.abs(sides - sent.sides).max() <= UNLIKE * sent.diagonal:
            yield Similarity(rotation, scale, sent.middle - rotation @ came.middle * scale)


def _rotations() -> Iterator[Array]:
    """The 24 rotations by quarters, beginning with the identity and the smallest angles."""
    for axes in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            rotation = np.zeros((3, 3))
            rotation[range(3), axes] = signs
            if np.linalg.det(rotation) > 0.0:
                yield rotation


ROTATIONS: Sequence[Array] = sorted(_rotations(), key=lambda rotation: -float(np.trace(rotation)))


def _evaluate(sent: Surface, came: Surface, guess: Similarity) -> _Candidate:
    points, marks = sent.samples
    nearest, triangles = came.nearest(guess.back(points))
    there = _mean(points - guess.of(nearest)) / sent.diagonal
    moved = guess.of(came.samples[0])
    outliers = _mean(moved - sent.nearest(moved)[0]) / sent.diagonal
    corners = np.array([*product(*zip(came.low, came.high, strict=True))])
    moved_corners = guess.of(corners)
    change = np.linalg.norm(moved_corners - corners, axis=1).max() / sent.diagonal
    low, high = moved_corners.min(axis=0), moved_corners.max(axis=0)
    drift = max(np.abs(low - sent.low).max(), np.abs(high - sent.high).max()) / sent.diagonal
    error = float(np.sqrt((there**2 + outliers**2) / 2 + (BOXES * drift) ** 2))
    return _Candidate(guess, error, outliers, _difference(came, marks, nearest, triangles), float(change))


def _mean(ways: Array) -> float:
    """The root mean square of lengths, N x 3."""
    return float(np.sqrt((ways**2).sum(axis=1).mean()))


def _difference(came: Surface, marks: Array | None, nearest: Array, triangles: Array) -> float:
    """The median difference of marks between places on one surface and the nearest on the other."""
    if marks is None or came.marks is None:
        return 0.0
    return float(np.median(np.linalg.norm(came.marks_at(nearest, triangles) - marks, axis=1)))


def _improved(sent: Surface, came: Surface, candidate: _Candidate) -> _Candidate:
    """The same rotation with a scale and a shift that fit better: boxes change when a mesh is reduced.

    Each point is paired with the nearest one of the other surface, and what brings most pairs together is
    taken, again and again (iterative closest points).
    """
    guess = candidate.similarity
    for _ in range(STEPS):
        points, moved = sent.samples[0], guess.of(came.samples[0])
        here = np.concatenate([guess.back(moved), came.nearest(guess.back(points))[0]]) @ guess.rotation.T
        there = np.concatenate([sent.nearest(moved)[0], points])
        apart = np.linalg.norm(here * guess.scale + guess.shift - there, axis=1)
        near = apart <= max(3.0 * float(np.median(apart)), EXACT * sent.diagonal)
        here, there = here[near], there[near]
        one, other = here - here.mean(axis=0), there - there.mean(axis=0)
        spread = float((one**2).sum())
        scale = float((one * other).sum()) / spread if spread else 0.0
        if not 0.5 < scale / guess.scale < 2.0:
            break
        before, guess = (
            guess,
            Similarity(guess.rotation, scale, there.mean(axis=0) - here.mean(axis=0) * scale),
        )
        if _step(before, guess, came) <= STILL * sent.diagonal:
            break
    better = _evaluate(sent, came, guess)
    return better if better.error < candidate.error - EXACT / 10 else candidate


def _step(before: Similarity, after: Similarity, came: Surface) -> float:
    """How far a corner of the result's box is from where it was."""
    corners = np.stack([came.low, came.high])
    return float(np.linalg.norm(after.of(corners) - before.of(corners), axis=1).max())


def _promising(tried: Sequence[_Candidate]) -> list[_Candidate]:
    """Those that fit best before they are improved, whose marks agree most, or that rotate least."""
    orders: list[Callable[[_Candidate], float]] = [
        lambda candidate: candidate.error,
        lambda candidate: candidate.marks,
        lambda candidate: -float(np.trace(candidate.similarity.rotation)),
    ]
    best = [
        number for order in orders for number in np.argsort([*map(order, tried)], kind="stable")[:PROMISING]
    ]
    return [tried[number] for number in dict.fromkeys(best)]


def _chosen(candidates: Sequence[_Candidate]) -> _Candidate:
    """The best one; of those that are as good, the one whose marks agree, and that changes least."""
    least = min(candidate.error for candidate in candidates)
    good = [candidate for candidate in candidates if _is_as_good(candidate, least)]
    marks = min(candidate.marks for candidate in good)
    if any(_marks_differ(marks, candidate.marks) for candidate in good):
        good = [candidate for candidate in good if candidate.marks <= max(SAME_MARKS, 2 * marks)]
    return min(
        good, key=lambda candidate: (-float(np.trace(candidate.similarity.rotation)), candidate.change)
    )


def _is_as_good(candidate: _Candidate, error: float) -> bool:
    return candidate.error <= 1.25 * error + EXACT


def _marks_differ(less: float, more: float) -> bool:
    """Whether marks agree in one way, and clearly do not in another one."""
    return more > max(OTHER_MARKS, 4 * less)


def _is_better(candidate: _Candidate, as_it_is: _Candidate, tolerance: float) -> bool:
    """Whether a result has to be moved: it fits, and no reduction explains that it did not before."""
    if candidate.error > max(CLOSE, tolerance):
        return False
    if _marks_differ(candidate.marks, as_it_is.marks) and _is_as_good(candidate, as_it_is.error):
        return True
    is_far = candidate.change > tolerance and candidate.error < 0.5 * as_it_is.error
    return as_it_is.error > NOTHING_TO_GAIN and (is_far or candidate.error < 0.15 * as_it_is.error)


def _tolerance(sent: Surface, came: Surface, scale: float) -> float:
    """How far a result is from what was sent because it has larger triangles, as a share of the diagonal."""
    larger = max(0.0, came.edge * scale - sent.edge)
    return min(COARSEST, max(EXACT, COARSE * larger / sent.diagonal))


def _simplified(sent: Surface, came: Surface, candidate: _Candidate) -> _Candidate:
    """The simplest way that is about as good: without a scale or a shift, or with the factor of a unit."""
    rotation, scale, _ = candidate.similarity
    middle = candidate.similarity.of(came.middle)
    for factor in (1.0, _unit_near(scale), scale):
        for shift in (np.zeros(3), middle - rotation @ came.middle * factor):
            simple = _evaluate(sent, came, Similarity(rotation, factor, shift))
            if simple.error <= 1.5 * candidate.error + EXACT / 5:
                return simple
    return candidate


def _unit_near(scale: float) -> float:
    """The factor between two units that is nearest to `scale`."""
    tens = 10.0 ** np.round(np.log10(scale / np.array(UNITS)))
    factors = np.array(UNITS) * tens
    return float(factors[np.abs(np.log(factors / scale)).argmin()])
