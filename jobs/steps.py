# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of one job, each a short function: make the file, create, upload, start, ask, download, convert.

Whatever may run or cost something twice is written to the ledger as an intention first; a step that is
entered with its intention already written looks at the service before it repeats anything.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from ..api import (
    GLB_MIME,
    TEXT_TO_MODEL,
    Asset,
    CallFailed,
    Cancelled,
    File,
    Flow,
    FlowFailed,
    FlowsClient,
    FlowsError,
    InputRefused,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NetworkError,
    NoResult,
    NotAGlb,
    NotFound,
    NotReady,
    PaymentRequired,
    Prompt,
    RateLimited,
    ResultTruncated,
    ResultUnusable,
    RetryPolicy,
    TooLarge,
    UnexpectedAnswer,
    UnreadableFile,
    WebPage,
    WrongState,
    check_sendable,
    decide,
)
from ..api.decode import prompt_of
from ..api.models import as_object
from ..api.transfer import digest_of
from ..core.messages import Message
from ..core.text import tidy
from . import polling
from .chosen import kept_picture
from .doubt import About, Doubt, OneShotServices
from .errors import DELETED, NeedsUser, NoConverter, NotStarted, UnknownFlow, folder_unusable
from .model import GOES_ON, UNSENT, Job, Problem, Result, Step

CLIENT_NAME = "generio-flows-blender"
OUTPUT_TRIES = 6
"""How often a flow that is over may still say that its outputs are not there yet (contract, V24)."""

OUTPUT_SECONDS = 1.0
"""Between the first two of these questions; doubled each time."""

RESULT_PREFIX = "result-"
"""What the names of the files begin with that hold outputs."""

LONGEST_NAME = 60
"""Characters of a prompt that name its job."""

LONGEST_PROMPT = 10_000
"""Characters of a prompt that comes from the service."""

LONGEST_PARAMETER = 40
"""Characters of a parameter that comes from the service, and of its name."""

MOST_PARAMETERS = 32

LOOKUPS = 3
"""How often in a row an answer must come that a gateway could have given, before anything follows from it."""

LOOKUP_SECONDS = 5.0
"""Between two looks for a flow: the lost request may still be on its way. Other patience is measured in
it."""

LOST_CREATE = 15
"""LOOKUP_SECONDS for which a flow whose create had no answer is looked for, before the user is asked."""

UNSTARTED = 3
"""LOOKUP_SECONDS for which a flow may look as if it had not been started: a read may lag behind."""

FIRST_REFUSAL = 3
"""LOOKUP_SECONDS after which it is believed that a key is refused which has made no flow yet."""

REFUSAL = 15
"""LOOKUP_SECONDS after which a refusal is believed that a gateway, or a service still busy, could give."""

GONE = 60
"""LOOKUP_SECONDS after which a flow is given up that the service denies, or a result that it refuses: both
were paid for."""

QUIET_FAILURES = 2
"""So many failures in a row are nobody's concern while a job goes on by itself."""

QUIET_SECONDS = 10.0
"""Whoever waits for longer is told why."""

NOTHING_NEW = "nothing_new"
"""Code of the problem of a job whose flow stood still for too long."""

REFUSED_SECONDS = 60.0
"""After these a refused key or an account without credit is tried again: both may be mended elsewhere. A flow
about which the user was asked is looked at again, too."""

LONGEST_BREAK = 3600.0
"""Seconds; a service that asks for a longer one is asked all the same."""

BACK_OFF = RetryPolicy(attempts=1_000_000_000, base=1.0, ceiling=60.0)
"""Calls of a job are repeated without end; the user sees why it waits and may cancel."""

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
"""Answers after which it is certain that nothing was created."""

FINAL_STATUSES = frozenset({414, 415, 431, 451})
"""What is wrong with the request itself, and stays so (RFC 9110, section 15.5)."""

_ABOUT_THE_INPUT = re.compile(r"\binputs?\b", re.IGNORECASE)


class Outcome(NamedTuple):
    """How far a job has come, and in how many seconds to look at it again (None: the user's turn).

    doubt: what this turn heard and did not believe, "" for nothing.
    """

    job: Job
    again_in: float | None = None
    doubt: About = ""


