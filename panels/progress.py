# SPDX-License-Identifier: GPL-3.0-or-later
"""How far jobs are, and how long they take: what changes with time alone, so that no event tells."""

from __future__ import annotations

import time
from typing import NamedTuple

from ..core.durations import clock
from ..core.messages import EMPTY, Message
from ..engine.client import EngineClient
from ..i18n import translated
from ..jobs import Job, Step
from ..jobs.polling import HELD
from ..session import current

FETCHING = frozenset({Step.COMPLETED, Step.DOWNLOADED})
"""Steps after a flow has ended, whose progress is what is left of the bar."""


class Timing(NamedTuple):
    """elapsed: as m:ss; progress: 0..1, 0 where there is no telling; remaining: in words, or "".

    is_late: whether it takes longer than usual, which `remaining` says then.
    """

    elapsed: str = ""
    progress: float = 0.0
    remaining: str = ""
    is_late: bool = False


class Reached(NamedTuple):
    """The farthest that a job was said to be, in which attempt, and whether its flow ran by then."""

    attempt: int
    runs: bool
    progress: float


class Progress:
    """How far jobs were said to be, which is never taken back while a flow runs."""

    def __init__(self) -> None:
        self._reached: dict[str, Reached] = {}

    def of(self, job: Job, engine: EngineClient, now: float) -> float:
        """How far a job is at `now`, 0..1; one that waits stands still."""
        if job.finished:
            self._reached.pop(job.token, None)
            return 1.0
        runs = job.status.step is Step.STARTED or job.status.step in FETCHING
        before = self._reached.get(job.token)
        if before is None or (before.attempt, before.runs) != (job.run.attempt, runs):
            before = Reached(job.run.attempt, runs, 0.0)
        progress = (
            before.progress if job.status.waiting else max(before.progress, _estimated(job, engine, now))
        )
        self._reached[job.token] = before._replace(progress=progress)
        return progress


def _estimated(job: Job, engine: EngineClient, now: float) -> float:
    """How far a job is by all that is known now."""
    if job.status.step is Step.STARTED:
        return engine.estimate(job, now).progress
    if job.status.step in FETCHING:
        return HELD + (1.0 - HELD) * (job.run.progress or 0.0)
    return job.run.progress or 0.0


def timing(engine: EngineClient | None, token: str) -> Timing:
    """How long a job has taken by now, how far it is, and what is left; a job that waits has no progress."""
    job = engine.job(token) if engine is not None else None
    if engine is None or job is None:
        return Timing()
    now = time.time()
    progress = 0.0 if job.status.waiting else current().part(Progress).of(job, engine, now)
    elapsed = clock((job.status.finished_at or now) - (job.run.begun_at or job.created_at))
    is_late = not job.status.waiting and engine.estimate(job, now).is_late
    return Timing(elapsed, progress, translated(_remaining(job, engine, now)), is_late)


def _remaining(job: Job, engine: EngineClient, now: float) -> Message:
    """What is left for a job, in words, or nothing."""
    if job.status.waiting:
        left = job.status.retry_at - now
        return Message("retry in {time}", time=clock(left + 0.999)) if left > 0.0 else EMPTY
    estimate = engine.estimate(job, now)
    if estimate.is_late:
        return Message("longer than usual")
    return Message("{time} left", time=clock(estimate.left)) if estimate.left is not None else EMPTY
