# SPDX-License-Identifier: GPL-3.0-or-later
"""Which step comes next."""

from __future__ import annotations

from ...api import Cancelled
from .. import limits, polling
from ..job_parts import BAKE, EXPORT
from ..model import Job
from ..step import Step
from . import bake, download, export, run, submit
from .turn import Outcome, Turn


def advance(turn: Turn, job: Job) -> Outcome:
    """Take `job` on until it is over or has to wait. Raises FlowsError; what was reached is saved."""
    if job.status.cancelling:
        return run.cancel(turn, job)
    if job.status.step is Step.STARTED:
        return run.poll(turn, job)
    while not job.finished:
        if turn.cancelled():
            raise Cancelled
        match job.status.step:
            case Step.REQUESTED if job.request.template == BAKE:
                after = bake.bake(turn, job)
            case Step.REQUESTED if job.request.template == EXPORT:
                after = export.export(turn, job)
            case Step.REQUESTED:
                after = submit.prepare(turn, job)
            case Step.PREPARED:
                after = submit.create(turn, job)
            case Step.SUBMITTING:
                after = submit.find_lost_create(turn, job)
            case Step.CREATED | Step.UPLOADING:
                after = submit.upload(turn, job)
            case Step.UPLOADED | Step.STARTING:
                after = submit.start(turn, job)
            case Step.ADOPTED:
                after = run.adopt(turn, job)
            case Step.COMPLETED:
                turn.warm()
                after = download.download(turn, job)
            case Step.DOWNLOADED:
                after = download.convert(turn, job)
            case _:
                return Outcome(job, retry_in=polling.next_poll(0.0, turn.durations, None))
        if after is None:
            return _check_again(turn, job)
        job = after
        turn.save(job)
        if job.status.step is Step.PLACED:  # which only exported files are by themselves
            export.clear(turn, job)
    return Outcome(job)


def _check_again(turn: Turn, job: Job) -> Outcome:
    """What is looked for is not there, which is not believed at once."""
    if job.status.step is Step.COMPLETED:
        seconds = limits.OUTPUT_SECONDS * 2 ** turn.doubt.times("outputs")
        return Outcome(job, retry_in=seconds, doubt="outputs")
    about = "create" if job.status.step is Step.SUBMITTING else "unknown"
    return Outcome(job, retry_in=limits.LOOKUP_SECONDS, doubt=about)