@dataclass(frozen=True, eq=False)
class Steps:
    """What the steps of one job need.

    client: gives the client to use, or raises NotReady. folder: the job's own. make_input, convert: see
    `jobs.engine`. save: writes a job to the ledger, raises Cancelled if it is no longer ours. report: tells
    the progress 0..1. cancelled: asked all the time. is_taken: whether a flow belongs to another job. is_new:
    whether the job began in this process. noted_flow: gives the id of the flow that the job's folder knows,
    or "". others_run: whether other jobs run at the service now.
    one_shot_services: those that refuse an empty create. durations: seconds that flows of this kind took.
    doubt: what the turns before heard and did not believe. patience: seconds without any news of a flow,
    after which the user is asked (0 = never). delete_flows: whether a flow is deleted when all its models are
    here.
    """

    client: Callable[[], FlowsClient]
    folder: Path
    make_input: Callable[[Path, Path, Callable[[], bool]], None]
    convert: Callable[[Path, Path, Callable[[], bool]], None]
    save: Callable[[Job], None]
    report: Callable[[float | None], None]
    cancelled: Callable[[], bool]
    is_taken: Callable[[str], bool]
    is_new: bool
    noted_flow: Callable[[], str]
    others_run: Callable[[], bool]
    one_shot_services: OneShotServices
    durations: Sequence[float]
    doubt: Doubt
    patience: float
    delete_flows: bool

    def take(self, job: Job) -> Outcome:
        """Carry `job` on until it is over or has to wait. Raises FlowsError; what was reached is saved."""
        if job.cancelling:
            return self._cancel(job)
        if job.step is Step.STARTED:
            return self._poll(job)
        while not job.finished:
            if self.cancelled():
                raise Cancelled
            match job.step:
                case Step.REQUESTED:
                    job = self._prepare(job)
                case Step.PREPARED:
                    job = self._create(job)
                case Step.SUBMITTING:
                    found = self._find(job)
                    if found is None:
                        return Outcome(job, again_in=LOOKUP_SECONDS, doubt="create")
                    job = found
                case Step.CREATED | Step.UPLOADING:
                    job = self._upload(job)
                case Step.UPLOADED | Step.STARTING:
                    job = self._start(job)
                case Step.ADOPTED:
                    adopted = self._adopt(job)
                    if adopted is None:
                        return Outcome(job, again_in=LOOKUP_SECONDS, doubt="unknown")
                    job = adopted
                case Step.COMPLETED:
                    downloaded = self._download(job)
                    if downloaded is None:
                        seconds = OUTPUT_SECONDS * 2 ** self.doubt.times("outputs")
                        return Outcome(job, again_in=seconds, doubt="outputs")
                    job = downloaded
                case Step.DOWNLOADED:
                    job = self._convert_results(job)
                case _:
                    return Outcome(job, again_in=polling.next_poll(0.0, self.durations, None))
            self.save(job)
        return Outcome(job)

    def after_error(self, job: Job, error: FlowsError, failures: int, chance: float) -> Outcome:
        """What an error of `take` means for `job`, as it is by now; see `decide_after_error`."""
        doubt = self.doubt.at(job.step)
        if isinstance(error, NotFound) and job.flow_id:
            return decide_about_missing(job, error, self.is_gone(job, error), doubt, failures)
        if self.others_run() and _may_be_a_limit(job, error):
            return _later(job, error, failures, chance)._replace(doubt="refusal")
        return decide_after_error(job, error, failures, doubt, chance)

    def is_gone(self, job: Job, error: NotFound) -> bool:
        """Whether all that the service says now agrees that it has no such flow.

        A gateway that knows nothing, or another service, is told apart by what else there is to ask: the list
        of flows, and where there is none, the list of templates.
        """
        if not error.own_word:
            return False
        with suppress(FlowsError):
            client = self.client()
            try:
                return all(flow.flow_id != job.flow_id for flow in client.flows())
            except (NotFound, MethodNotAllowed) as no_list:
                if not no_list.own_word or not client.templates():
                    return False
            try:
                client.inputs(job.flow_id)  # which is there as long as the flow is (contract, section 3)
            except NotFound as no_inputs:
                return no_inputs.own_word
        return False

    # ------------------------------------------------------------------ before the flow runs

    def _prepare(self, job: Job) -> Job:
        if not job.source:
            return job.at(Step.PREPARED)
        self._make_folder()
        source = self._here(job.source)
        if self._brings_from(job, source.parent):
            source = self.folder / source.name
        target = input_path(job, self.folder)
        try:
            self._check_input(job)
            self.make_input(source, target, self.cancelled)
        except OSError:
            raise NoConverter from None
        return prepared(job, target)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise folder_unusable(error) from None

    def _create(self, job: Job) -> Job:
        """Create the flow empty, which runs nothing and so may be repeated; where refused, in one shot."""
        self._make_folder()  # whether there is one for the result is to be known before anything is sent
        self.save(job)  # and whether what comes now can be written down: else each try would leave a flow
        # What another process had, or an older list of jobs has, may have been run since.
        if not (self.is_new and job.attempt == 1) and (former := self._former(job)) is not None:
            return former
        self._check_input(job)
        if job.input_mime == GLB_MIME:  # a damaged one would be paid for, too
            check_sendable(self._here(job.input_path))
        learn = False
        if not self.one_shot_services.includes(job.service, time.monotonic()):
            try:
                flow = self.client().create_flow(job.template, job.parameters, additional=_additional(job))
                if self.is_taken(flow.flow_id):
                    raise UnexpectedAnswer(
                        Message("The answer is about another job than the one that was asked about.")
                    )
                return job.at(Step.CREATED, flow_id=flow.flow_id, flow_state=flow.state)
            except InvalidRequest as error:
                learn = error.own_word and _ABOUT_THE_INPUT.search(error.detail) is not None
                # Some services may not say why; but one odd answer of a gateway is no reason either.
                if not learn and self.doubt.at(Step.PREPARED).times("refusal") + 1 < LOOKUPS:
                    raise
        return self._submit(job, learn)

    def _former(self, job: Job) -> Job | None:
        """The job with a flow that was made for it before, and runs or has run although nobody knew."""
        flows = self._flows_of(job)
        for flow_id in {job.former_flow_id, self.noted_flow()} - {"", *(flow.flow_id for flow in flows)}:
            try:
                flows.append(self.client().flow(flow_id))
            except NotFound as error:
                if not error.own_word:
                    raise UnexpectedAnswer.of_gateway(error.status) from None
        alive = [flow for flow in flows if flow.state not in ("created", "failed", "aborting", "aborted")]
        if not alive:
            return None
        flow = max(alive, key=lambda flow: flow.state == "completed")
        attempt = attempt_of(flow, job.token) or job.attempt
        return _submitted(replace(job, attempt=attempt), flow)

    def _flows_of(self, job: Job) -> list[Flow]:
        """The flows that were made for a job; none where the service has no list."""
        try:
            flows = self.client().flows()
        except (NotFound, MethodNotAllowed) as error:
            if not error.own_word:
                raise UnexpectedAnswer.of_gateway(error.status) from None
            return []
        return [flow for flow in flows if attempt_of(flow, job.token)]

    def _submit(self, job: Job, learn: bool) -> Job:
        """Create the flow with its input, which runs at once; `learn`: whether the service asked for that."""
        client = self.client()  # before that is written down: without one nothing is sent
        submitting = job.at(Step.SUBMITTING)
        self.save(submitting)
        try:
            flow = client.create_flow(
                job.template,
                job.parameters,
                [self._source(job)],
                _additional(job),
                progress=self._progress,
                cancelled=self.cancelled,
            )
        except (Cancelled, InputRefused):
            self.save(job)  # both come while the body goes out, so the service never had the whole
            raise
        except CallFailed as error:
            self.one_shot_services.forget(job.service)
            if not error.sent or isinstance(error, REFUSED):
                self.save(job)
            raise
        if learn:
            self.one_shot_services.learn(job.service, time.monotonic())
        return _submitted(submitting, flow)

    def _find(self, job: Job) -> Job | None:
        """The answer to a one-shot create was lost: is the flow there? None = look once more, later."""
        made = [flow for flow in self._flows_of(job) if attempt_of(flow, job.token) == job.attempt]
        begun = next((flow for flow in made if flow.state != "created"), None)
        # An empty create before it, whose answer was lost as well, has left a flow that never begins.
        found = begun or next((flow for flow in made if self._may_begin(flow)), None)
        if found is not None:
            return _submitted(job, found)
        times, seconds = self.doubt.times("create"), self.doubt.seconds("create", time.monotonic())
        if times + 1 >= LOOKUPS and seconds >= LOST_CREATE * LOOKUP_SECONDS:
            raise NeedsUser  # the list may not be complete (V21), so this is no proof that nothing runs
        return None

    def _may_begin(self, flow: Flow) -> bool:
        """Whether a flow that is `created` has an input, so that it begins by itself, as far as is known."""
        try:
            return bool(self.client().inputs(flow.flow_id))
        except (NotFound, MethodNotAllowed):
            return True

    def _upload(self, job: Job) -> Job:
        if job.step is Step.UPLOADING:
            try:
                arrived = self._arrived(job)
            except (NotFound, MethodNotAllowed):
                arrived = False  # no list of inputs, or no flow any more
            if arrived:
                return job.at(Step.UPLOADED)
            refused = self.doubt.at(Step.UPLOADING)
            if refused.times("refusal") and not _is_lasting(refused):
                return job.at(Step.CREATED)  # it was not lost, it was refused
            # The lost one may still be on its way, so the next goes to another flow. This one never runs,
            # and is deleted by whoever has the job now: another process may have seen the input arrive.
            without = job.at(Step.PREPARED, flow_id="", flow_state="")
            self.save(without)
            with suppress(CallFailed):
                self.client().delete_flow(job.flow_id)
            return without
        self._check_input(job)
        uploading = job.at(Step.UPLOADING)
        self.save(uploading)
        try:
            self.client().add_input(
                job.flow_id, self._source(job), progress=self._progress, cancelled=self.cancelled
            )
        except MethodNotAllowed as error:
            refused, clear = self.doubt.at(Step.UPLOADING), error.own_word and error.status == 405
            if refused.times("refusal") + 1 < LOOKUPS or not (clear or _is_lasting(refused)):
                raise
            # No way to add an input: give the empty flow back, and send all in one.
            with suppress(CallFailed):
                self.client().delete_flow(job.flow_id)
            return self._submit(uploading.at(Step.PREPARED, flow_id="", flow_state=""), error.own_word)
        return uploading.at(Step.UPLOADED)

    def _start(self, job: Job) -> Job:
        if job.step is Step.STARTING and self.client().flow(job.flow_id).state != "created":
            return job.at(Step.STARTED, started_at=time.time())
        starting = job.at(Step.STARTING)
        self.save(starting)
        try:
            self.client().start_flow(job.flow_id)
        except (WrongState, InvalidRequest):
            # It may run already, or still be busy with its input: the state tells, not the refusal.
            if self.client().flow(job.flow_id).state == "created":
                if self.doubt.at(Step.STARTING).times("refusal") + 1 >= LOOKUPS:
                    self._check_arrival(starting)
                raise
        return starting.at(Step.STARTED, started_at=time.time())

    def _arrived(self, job: Job) -> bool:
        return any(asset.usable or asset.pending for asset in self.client().inputs(job.flow_id))

    def _check_arrival(self, job: Job) -> None:
        """Begin with another flow where the service has no input: a login page may have taken it.

        The flow is deleted first, which the service refuses where it runs after all (contract, section 3).
        """
        with suppress(NotFound, MethodNotAllowed):
            if not self._arrived(job):
                self.client().delete_flow(job.flow_id)
                self.save(job.at(Step.PREPARED, flow_id="", flow_state=""))
                raise UnexpectedAnswer

    def _check_input(self, job: Job) -> None:
        """Raise UnreadableFile where the file to send is no more the one that was asked for."""
        path = self._here(job.source or job.input_path)
        if job.input_digest and digest_of(path) != job.input_digest:
            raise UnreadableFile(
                Message('The file "{name}" has changed since it was asked for.', name=path.name),
                Message("Ask for it once more, or put the former file back."),
            )

    def _source(self, job: Job) -> Prompt | File:
        additional = {"ref": job.ref}
        if job.input_path:
            path = self._here(job.input_path)
            if job.input_path == job.picture and (kept := kept_picture(self.folder, job.picture)).is_file():
                path = kept
            return File(path, job.input_mime, additional)
        return Prompt(job.prompt, additional)

    def _here(self, path: str) -> Path:
        # Without its "..", since the job's folder may not have been made yet.
        return Path(os.path.normpath(self.folder / path))

    # ------------------------------------------------------------------ while it runs

    def _adopt(self, job: Job) -> Job | None:
        """Read a flow that is there already; None = it is not known now, so look once more, later.

        What has not been started is not started without the user.
        """
        try:
            flow = self.client().flow(job.flow_id)
        except NotFound as error:
            if not error.own_word:
                raise UnexpectedAnswer.of_gateway(error.status) from None
            if job.template:  # it was there when the job was found again
                raise
            if self.doubt.times("unknown") + 1 >= LOOKUPS:
                raise UnknownFlow from None
            return None
        prompt = job.prompt or self._prompt_of(flow)
        job = replace(
            job,
            template=flow.template or job.template,
            parameters=job.parameters or _shown(flow.parameters),
            prompt=prompt,
            name=" ".join(prompt.split())[:LONGEST_NAME] if prompt and not job.prompt else job.name,
        )
        if flow.state == "created":
            self.save(job)
            raise NotStarted
        return job.at(Step.STARTED, flow_state=flow.state, started_at=time.time(), starts_itself=True)

    def _prompt_of(self, flow: Flow) -> str:
        """What was asked for in words, where that is to be had."""
        with suppress(CallFailed):
            for asset in self.client().inputs(flow.flow_id) if flow.template == TEXT_TO_MODEL else ():
                prompt = prompt_of(self.client().input(flow.flow_id, asset.asset_id).data or "")
                # Its lines stay; what is no text, nobody could show.
                return prompt[:LONGEST_PROMPT].encode(errors="replace").decode().replace("\0", "")
        return ""

    def _poll(self, job: Job) -> Outcome:
        flow = self.client().flow(job.flow_id)
        now = time.time()
        changed = (flow.state, flow.progress) != (job.flow_state, job.progress) or not job.changed_at
        job = job.going(
            flow_state=flow.state, progress=flow.progress, changed_at=now if changed else job.changed_at
        )
        not_yet = max(job.asked_at, job.started_at)
        running = now - job.started_at
        if flow.state == "created" and not job.starts_itself:
            if self.doubt.seconds("start", time.monotonic()) >= UNSTARTED * LOOKUP_SECONDS:
                return Outcome(job.at(Step.UPLOADED), again_in=0.0)  # something else answered our start
            return Outcome(job, again_in=polling.next_poll(running, self.durations, None), doubt="start")
        if not flow.state.terminal:
            if 0.0 < self.patience < now - job.changed_at:
                return Outcome(job.blocked(_nothing_new(self.patience), now + REFUSED_SECONDS))
            job = replace(job, asked_at=now)
            return Outcome(job, again_in=polling.next_poll(running, self.durations, flow.progress))
        if flow.state == "aborted":
            if job.cancelling:
                return Outcome(job.cancelled(time.time()))
            stopped = Problem(
                "aborted",
                Message("The job was stopped at the service."),
                Message("Retry to run it again."),
                "retry",
            )
            return Outcome(job.failed(stopped, time.time()))
        # Downloading is a worker's task, so the next turn comes at once. A wish to cancel came too late:
        # what has been made, and perhaps paid for, is kept for the user to import (see `_cancel`).
        run_seconds = 0.0 if job.adopted else polling.ended_after(not_yet - job.started_at, running)
        return Outcome(job.at(Step.COMPLETED, run_seconds=run_seconds), again_in=0.0)

    def _cancel(self, job: Job) -> Outcome:
        """One turn of a job that the user wants stopped."""
        try:
            return self._stop(job)
        except (NeedsUser, NotReady):
            return Outcome(job.cancelled(time.time(), _goes_on()))
        except (KeyRefused, PaymentRequired, MethodNotAllowed):
            if self.doubt.times("refusal") + 1 < LOOKUPS:
                raise
            return Outcome(job.cancelled(time.time(), _goes_on()))

    def _stop(self, job: Job) -> Outcome:
        now = time.time()
        if job.step in UNSENT or job.step is Step.ADOPTED:
            return Outcome(job.cancelled(now))
        if job.step in (Step.COMPLETED, Step.DOWNLOADED):
            return Outcome(replace(job, cancelling=False, hold=True), again_in=0.0)
        if job.step is Step.SUBMITTING:
            found = self._find(job)
            if found is None:
                return Outcome(job, again_in=LOOKUP_SECONDS, doubt="create")
            job = replace(found, cancelling=True)
        try:
            if job.step in (Step.CREATED, Step.UPLOADING, Step.UPLOADED):
                self.client().delete_flow(job.flow_id)
                return Outcome(job.cancelled(now))
            if job.step is Step.STARTING and self.client().flow(job.flow_id).state == "created":
                self.client().delete_flow(job.flow_id)
                return Outcome(job.cancelled(now))
            if job.flow_state != "aborting":
                self.client().abort_flow(job.flow_id)
                started_at = job.started_at or now
                job = replace(job.at(Step.STARTED, started_at=started_at), flow_state="aborting")
                self.save(job)
        except (WrongState, InvalidRequest):
            pass  # over already, or not yet running: the state tells
        outcome = self._poll(job)
        # An abort is over soon, whatever the flow's usual length.
        return outcome if outcome.job.finished else outcome._replace(again_in=polling.SHORTEST)

    # ------------------------------------------------------------------ after it ran

    def _download(self, job: Job) -> Job | None:
        """Fetch every usable output into the job's folder; None = the outputs are not there yet."""
        may_come = self.doubt.times("outputs") < OUTPUT_TRIES
        try:
            assets = self.client().outputs(job.flow_id)
        except (WrongState, InvalidRequest):
            if may_come:
                return None
            raise
        usable = [asset for asset in assets if asset.usable]
        if not usable:
            if (
                may_come
                and job.flow_state == "completed"
                and (not assets or any(asset.pending for asset in assets))
            ):
                return None
            raise self._no_result(job, assets)
        self._make_folder()
        results: list[Result] = []
        refused: ResultUnusable | None = None
        for asset in usable:
            path = self.result_path(self.folder, job, asset.asset_id)
            try:
                if not path.exists():  # it only ever gets this name whole and checked
                    self.client().download_output(
                        job.flow_id, asset.asset_id, path, progress=self._progress, cancelled=self.cancelled
                    )
                results.append(Result(str(path)))
            except WebPage:
                raise  # the model is there, behind it
            except ResultUnusable as error:
                refused = error
        if not results and refused is not None:
            raise refused
        job = job.at(Step.DOWNLOADED, results=tuple(results))
        if self.delete_flows and job.flow_state == "completed" and len(results) == len(assets):
            self.save(job)  # what is deleted there has to be known here
            with suppress(CallFailed, NotReady):
                self.client().delete_flow(job.flow_id)
                job = replace(job, flow_state="deleted")
        return job

    @staticmethod
    def result_path(folder: Path, job: Job, asset_id: str) -> Path:
        """Where an output is kept: the service's names never become paths; each attempt has its own."""
        name = hashlib.sha256(f"{job.ref} {asset_id}".encode()).hexdigest()[:12]
        return folder / f"{RESULT_PREFIX}{name}.glb"

    def _no_result(self, job: Job, assets: list[Asset]) -> FlowsError:
        reason = next((asset.reason for asset in assets if asset.reason), None)
        if job.flow_state == "completed" and reason is None:
            return NoResult()
        flow: Flow = self.client().flow(job.flow_id)
        return FlowFailed(flow.reason or reason)

    def _convert_results(self, job: Job) -> Job:
        # Only now: the ledger has it that all is here. Before, another process may be downloading.
        for left_by_a_crash in self.folder.glob("*.glb.*.part"):
            left_by_a_crash.unlink(missing_ok=True)
        if job.input_path:
            self._brings_from(job, self._here(job.input_path).parent)
        results: list[Result] = []
        for result in job.results:
            glb = Path(result.glb)
            if not glb.exists():  # a batch may have been moved since
                glb = self.folder / kept_name(result.glb)
            blend = glb.with_suffix(".blend")
            try:
                self.convert(glb, blend, self.cancelled)
                results.append(Result(str(glb), str(blend)))
            except OSError:
                results.append(result)  # the scene side imports the GLB itself
        if job.picture:  # nobody asks for it again
            with suppress(OSError):
                kept_picture(self.folder, job.picture).unlink()
        return job.at(Step.READY, results=tuple(results), finished_at=time.time())

    def _brings_from(self, job: Job, before: Path) -> bool:
        """Have what was sent beside the result, where conversions look for it; whether it lay elsewhere.

        before: where it lay when another results folder was chosen, if that is what has happened.
        """
        if before.name != job.token or before == self.folder:
            return False
        sources = [path for path in before.glob("*.blend") if not path.name.startswith(RESULT_PREFIX)]
        try:
            for source in sources:
                part = self.folder / f"{source.name}.part"
                shutil.copyfile(source, part)
                part.replace(self.folder / source.name)
        except OSError as error:
            raise folder_unusable(error) from None
        return bool(sources)

    def _progress(self, done: int, total: int | None) -> None:
        self.report(min(1.0, done / total) if total else None)


