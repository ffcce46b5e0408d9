# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon the end of a flow is noticed, and for how many requests, beside asking every 5 s.

Simulated, since minutes of waiting would show nothing else. Part of `make bench`; a test holds the targets.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scripts.bench_rows import Row

FLOWS = 200
LEARNED = 20
FIXED_SECONDS = 5.0
"""The quickstart's pace."""

USUAL = {"low": 15.0, "high": 45.0, "optimize": 30.0}
"""Seconds that a flow of a kind usually takes."""

NextPoll = Callable[[float, Sequence[float], float | None], float]
"""`jobs.polling.next_poll`."""


@dataclass(frozen=True)
class Noticed:
    """late: seconds between the ends of all flows and the questions that found them; asked: questions."""

    late: float
    asked: int


def simulate(next_poll: NextPoll, seed: int) -> tuple[Noticed, Noticed]:
    """FLOWS flows of varied length, half of which tell no progress but 0 and 1: (ours, every 5 s)."""
    chance = random.Random(seed)

    def length(kind: str) -> float:
        return USUAL[kind] * chance.lognormvariate(0.0, 0.25)

    learned = {kind: [length(kind) for _ in range(LEARNED)] for kind in USUAL}
    ours: list[Noticed] = []
    fixed: list[Noticed] = []
    for number in range(FLOWS):
        kind = chance.choice(list(USUAL))
        duration = length(kind)

        def wait(
            now: float, kind: str = kind, duration: float = duration, told: bool = number % 2 == 0
        ) -> float:
            return next_poll(now, learned[kind], now / duration if told else 0.0)

        ours.append(_watch(duration, wait))
        fixed.append(_watch(duration, lambda _now: FIXED_SECONDS))
    return _sum(ours), _sum(fixed)


def _watch(duration: float, wait: Callable[[float], float]) -> Noticed:
    now, asked = 0.0, 0
    while now < duration:
        now += wait(now)
        asked += 1
    return Noticed(now - duration, asked)


def _sum(each: Sequence[Noticed]) -> Noticed:
    return Noticed(sum(one.late for one in each), sum(one.asked for one in each))


def polling_rows(next_poll: NextPoll) -> Iterator[Row]:
    """The figures of one simulation, per flow."""
    ours, fixed = simulate(next_poll, seed=7)
    yield Row("polling: end noticed after", "s", ours.late / FLOWS, fixed.late / FLOWS)
    yield Row("polling: requests for each flow", "", ours.asked / FLOWS, fixed.asked / FLOWS)
