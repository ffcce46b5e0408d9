# SPDX-License-Identifier: GPL-3.0-or-later
"""How far jobs are, and how long they take: what changes with time alone, so that no event tells."""

from __future__ import annotations

import time
from typing import NamedTuple

from ..core.durations import clock
from ..core.messages import Message
from ..engine.client import EngineClient
from ..i18n import translated
from ..jobs import Job


class Timing(NamedTuple):
    """elapsed: as m:ss; progress: 0..1, 0 where there is no telling; remaining: in words, or ""."""

    elapsed: str = ""
    progress: float = 0.0
    remaining: str = ""


def timing(engine: EngineClient | None, token: str) -> Timing:
    """How long a job has taken by now, how far it is, and what is left."""
    job = engine.job(token) if engine is not None else None
    if engine is None or job is None:
        return Timing()
    now = time.time()
    progress, left = progress_of(job, engine, now)
    remaining = translated(Message("{time} left", time=clock(left))) if left is not None else ""
    if job.waiting and job.retry_at > now:
        remaining = translated(Message("retry in {time}", time=clock(job.retry_at - now + 0.999)))
    return Timing(clock((job.finished_at or now) - (job.begun_at or job.created_at)), progress, remaining)


def progress_of(job: Job, engine: EngineClient, now: float) -> tuple[float, float | None]:
    """How far a job is, 0..1, and the seconds that are left, if that can be told."""
    left = engine.time_left(job)
    if job.finished:
        return 1.0, None
    if left is None:
        return job.progress or 0.0, None
    running = now - job.started_at
    return running / max(running + left, 1.0), left