def kept_name(path: str) -> str:
    """The name of a file in a job's folder, whatever path and slashes that has where it was written."""
    return PureWindowsPath(path).name


def input_path(job: Job, folder: Path) -> Path:
    """Where the file to send is made from the job's source."""
    return folder / ("input.glb" if job.source.endswith(".blend") else "input.png")


def prepared(job: Job, path: Path) -> Job:
    """The job whose file to send has been made; its path is absolute where that of its source was."""
    mime = GLB_MIME if path.suffix == ".glb" else "image/png"
    made = str(path) if Path(job.source).is_absolute() else path.name
    return job.at(Step.PREPARED, source="", input_path=made, input_mime=mime, input_digest="")


def _is_lasting(refusals: Doubt) -> bool:
    """Whether a refusal has lasted for longer than a gateway, or a replica, would give it."""
    return refusals.seconds("refusal", time.monotonic()) >= REFUSAL * LOOKUP_SECONDS


def attempt_of(flow: Flow, token: str) -> int:
    """Which attempt of the job with this token a flow was made for; 0 where it was made for no such job."""
    made_for, _, attempt = str(as_object(flow.additional).get("token", "")).rpartition(".")
    return int(attempt) if made_for == token and attempt.isdecimal() and len(attempt) <= 9 else 0


