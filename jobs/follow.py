# SPDX-License-Identifier: GPL-3.0-or-later
"""A job whose results are to be optimized has a job for each of them that follows it.

What is wanted stands in its destination. The tokens of those that follow derive from its own, so that each is
made once, whatever breaks and however many processes see that the first one is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..api import GLB_MIME, OPTIMIZE
from .model import Job

THEN = "then"
"""In a destination: to how many triangles the results are to be optimized."""

INPUT = "input.glb"
"""In the folder of a job that follows: the file of the first one's result, which its user may remove."""


def with_follower(job: Job, count: int) -> Job:
    """The job, whose results are to be optimized to `count` triangles each."""
    return replace(job, destination={**job.destination, THEN: count})


def is_first(job: Job) -> bool:
    """Whether jobs follow this one."""
    return THEN in job.destination


def followers(job: Job, folder: Callable[[str], Path]) -> list[Job]:
    """The jobs that follow a finished one, and go where it would have gone.

    folder: where the job of a token keeps its files; the input of each is to be put there.
    """
    jobs: list[Job] = []
    for number, _result in enumerate(job.results):
        token = hashlib.sha256(f"{job.token} {THEN} {number}".encode()).hexdigest()[:32]
        jobs.append(
            Job(
                service=job.service,
                template=OPTIMIZE,
                name=f"{job.name} {number + 1}" if number else job.name,
                prompt=job.prompt,  # not sent, but the model should know what it was made of
                token=token,
                parameters={"polygon_count": job.destination[THEN]},
                input_path=str(folder(token) / INPUT),
                input_mime=GLB_MIME,
                destination={name: value for name, value in job.destination.items() if name != THEN},
            )
        )
    return jobs
