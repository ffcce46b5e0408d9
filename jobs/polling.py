# SPDX-License-Identifier: GPL-3.0-or-later
"""When to ask the service how a flow is doing, and how long it may still take: clock-free.

Durations of earlier flows of the same kind tell when asking is worth a request. Each question is put when one
in CHANCE of the flows that have not ended by now would have ended, so that the number of questions does not
grow with the time a flow takes, and they come close together where flows usually end.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

SHORTEST = 1.0
"""Seconds; never more than one request per second and flow."""

LONGEST = 5.0
"""Seconds; the vendor's own pace (contract, 4.4), where nothing is known."""

FARTHEST = 20.0
"""Seconds; a failed flow should be noticed, too, which may be long before its usual end."""

TAIL = 2.5
"""Seconds; the slowest pace once flows of this kind may have ended."""

CHANCE = 7
SPREAD = (0.8, 1.0, 1.2)
"""A few durations say little of how short or long a flow may be: each stands for some around it, too."""

ENOUGH = 3
"""Durations; with fewer nothing is known."""

HELD = 0.95
"""How far a flow is said to be at most until it has ended, for it may take longer than all before it."""

ASLEEP = 2 * FARTHEST
"""Seconds; who has not asked for so long was switched off, or offline."""


def next_poll(running: float, durations: Sequence[float], progress: float | None) -> float:
    """Seconds to wait before the next question.

    running: seconds since the flow was started. durations: seconds that earlier flows of its kind took.
    progress: what the service says, 0..1; 0 and 1 are no information (contract, V9).
    """
    if progress is not None and 0.0 < progress < 1.0:
        # The service's own word is worth more than other flows; but it need not be linear, and a flow that
        # has just begun after a while in a queue seems to take for ever.
        return _within(min(0.7 * running * (1.0 - progress) / progress, running), FARTHEST)
    usual = [duration * around for duration in durations for around in SPREAD]
    later = sorted(duration - running for duration in usual if duration > running)
    if len(durations) < ENOUGH or not later:
        return _within(running / 2.0, LONGEST)
    # The quantile 1/CHANCE of what is left, between the two durations around it.
    place = (len(later) - 1) / CHANCE
    low = math.floor(place)
    above = later[min(low + 1, len(later) - 1)]
    longest = FARTHEST if len(later) == len(usual) else TAIL
    return _within(later[low] + (above - later[low]) * (place - low), longest)


def ended_after(not_yet: float, noticed: float) -> float:
    """How long a flow ran, seconds, as far as that can be known; 0.0 where it cannot.

    not_yet: seconds after which it still ran. noticed: seconds after which it was found to have ended.
    """
    if noticed - not_yet > ASLEEP:
        return 0.0
    # It ended at any moment in between. Were it always taken to be the last one, what is learned would be
    # when we ask, later flows would be asked about at just these times, and their ends be noticed late.
    return random.uniform(not_yet, noticed)  # noqa: S311 - no secret


def time_left(running: float, durations: Sequence[float], progress: float | None) -> float | None:
    """Seconds until the flow will probably have ended; None where there is no telling."""
    if progress is not None and 0.0 < progress < 1.0 and running > 0.0:
        return running * (1.0 - progress) / progress
    later = [duration - running for duration in durations if duration > running]
    if len(durations) < ENOUGH or not later:
        return None
    from statistics import median  # slow to import, and registering an add-on should be quick

    return median(later)


class Estimate(NamedTuple):
    """How far a flow probably is.

    progress: 0..1, 0.0 where there is no telling. left: seconds until its end, or None. is_late: whether all
    flows that are known took less time than it has taken by now.
    """

    progress: float = 0.0
    left: float | None = None
    is_late: bool = False


def estimate(running: float, durations: Sequence[float], progress: float | None) -> Estimate:
    """How far a flow probably is; arguments as for `next_poll`."""
    left = time_left(running, durations, progress)
    if progress is not None and 0.0 < progress < 1.0:
        return Estimate(progress, left)
    if len(durations) < ENOUGH:
        return Estimate()
    # When the shortest of these times has passed, more is left than a moment before; that takes nothing back.
    moments = [running, *(duration for duration in durations if duration < running)]
    return Estimate(max(_share(moment, durations) for moment in moments), left, left is None)


def _share(running: float, durations: Sequence[float]) -> float:
    """The share of its time that a flow has had which takes as long as the others, at most HELD."""
    later = [duration - running for duration in durations if duration >= running]
    if not later:
        return HELD
    from statistics import median  # as above

    return min(HELD, running / max(running + median(later), SHORTEST))


def _within(seconds: float, longest: float) -> float:
    return min(longest, max(SHORTEST, seconds))


SOON = 15.0
"""Seconds; in less, what is done with a result should be made ready."""


def ends_soon(running: float, durations: Sequence[float], progress: float | None) -> bool:
    """Whether a flow will probably have ended soon; arguments as for `next_poll`."""
    left = time_left(running, durations, progress)
    return left is not None and left < SOON


class RunTimes:
    """How long flows of each kind took at each service, which tells when to ask about the next one."""

    MOST = 20
    """So many are remembered of a kind."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], tuple[float, ...]] = {}

    def learn(self, service: str, kind: str, seconds: float) -> None:
        """Remember that a flow ran for so long; 0.0 = nobody knows."""
        if seconds > 0.0:
            self._seconds[service, kind] = (*self.of(service, kind), seconds)[-self.MOST :]

    def of(self, service: str, kind: str) -> tuple[float, ...]:
        """How long the last flows of a kind ran at a service, seconds."""
        return self._seconds.get((service, kind), ())