def decide_after_error(job: Job, error: FlowsError, failures: int, doubt: Doubt, chance: float) -> Outcome:
    """What an error means for a job: wait and try again, wait for the user, or the end.

    failures: how often in a row, this one included. doubt: what was heard before and not believed. chance:
    0..1, spreads the repeats of many clients.
    """
    if isinstance(error, NeedsUser | NotStarted | NoConverter | NotReady):
        return Outcome(job.blocked(Problem.of(error)))
    if not job.flow_id and isinstance(error, NotFound | MethodNotAllowed):
        # There is nothing yet that the service could not know: this is another one, or a gateway.
        error = UnexpectedAnswer.of_gateway(error.status)
    transient = isinstance(error, CallFailed) and error.transient
    # A hotel's login page is no answer of the service, and goes away again.
    if transient or isinstance(error, NetworkError | UnexpectedAnswer | WebPage):
        return _later(job, error, failures, chance)
    if isinstance(error, KeyRefused | PaymentRequired):
        # A key that has made the flow was good then.
        longest = (REFUSAL if job.flow_id else FIRST_REFUSAL) * LOOKUP_SECONDS
        if doubt.times("refusal") + 1 < LOOKUPS or doubt.seconds("refusal", time.monotonic()) < longest:
            return _later(job, error, failures, chance)._replace(doubt="refusal")
        # The user has to act, but may do so where we do not see it: at the service.
        return Outcome(job.blocked(Problem.of(error), time.time() + REFUSED_SECONDS))
    if isinstance(error, CallFailed) and not _is_final(job, error, doubt):
        return _later(job, error, failures, chance)._replace(doubt="refusal")
    if isinstance(error, NoResult | NotAGlb | ResultTruncated) and doubt.times("result") + 1 < LOOKUPS:
        return _later(job, error, failures, chance)._replace(doubt="result")
    return Outcome(job.failed(Problem.of(error), time.time()))


