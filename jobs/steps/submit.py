# SPDX-License-Identifier: GPL-3.0-or-later
"""From the request to a running flow: the file is made, and the flow created, given its input, and started.

Before a call that might run or cost something twice, its intention is written to the store. A step that finds
its intention already written looks at the service before it repeats the call.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...api import (
    GLB_MIME,
    CallFailed,
    Cancelled,
    File,
    Flow,
    InputRefused,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NotFound,
    PaymentRequired,
    Prompt,
    RateLimited,
    TooLarge,
    UnexpectedAnswer,
    UnreadableFile,
    WrongState,
    check_sendable,
)
from ...api.models import as_object
from ...api.transfer import digest_of
from ...core.errors import NoChildBlender
from ...core.messages import Message
from .. import limits
from ..errors import NeedsUser, NoConverter, folder_unusable
from ..job_folder import JobFolder
from ..model import Job
from ..step import Step
from .failure import is_lasting
from .turn import Turn

CLIENT_NAME = "generio-flows-blender"

REFUSED = (
    InvalidRequest,
    KeyRefused,
    PaymentRequired,
    TooLarge,
    RateLimited,
    NotFound,
    MethodNotAllowed,
    WrongState,
)
"""Errors after which it is certain that nothing was created."""

_ABOUT_THE_INPUT = re.compile(r"\binputs?\b", re.IGNORECASE)


def prepare(turn: Turn, job: Job) -> Job:
    """Make the file to send, if the request needs one."""
    if not job.request.source:
        return job.advance_to(Step.PREPARED)
    turn.make_folder()
    source = turn.resolve(job.request.source)
    if turn.bring_inputs_from(job, source.parent):
        source = turn.folder / source.name
    target = JobFolder(turn.folder).made_input(job)
    try:
        _check_input(turn, job)
        turn.make_input(source, target, turn.cancelled)
    except NoChildBlender:
        raise NoConverter from None
    except OSError as error:
        raise folder_unusable(error) from None
    return prepared(job, target)


def create(turn: Turn, job: Job) -> Job:
    """Create an empty flow, which runs nothing and so may be repeated; if refused, create it in one shot."""
    turn.make_folder()  # whether there is one for the result is to be known before anything is sent
    turn.save(job)  # and whether what comes now can be written down: else each try would leave a flow
    # Another process, or the job of an older list, may have run a flow for this job since.
    if not (turn.is_new and job.run.attempt == 1) and (former := _find_former_flow(turn, job)) is not None:
        return former
    _check_input(turn, job)
    if job.request.input_mime == GLB_MIME:  # a damaged file would be paid for, too
        check_sendable(turn.resolve(job.request.input_path))
    learn = False
    if not turn.one_shot_services.includes(job.request.service, time.monotonic()):
        try:
            flow = turn.client().create_flow(
                job.request.template, job.request.parameters, additional=_additional(job)
            )
            if turn.is_taken(flow.flow_id):
                raise UnexpectedAnswer(Message("The answer is about a different job."))
            return job.advance_to(Step.CREATED, flow_id=flow.flow_id, flow_state=flow.state)
        except InvalidRequest as error:
            learn = error.own_word and _ABOUT_THE_INPUT.search(error.detail) is not None
            # A service may refuse without a reason; but a single odd answer may be a gateway's.
            if not learn and turn.doubt.about_step(Step.PREPARED).times("refusal") + 1 < limits.LOOKUPS:
                raise
    return _create_with_input(turn, job, learn)


def _find_former_flow(turn: Turn, job: Job) -> Job | None:
    """The job with a flow that was made for it earlier and has been started, unknown to the store."""
    flows = _flows_of(turn, job)
    for flow_id in {job.run.former_flow_id, turn.recorded_flow()} - {"", *(flow.flow_id for flow in flows)}:
        try:
            flows.append(turn.client().flow(flow_id))
        except NotFound as error:
            if not error.own_word:
                raise UnexpectedAnswer.of_gateway(error.status) from None
    alive = [flow for flow in flows if flow.state not in ("created", "failed", "aborting", "aborted")]
    if not alive:
        return None
    flow = max(alive, key=lambda flow: flow.state == "completed")
    attempt = attempt_of(flow, job.token) or job.run.attempt
    return _submitted(job.changed(attempt=attempt), flow)


def _flows_of(turn: Turn, job: Job) -> list[Flow]:
    """The flows that were made for a job; none if the service has no list of flows."""
    try:
        flows = turn.client().flows()
    except (NotFound, MethodNotAllowed) as error:
        if not error.own_word:
            raise UnexpectedAnswer.of_gateway(error.status) from None
        return []
    return [flow for flow in flows if attempt_of(flow, job.token)]


def _create_with_input(turn: Turn, job: Job, learn: bool) -> Job:
    """Create the flow with its input, which runs at once; `learn`: whether the service asked for that."""
    client = turn.client()  # before that is written down: without one nothing is sent
    submitting = job.advance_to(Step.SUBMITTING)
    turn.save(submitting)
    try:
        flow = client.create_flow(
            job.request.template,
            job.request.parameters,
            [_input_of(turn, job)],
            _additional(job),
            progress=turn.report_bytes,
            cancelled=turn.cancelled,
        )
    except (Cancelled, InputRefused):
        turn.save(job)  # both come while the body goes out, so the service never had the whole
        raise
    except CallFailed as error:
        turn.one_shot_services.forget(job.request.service)
        if not error.sent or isinstance(error, REFUSED):
            turn.save(job)
        raise
    if learn:
        turn.one_shot_services.learn(job.request.service, time.monotonic())
    return _submitted(submitting, flow)


def find_lost_create(turn: Turn, job: Job) -> Job | None:
    """The answer to a one-shot create was lost: is the flow there? None = look once more, later."""
    made = [flow for flow in _flows_of(turn, job) if attempt_of(flow, job.token) == job.run.attempt]
    begun = next((flow for flow in made if flow.state != "created"), None)
    # An empty create before it, whose answer was lost as well, has left a flow that never begins.
    found = begun or next((flow for flow in made if _may_begin(turn, flow)), None)
    if found is not None:
        return _submitted(job, found)
    times, seconds = turn.doubt.times("create"), turn.doubt.seconds("create", time.monotonic())
    if times + 1 >= limits.LOOKUPS and seconds >= limits.LOST_CREATE * limits.LOOKUP_SECONDS:
        raise NeedsUser  # the list may not be complete (V21), so this is no proof that nothing runs
    return None


def _may_begin(turn: Turn, flow: Flow) -> bool:
    """Whether a flow in the state `created` is known to have an input, so that it starts by itself."""
    try:
        return bool(turn.client().inputs(flow.flow_id))
    except (NotFound, MethodNotAllowed):
        return True


def upload(turn: Turn, job: Job) -> Job:
    """Send the input to the flow. If an earlier try may have failed, look first, and use another flow."""
    if job.status.step is Step.UPLOADING:
        try:
            arrived = _has_arrived(turn, job)
        except (NotFound, MethodNotAllowed):
            arrived = False  # no list of inputs, or no flow any more
        if arrived:
            return job.advance_to(Step.UPLOADED)
        refused = turn.doubt.about_step(Step.UPLOADING)
        if refused.times("refusal") and refused.is_latest and not is_lasting(refused):
            return job.advance_to(Step.CREATED)  # the input was refused, not lost
        # The lost input may still arrive, so the next one goes to another flow. This flow never runs, and the
        # process that has the job now deletes it: another one may have seen the input arrive.
        without = job.advance_to(Step.PREPARED, flow_id="", flow_state="")
        turn.save(without)
        with suppress(CallFailed):
            turn.client().delete_flow(job.run.flow_id)
        return without
    _check_input(turn, job)
    uploading = job.advance_to(Step.UPLOADING)
    turn.save(uploading)
    try:
        turn.client().add_input(
            job.run.flow_id, _input_of(turn, job), progress=turn.report_bytes, cancelled=turn.cancelled
        )
    except MethodNotAllowed as error:
        refused, clear = turn.doubt.about_step(Step.UPLOADING), error.own_word and error.status == 405
        if refused.times("refusal") + 1 < limits.LOOKUPS or not (clear or is_lasting(refused)):
            raise
        # The service takes no inputs afterwards: delete the empty flow, and send everything in one request.
        with suppress(CallFailed):
            turn.client().delete_flow(job.run.flow_id)
        without = uploading.advance_to(Step.PREPARED, flow_id="", flow_state="")
        return _create_with_input(turn, without, error.own_word)
    return uploading.advance_to(Step.UPLOADED)


def start(turn: Turn, job: Job) -> Job:
    """Start the flow, unless it runs already."""
    if job.status.step is Step.STARTING and turn.client().flow(job.run.flow_id).state != "created":
        return job.advance_to(Step.STARTED, started_at=time.time())
    starting = job.advance_to(Step.STARTING)
    turn.save(starting)
    try:
        turn.client().start_flow(job.run.flow_id)
    except (WrongState, InvalidRequest):
        # The flow may run already, or its input may still be read: its state says which, not the refusal.
        if turn.client().flow(job.run.flow_id).state == "created":
            if turn.doubt.about_step(Step.STARTING).times("refusal") + 1 >= limits.LOOKUPS:
                _check_arrival(turn, starting)
            raise
    return starting.advance_to(Step.STARTED, started_at=time.time())


def _has_arrived(turn: Turn, job: Job) -> bool:
    return any(asset.usable or asset.pending for asset in turn.client().inputs(job.run.flow_id))


def _check_arrival(turn: Turn, job: Job) -> None:
    """Start over with another flow if the service has no input: a login page may have swallowed it.

    The old flow is deleted first, which the service refuses if the flow runs after all (contract, section 3).
    """
    with suppress(NotFound, MethodNotAllowed):
        if not _has_arrived(turn, job):
            turn.client().delete_flow(job.run.flow_id)
            turn.save(job.advance_to(Step.PREPARED, flow_id="", flow_state=""))
            raise UnexpectedAnswer


def _check_input(turn: Turn, job: Job) -> None:
    """Raise UnreadableFile if the file to send was changed since the job was asked for."""
    path = turn.resolve(job.request.source or job.request.input_path)
    if job.request.input_digest and digest_of(path) != job.request.input_digest:
        raise UnreadableFile(
            Message('The file "{name}" has changed since the job was started.', name=path.name),
            Message("Start the job again with the new file, or put the old one back."),
        )


def _input_of(turn: Turn, job: Job) -> Prompt | File:
    additional = {"ref": job.ref}
    if job.request.input_path:
        path = turn.resolve(job.request.input_path)
        copy = JobFolder(turn.folder).input_copy(job.request.picture)
        if job.request.input_path == job.request.picture and copy.is_file():
            path = copy
        return File(path, job.request.input_mime, additional)
    return Prompt(job.request.prompt, additional)


def prepared(job: Job, path: Path) -> Job:
    """The job, with its file to send; the path is absolute if that of its source is."""
    mime = GLB_MIME if path.suffix == ".glb" else "image/png"
    made = str(path) if Path(job.request.source).is_absolute() else path.name
    return job.advance_to(Step.PREPARED, source="", input_path=made, input_mime=mime, input_digest="")


def attempt_of(flow: Flow, token: str) -> int:
    """Which attempt of the job with this token a flow was made for; 0 where it was made for no such job."""
    made_for, _, attempt = str(as_object(flow.additional).get("token", "")).rpartition(".")
    return int(attempt) if made_for == token and attempt.isdecimal() and len(attempt) <= 9 else 0


def _submitted(job: Job, flow: Flow) -> Job:
    """The job whose flow was created together with its input, and starts by itself (contract, V12)."""
    return job.advance_to(
        Step.STARTED,
        flow_id=flow.flow_id,
        flow_state=flow.state,
        started_at=time.time(),
        starts_itself=True,
    )


def _additional(job: Job) -> dict[str, Any]:
    """The data by which the flow is found again (contract, 4.3); no names, paths or other private data."""
    return {"client": CLIENT_NAME, "token": job.ref}
