# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for jobs: what scripts do, and operators where there is no window, in which nothing else ticks."""

from __future__ import annotations

import time
from collections.abc import Callable

import bpy

from ..core.messages import Message, ended
from ..jobs import STATES, Job, Problem, State, Step, followup_tokens
from . import current, is_running
from .requests import Followups


class CannotWait(Exception):
    """What is waited for would never come; the text says why."""


def can_wait() -> bool:
    """Whether an operator waits for its jobs: in the background, where no tick is at work already."""
    return bpy.app.background and not current().is_ticking


def print_state(job: Job) -> None:
    """Say on the terminal how a job is doing."""
    progress = f" {job.run.progress:.0%}" if job.run.progress else ""
    reason = f" ({job.status.problem.message} {job.status.problem.fix})" if job.status.problem else ""
    print(f"GENERIO: {job.request.name}: {STATES[job.state].label}{progress}{reason}", flush=True)  # noqa: T201


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
    session = current()
    if session.is_ticking:
        raise CannotWait(
            "A model is just being placed, and a handler of Blender cannot wait for another one meanwhile. "
            "Wait in a listener: see flows.subscribe."
        )
    engine = session.open_engine(context)
    began = time.monotonic()
    seen: dict[str, tuple[State, float | None]] = {}
    while True:
        session.tick(context)
        if not is_running() or session.engine is not engine:
            raise CannotWait("GENERIO Flows was disabled; jobs go on when it is enabled again.")
        jobs = [job for token in tokens if (job := engine.job(token)) is not None]
        for job in jobs:
            if seen.get(job.token) != (job.state, job.run.progress):
                seen[job.token] = (job.state, job.run.progress)
                watch(job)
        more = [
            following
            for job in jobs
            if job.status.step is Step.PLACED
            for following in (*followup_tokens(job), *session.part(Followups).started.get(job.token, ()))
            if following not in tokens
        ]
        if more:
            tokens = [*tokens, *more]
        elif all(job.finished or session.needs_user(job) for job in jobs):
            late = {job.token for job in jobs if not session.is_over(job)}
            reason = session.placement.moment.placement_blocker(
                context, [session.document.localized(job.request.destination) for job in jobs]
            )
            if not late and engine.all_reported():  # else the rows still say what was before
                return tokens
            if reason:  # and nobody is here to change that
                for token in late:
                    engine.keep_for_import(
                        token,
                        Problem(
                            "not_now",
                            ended(reason),
                            Message("Use Import when it is done."),
                        ),
                    )
                session.placement.pending.difference_update(late)
        if timeout is not None and time.monotonic() - began > timeout:
            raise TimeoutError(f"not over after {timeout:g} seconds")
        time.sleep(0.02)  # nobody looks at a window here
