# SPDX-License-Identifier: GPL-3.0-or-later
"""While a flow runs: ask how it is doing, stop it, or adopt one that no job had."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from ...api import (
    TEXT_TO_MODEL,
    CallFailed,
    Flow,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NotFound,
    NotReady,
    PaymentRequired,
    UnexpectedAnswer,
    WrongState,
)
from ...api.decode import prompt_of
from ...core.messages import Message
from ...core.text import tidy
from .. import limits, polling
from ..errors import NeedsUser, NotStarted, UnknownFlow
from ..model import Job
from ..problem import Problem
from ..step import UNSENT, Step
from . import submit
from .failure import flow_still_running
from .turn import Outcome, Turn

LONGEST_NAME = 60
"""Characters of a prompt that name its job."""

LONGEST_PROMPT = 10_000
"""Characters of a prompt that comes from the service."""

LONGEST_PARAMETER = 40
"""Characters of a parameter that comes from the service, and of its name."""

MOST_PARAMETERS = 32

NOTHING_NEW = "nothing_new"
"""Code of the problem of a job whose flow has made no progress for too long."""


def adopt(turn: Turn, job: Job) -> Job | None:
    """Read a flow that exists already. None: the service does not know it now, so ask again later.

    Raises NotStarted for a flow that was never started: only the user may start it.
    """
    try:
        flow = turn.client().flow(job.run.flow_id)
    except NotFound as error:
        if not error.own_word:
            raise UnexpectedAnswer.of_gateway(error.status) from None
        if job.request.template:  # it was there when the job was found again
            raise
        if turn.doubt.times("unknown") + 1 >= limits.LOOKUPS:
            raise UnknownFlow from None
        return None
    prompt = job.request.prompt or _prompt_of(turn, flow)
    is_new = prompt and not job.request.prompt
    job = job.changed(
        template=flow.template or job.request.template,
        parameters=job.request.parameters or _shown(flow.parameters),
        prompt=prompt,
        name=" ".join(prompt.split())[:LONGEST_NAME] if is_new else job.request.name,
    )
    if flow.state == "created":
        turn.save(job)
        raise NotStarted
    return job.advance_to(Step.STARTED, flow_state=flow.state, started_at=time.time(), starts_itself=True)


def _prompt_of(turn: Turn, flow: Flow) -> str:
    """The prompt of a flow, or "" if the service does not give it."""
    with suppress(CallFailed):
        for asset in turn.client().inputs(flow.flow_id) if flow.template == TEXT_TO_MODEL else ():
            prompt = prompt_of(turn.client().input(flow.flow_id, asset.asset_id).data or "")
            # Line breaks stay; characters that cannot be shown are replaced.
            return prompt[:LONGEST_PROMPT].encode(errors="replace").decode().replace("\0", "")
    return ""


def poll(turn: Turn, job: Job) -> Outcome:
    """Ask how the flow is doing."""
    flow = turn.client().flow(job.run.flow_id)
    now = time.time()
    run = job.run
    is_same = (flow.state, flow.progress) == (run.flow_state, run.progress) and run.changed_at
    job = job.unblocked(
        flow_state=flow.state, progress=flow.progress, changed_at=run.changed_at if is_same else now
    )
    not_yet = max(job.run.asked_at, job.run.started_at)
    running = now - job.run.started_at
    if flow.state == "created" and not job.run.starts_itself:
        if turn.doubt.seconds("start", time.monotonic()) >= limits.UNSTARTED * limits.LOOKUP_SECONDS:
            # Something else than the service answered the start.
            return Outcome(job.advance_to(Step.UPLOADED), retry_in=0.0)
        return Outcome(job, retry_in=polling.next_poll(running, turn.durations, None), doubt="start")
    if not flow.state.terminal:
        if 0.0 < turn.patience < now - job.run.changed_at:
            return Outcome(job.blocked(_nothing_new(turn.patience), now + limits.REFUSED_SECONDS))
        if polling.ends_soon(running, turn.durations, flow.progress):
            turn.warm()
        job = job.changed(asked_at=now)
        return Outcome(job, retry_in=polling.next_poll(running, turn.durations, flow.progress))
    if flow.state == "aborted":
        if job.status.cancelling:
            return Outcome(job.cancelled(time.time()))
        stopped = Problem(
            "aborted",
            Message("The job was stopped at the service."),
            Message("Retry to run it again."),
            "retry",
        )
        return Outcome(job.failed(stopped, time.time()))
    # Downloading is a worker's task, so the next turn comes at once. If the user wanted to cancel, that came
    # too late: the model is made, and perhaps paid for, so it is kept for the user to import (see `_stop`).
    run_seconds = 0.0 if job.run.adopted else polling.ended_after(not_yet - job.run.started_at, running)
    return Outcome(job.advance_to(Step.COMPLETED, run_seconds=run_seconds), retry_in=0.0)


def cancel(turn: Turn, job: Job) -> Outcome:
    """One turn of a job that the user wants stopped."""
    try:
        return _stop(turn, job)
    except (NeedsUser, NotReady):
        return Outcome(job.cancelled(time.time(), flow_still_running()))
    except (KeyRefused, PaymentRequired, MethodNotAllowed):
        if turn.doubt.times("refusal") + 1 < limits.LOOKUPS:
            raise
        return Outcome(job.cancelled(time.time(), flow_still_running()))


def _stop(turn: Turn, job: Job) -> Outcome:
    now = time.time()
    if job.status.step in UNSENT or job.status.step is Step.ADOPTED:
        return Outcome(job.cancelled(now))
    if job.status.step in (Step.COMPLETED, Step.DOWNLOADED):
        return Outcome(job.changed(cancelling=False, needs_manual_import=True), retry_in=0.0)
    if job.status.step is Step.SUBMITTING:
        found = submit.find_lost_create(turn, job)
        if found is None:
            return Outcome(job, retry_in=limits.LOOKUP_SECONDS, doubt="create")
        job = found.changed(cancelling=True)
    try:
        if job.status.step in (Step.CREATED, Step.UPLOADING, Step.UPLOADED):
            turn.client().delete_flow(job.run.flow_id)
            return Outcome(job.cancelled(now))
        if job.status.step is Step.STARTING and turn.client().flow(job.run.flow_id).state == "created":
            turn.client().delete_flow(job.run.flow_id)
            return Outcome(job.cancelled(now))
        if job.run.flow_state != "aborting":
            turn.client().abort_flow(job.run.flow_id)
            started_at = job.run.started_at or now
            job = job.advance_to(Step.STARTED, started_at=started_at).changed(flow_state="aborting")
            turn.save(job)
    except (WrongState, InvalidRequest):
        pass  # the flow has ended already, or does not run yet; its state says which
    outcome = poll(turn, job)
    # An abort takes effect soon, however long such flows usually run.
    return outcome if outcome.job.finished else outcome._replace(retry_in=polling.SHORTEST)


def _shown(parameters: dict[str, Any]) -> dict[str, str | int | float]:
    """The parameters of a flow that can be shown in a list and kept in the properties of an object."""
    shown: dict[str, str | int | float] = {}
    for name, value in parameters.items():
        name = tidy(name, LONGEST_PARAMETER)
        if name and isinstance(value, str | int | float) and len(shown) < MOST_PARAMETERS:
            shown[name] = tidy(value, LONGEST_PARAMETER) if isinstance(value, str) else value
    return shown


def _nothing_new(patience: float) -> Problem:
    return Problem(
        NOTHING_NEW,
        Message("No news from the service for {minutes:.0f} minutes.", minutes=patience / 60),
        Message("Retry to go on waiting, or cancel the job."),
        "retry",
    )
