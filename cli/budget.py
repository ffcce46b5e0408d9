# SPDX-License-Identifier: GPL-3.0-or-later
"""One number of triangles for many models together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..api import FlowsError, check_glb
from .items import Item
from .lists import UsageError


def share_budget(items: Sequence[Item], budget: int) -> list[Item]:
    """The items, of which those without a target of their own share `budget` triangles by their sizes.

    A model that cannot be read gets no share: it fails by itself, before anything of it is sent. Raises
    UsageError where there is nothing to reduce, or not a triangle for each.
    """
    sizes = {
        index: triangles
        for index, item in enumerate(items)
        if not item.parameters and item.ratio is None and (triangles := _triangles(item))
    }
    total = sum(sizes.values())
    if sizes and total <= budget:
        raise UsageError(
            f"these models have {total:,} triangles together, so a budget of {budget:,} reduces nothing; "
            "give a smaller one"
        )
    if budget < len(sizes):
        raise UsageError(
            f"a budget of {budget:,} is less than one triangle for each of {len(sizes):,} models"
        )
    shares = _shares(sizes, budget)
    return [
        replace(item, parameters={"polygon_count": shares[index]}) if index in shares else item
        for index, item in enumerate(items)
    ]


def _triangles(item: Item) -> int:
    try:
        return check_glb(item.source).triangles if item.source is not None else 0
    except (FlowsError, OSError):
        return 0


def _shares(sizes: dict[int, int], budget: int) -> dict[int, int]:
    """Whole numbers of at least 1, in proportion to the sizes, which are `budget` together."""
    spare, total = budget - len(sizes), sum(sizes.values())
    exact = {index: spare * size / total for index, size in sizes.items()}
    shares = {index: 1 + int(part) for index, part in exact.items()}
    by_rest = sorted(sizes, key=lambda index: (int(exact[index]) - exact[index], index))
    for index in by_rest[: budget - sum(shares.values())]:
        shares[index] += 1
    return shares