def _may_be_a_limit(job: Job, error: FlowsError) -> bool:
    """Whether a create may be refused only since there are as many flows already as the account may have."""
    is_refusal = isinstance(error, InvalidRequest | WrongState | KeyRefused | PaymentRequired)
    return not job.flow_id and is_refusal and error.status != 401 and not error.validation


def _later(job: Job, error: FlowsError, failures: int, chance: float) -> Outcome:
    """Try again after a while; the job waits, and says why, unless all may be well in a moment."""
    like = error if isinstance(error, CallFailed) and error.transient else NetworkError()
    seconds = decide(BACK_OFF, "GET", failures, like, chance)
    if seconds is None:
        seconds = min(like.retry_after or BACK_OFF.ceiling, LONGEST_BREAK)
    reached = not isinstance(error, CallFailed) or error.sent or job.step is Step.STARTED
    if failures <= QUIET_FAILURES and seconds <= QUIET_SECONDS and reached:
        return Outcome(job, again_in=seconds)
    return Outcome(job.blocked(Problem.of(error), time.time() + seconds), again_in=seconds)


def _is_final(job: Job, error: CallFailed, doubt: Doubt) -> bool:
    """Whether a refusal is believed: what may be a gateway's, or pass by itself, has to stay for a while."""
    if job.step is Step.STARTED:
        return False  # a question about a flow never ends its job
    if isinstance(error, TooLarge):
        return True
    if error.validation or error.status in FINAL_STATUSES:
        return doubt.times("refusal") > 0
    longest = GONE if job.step in (Step.COMPLETED, Step.DOWNLOADED) else REFUSAL
    return doubt.seconds("refusal", time.monotonic()) >= longest * LOOKUP_SECONDS


