# SPDX-License-Identifier: GPL-3.0-or-later
"""The triangles that levels of detail are to have: as numbers, or as percentages of the original's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...api import InputRefused
from ...core.destination import MOST_LEVELS
from ...core.errors import Remedy
from ...core.messages import Message

LodCounts = Callable[[int], Sequence[int]]
"""How many triangles each level of detail is to have, from level 1, of a mesh with so many."""

PRESETS: dict[str, tuple[float, ...]] = {
    "HALVES": (50.0, 25.0, 12.5),
    "GENTLE": (75.0, 50.0, 25.0),
    "STEEP": (30.0, 10.0, 3.0),
    "DISTANT": (50.0, 25.0, 10.0, 5.0, 1.0),
}
"""Percentages of the original's triangles for level 1, level 2 and so on."""


class BadCounts(InputRefused):
    """The entered text is not a list of triangle counts."""

    remedy: Remedy = "make_lods"
    message = Message("These are not triangle counts.")
    fix = Message("Enter up to {count} numbers, separated by commas, such as 10000, 5000.", count=MOST_LEVELS)


class BadPercents(InputRefused):
    """The entered text is not a list of percentages."""

    remedy: Remedy = "make_lods"
    message = Message("These are not percentages.")
    fix = Message(
        "Enter up to {count} numbers between 0 and 100, separated by commas, such as 50, 25, 12.5.",
        count=MOST_LEVELS,
    )


def by_percents(percents: Sequence[float]) -> LodCounts:
    """Levels that have these percentages of the original's triangles. Raises BadPercents."""
    if not 1 <= len(percents) <= MOST_LEVELS or not all(0.0 < percent < 100.0 for percent in percents):
        raise BadPercents
    return lambda present: [max(1, round(present * percent / 100.0)) for percent in percents]


def by_counts(counts: Sequence[int]) -> LodCounts:
    """Levels that have these numbers of triangles. Raises BadCounts."""
    if not 1 <= len(counts) <= MOST_LEVELS or min(counts) < 1:
        raise BadCounts
    return lambda _present: counts
