# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for jobs: what scripts do, and operators where there is no window, in which nothing else ticks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import bpy

from . import bridge, placing
from .jobs import Job, Problem, State, Step, followup_jobs, has_followup
from .scene import place


class CannotWait(Exception):
    """What is waited for would never come; the text says why."""


_for_script: list[str] | None = None  # takes the tokens of jobs that a script waits for by itself


@contextmanager
def for_script() -> Iterator[list[str]]:
    """Collects the tokens of the jobs that operators hand over meanwhile; they do not wait for them."""
    global _for_script
    _for_script = tokens = []
    try:
        yield tokens
    finally:
        _for_script = None


def taken_by_script(tokens: list[str]) -> bool:
    """Whether a script has called the operator that has handed over these jobs, and takes them from here."""
    if _for_script is None:
        return False
    _for_script.extend(tokens)
    return True


def can_wait() -> bool:
    """Whether an operator waits for its jobs: in the background, where no tick is at work already."""
    return bpy.app.background and not bridge.is_ticking()


def print_state(job: Job) -> None:
    """Say on the terminal how a job is doing."""
    progress = f" {job.progress:.0%}" if job.progress else ""
    reason = f" ({job.problem.message} {job.problem.fix})" if job.problem else ""
    print(f"GENERIO: {job.name}: {job.state}{progress}{reason}", flush=True)  # noqa: T201


def run_until(
    context: bpy.types.Context,
    tokens: list[str],
    watch: Callable[[Job], None] = print_state,
    timeout: float | None = None,
) -> list[str]:
    """Tick until the jobs are over and placed, or wait for the user; for where there is no window.

    Returns their tokens, and those of the jobs that followed them.

    watch: is shown the jobs whenever their state or progress has changed. timeout: seconds, after which
    TimeoutError is raised. Raises CannotWait.
    """
    if bridge.is_ticking():
        raise CannotWait(
            "A model is just being placed, and a handler of Blender cannot wait for another one meanwhile. "
            "Wait in a listener: see flows.subscribe."
        )
    carrier = bridge.engine(context)
    began = time.monotonic()
    seen: dict[str, tuple[State, float | None]] = {}
    while True:
        bridge.tick()
        if bridge.running() is not carrier:
            raise CannotWait("GENERIO Flows was disabled; jobs go on when it is enabled again.")
        jobs = [job for token in tokens if (job := carrier.job(token)) is not None]
        for job in jobs:
            if seen.get(job.token) != (job.state, job.progress):
                seen[job.token] = (job.state, job.progress)
                watch(job)
        more = [
            following.token
            for job in jobs
            if has_followup(job) and job.step is Step.PLACED
            for following in followup_jobs(job, carrier.folder)
            if following.token not in tokens
        ]
        if more:
            tokens = [*tokens, *more]
        elif all(job.finished or _needs_user(job) for job in jobs):
            late = {job.token for job in jobs if not is_over(job)}
            reason = place.not_now(context, [job.destination for job in jobs])
            if not late and carrier.all_reported():  # else the rows still say what was before
                return tokens
            if reason:  # and nobody is here to change that
                for token in late:
                    carrier.keep_for_import(
                        token, Problem("not_now", reason + ".", "Use Import when it is done.")
                    )
                placing.due.difference_update(late)
        if timeout is not None and time.monotonic() - began > timeout:
            raise TimeoutError(f"not over after {timeout:g} seconds")
        time.sleep(0.02)  # nobody looks at a window here


def is_over(job: Job) -> bool:
    """Whether nothing more happens to a job by itself: where its result is due here, it has been placed."""
    if job.step is Step.READY:
        return job.needs_manual_import or not (has_followup(job) or place.belongs_here(job.destination))
    if placing.is_noted(job):
        return False
    return job.finished or _needs_user(job)


def _needs_user(job: Job) -> bool:
    return job.waiting and not bridge.carries(job.token)