def decide_about_missing(job: Job, error: NotFound, gone: bool, doubt: Doubt, failures: int) -> Outcome:
    """What it means that a job's flow is not known to the service.

    gone: whether all that the service says agrees with that, see `Steps.is_gone`. Others as above.
    """
    if not gone:
        if job.cancelling and doubt.seconds("refusal", time.monotonic()) >= REFUSAL * LOOKUP_SECONDS:
            return Outcome(job.cancelled(time.time(), _goes_on()))
        outcome = _later(job, UnexpectedAnswer.of_gateway(error.status), failures, 1.0)
        if error.own_word and outcome.job.waiting:
            outcome = outcome._replace(job=job.blocked(_missing(), outcome.job.retry_at))
        return outcome._replace(doubt="refusal")
    believed = doubt.seconds("gone", time.monotonic()) >= GONE * LOOKUP_SECONDS
    if job.cancelling and doubt.times("gone") + 1 >= LOOKUPS:
        return Outcome(job.cancelled(time.time(), None if believed else _goes_on()))
    if believed and doubt.times("gone") >= LOOKUPS:
        return Outcome(job.failed(_deleted(), time.time()))
    seconds = decide(BACK_OFF, "GET", failures, NetworkError(), 1.0) or LOOKUP_SECONDS
    return Outcome(job.blocked(_missing(), time.time() + seconds), again_in=seconds, doubt="gone")


def _submitted(job: Job, flow: Flow) -> Job:
    """The job whose flow was created together with its input, and starts by itself (contract, V12)."""
    return job.at(
        Step.STARTED,
        flow_id=flow.flow_id,
        flow_state=flow.state,
        started_at=time.time(),
        starts_itself=True,
    )


def _shown(parameters: dict[str, Any]) -> dict[str, str | int | float]:
    """Those of a flow's parameters, to be shown only, that fit a list and the properties of an object."""
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


def _deleted() -> Problem:
    return Problem(
        DELETED,
        Message("The job was deleted at the service, or belongs to another account."),
        Message("Retry looks for it once more, and runs it again if it is not there."),
        "retry",
    )


def _missing() -> Problem:
    return Problem(
        "missing",
        Message("The service does not know this job at the moment."),
        Message("It is asked again for some minutes before that is believed."),
    )


def _goes_on() -> Problem:
    return Problem(
        GOES_ON,
        Message("The service could not be told to stop. The job may still be running there."),
        Message("Check it in your account."),
        "open_account",
    )


def _additional(job: Job) -> dict[str, Any]:
    """What finds the flow again (contract, 4.3); no names, paths or other private data."""
    return {"client": CLIENT_NAME, "token": job.ref}
