# SPDX-License-Identifier: GPL-3.0-or-later
"""A job whose results are to be optimized has a job for each of them that follows it.

What is wanted stands in its destination, see `NewModel`. The tokens of those that follow derive from its own,
so that each is made once, whatever breaks and however many processes see that the first one is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..api import GLB_MIME, OPTIMIZE
from ..api.parameters import POLYGON_COUNT
from ..core.destination import NewModel
from ..formats.glb import check_glb
from .job_folder import JobFolder
from .job_parts import Request
from .model import Job
from .step import Step


def with_followup(job: Job, count: int | None, percent: float = 0.0, levels: int = 0, maps: str = "") -> Job:
    """The job of a new model, whose results are to be optimized.

    count, percent: to how many triangles each, or to which share of its own. levels, maps: what is made of it
    besides, see `NewModel`.
    """
    where = job.request.destination
    assert isinstance(where, NewModel)
    wanted = replace(where, then_optimize=count, then_percent=percent, then_lods=levels, then_bake=maps)
    return job.changed(destination=wanted)


def has_followup(job: Job) -> bool:
    """Whether jobs follow this one before anything is placed."""
    return is_optimized(job) and not follows_in_file(job)


def is_optimized(job: Job) -> bool:
    """Whether the results of a job are optimized, before or after they are placed."""
    where = job.request.destination
    return isinstance(where, NewModel) and (where.then_optimize is not None or where.then_percent > 0.0)


def follows_in_file(job: Job) -> bool:
    """Whether jobs follow when the results are in the file, since both versions of them are needed there."""
    where = job.request.destination
    return is_optimized(job) and isinstance(where, NewModel) and bool(where.then_lods or where.then_bake)


def followup_tokens(job: Job) -> list[str]:
    """The tokens of the jobs that follow this one, one for each of its results."""
    if not has_followup(job):
        return []
    names = (f"{job.token} then {number}" for number in range(len(job.placement.results)))
    return [hashlib.sha256(name.encode()).hexdigest()[:32] for name in names]


def followup_failed(job: Job, find: Callable[[str], Job | None]) -> bool:
    """Whether a job that others follow is over, and not all that they make of it came into a file.

    Then its own results may be all that there is. find: gives the job of a token, None where it is gone.
    """
    following = [found for token in followup_tokens(job) if (found := find(token)) is not None]
    return job.finished and any(other.status.step is not Step.PLACED for other in following)


def followup_jobs(job: Job, folder: Callable[[str], Path]) -> list[Job]:
    """The jobs that follow a finished one, and go where it would have gone.

    folder: where the job of a token keeps its files; the input of each is to be put there. Raises NotAGlb or
    OSError where it has to be known how heavy a result is, and that cannot be read.
    """
    jobs: list[Job] = []
    where = job.request.destination
    if not isinstance(where, NewModel):
        return jobs
    for number, token in enumerate(followup_tokens(job)):
        count = where.then_optimize
        if count is None:
            triangles = check_glb(Path(job.placement.results[number].glb)).triangles
            count = max(1, round(triangles * where.then_percent / 100.0))
        jobs.append(
            Job(
                Request(
                    service=job.request.service,
                    template=OPTIMIZE,
                    name=f"{job.request.name} {number + 1}" if number else job.request.name,
                    prompt=job.request.prompt,  # not sent, but the model should know what it was made of
                    parameters={POLYGON_COUNT.name: count},
                    input_path=str(JobFolder(folder(token)).model_input),
                    input_mime=GLB_MIME,
                    destination=replace(where, then_optimize=None, then_percent=0.0),
                ),
                token=token,
            )
        )
    return jobs
