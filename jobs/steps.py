# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of one job, each a short function: make the file, create, upload, start, ask, download, convert.

Whatever may run or cost something twice is written to the ledger as an intention first; a step that is
entered with its intention already written looks at the service before it repeats anything.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any, Literal, NamedTuple

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
    NotFound,
    NotReady,
    NotSaved,
    PaymentRequired,
    Prompt,
    RateLimited,
    ResultUnusable,
    RetryPolicy,
    TooLarge,
    UnexpectedAnswer,
    WebPage,
    WrongState,
    decide,
)
from ..api.decode import prompt_of
from ..api.errors import Remedy
from ..api.models import as_object
from ..api.text import tidy
from . import polling
from .chosen import kept_picture
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
"""How often the service must not know a flow before that is believed: a gateway may say so for a moment."""

LOOKUP_SECONDS = 5.0
"""Between two such looks: the lost request may still be on its way."""

NOTHING_NEW = "nothing_new"
"""Code of the problem of a job whose flow stood still for too long."""

REFUSED_SECONDS = 300.0
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


Sought = Literal["flow", "outputs"]


class Looks(NamedTuple):
    """How often in a row a job looked in vain for its flow, and for outputs of a flow that was there."""

    flow: int = 0
    outputs: int = 0

    def and_one(self, sought: Sought) -> Looks:
        """One more of them. Where outputs are missing, the service knows the flow."""
        if sought == "flow":
            return self._replace(flow=self.flow + 1)
        return Looks(outputs=self.outputs + 1)


class Outcome(NamedTuple):
    """How far a job has come, and in how many seconds to look at it again (None: the user's turn).

    looked_for: this turn only looked for something that was not there yet.
    """

    job: Job
    again_in: float | None = None
    looked_for: Sought | None = None


@dataclass(frozen=True, eq=False)
class Steps:
    """What the steps of one job need.

    client: gives the client to use, or raises NotReady. folder: the job's own. make_input, convert: see
    `jobs.engine`. save: writes a job to the ledger, raises Cancelled if it is no longer ours. report: tells
    the progress 0..1. cancelled: asked all the time. one_shot_services: base URLs that are known to refuse an
    empty create. durations: seconds that flows of this kind took. looks: those so far. patience: seconds
    without any news of a flow, after which the user is asked (0 = never). delete_flows: whether a flow is
    deleted when all its models are here.
    """

    client: Callable[[], FlowsClient]
    folder: Path
    make_input: Callable[[Path, Path, Callable[[], bool]], None]
    convert: Callable[[Path, Path, Callable[[], bool]], None]
    save: Callable[[Job], None]
    report: Callable[[float | None], None]
    cancelled: Callable[[], bool]
    one_shot_services: set[str]
    durations: Sequence[float]
    looks: Looks
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
                        return Outcome(job, again_in=LOOKUP_SECONDS, looked_for="flow")
                    job = found
                case Step.CREATED | Step.UPLOADING:
                    job = self._upload(job)
                case Step.UPLOADED | Step.STARTING:
                    job = self._start(job)
                case Step.ADOPTED:
                    job = self._look(job)
                case Step.COMPLETED:
                    downloaded = self._download(job)
                    if downloaded is None:
                        seconds = OUTPUT_SECONDS * 2**self.looks.outputs
                        return Outcome(job, again_in=seconds, looked_for="outputs")
                    job = downloaded
                case Step.DOWNLOADED:
                    job = self._convert_results(job)
                case _:
                    return Outcome(job, again_in=polling.next_poll(0.0, self.durations, None))
            self.save(job)
        return Outcome(job)

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
            self.make_input(source, target, self.cancelled)
        except OSError:
            raise NoConverter from None
        return prepared(job, target)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotSaved(f"The results folder cannot be used: {error.strerror or error}.") from None

    def _create(self, job: Job) -> Job:
        """Create the flow empty, which runs nothing and so may be repeated; where refused, in one shot."""
        self._make_folder()  # whether there is one for the result is to be known before anything is sent
        if job.service not in self.one_shot_services:
            try:
                flow = self.client().create_flow(job.template, job.parameters, additional=_additional(job))
                return job.at(Step.CREATED, flow_id=flow.flow_id, flow_state=flow.state)
            except InvalidRequest:
                # Either the service wants the input with the create, or it dislikes something else;
                # in the latter case it will say so again.
                pass
        return self._submit(job)

    def _submit(self, job: Job) -> Job:
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
            if not error.sent or isinstance(error, REFUSED):
                self.save(job)
            raise
        self.one_shot_services.add(job.service)
        return _submitted(submitting, flow)

    def _find(self, job: Job) -> Job | None:
        """The answer to a one-shot create was lost: is the flow there? None = look once more, later."""
        try:
            flows = self.client().flows()
        except (NotFound, MethodNotAllowed):
            flows = []  # the service has no list, or a gateway says so for a moment
        for flow in flows:
            if as_object(flow.additional).get("token") == job.ref:
                return _submitted(job, flow)
        if self.looks.flow + 1 >= LOOKUPS:
            raise NeedsUser  # the list may not be complete (V21), so this is no proof that nothing runs
        return None

    def _upload(self, job: Job) -> Job:
        if job.step is Step.UPLOADING:
            try:
                arrived = self._arrived(job)
            except (NotFound, MethodNotAllowed):
                arrived = False  # no list of inputs, or no flow any more
            if arrived:
                return job.at(Step.UPLOADED)
            # The lost one may still be on its way, so the next goes to another flow. This one never runs,
            # and is deleted by whoever has the job now: another process may have seen the input arrive.
            without = job.at(Step.PREPARED, flow_id="", flow_state="")
            self.save(without)
            with suppress(CallFailed):
                self.client().delete_flow(job.flow_id)
            return without
        uploading = job.at(Step.UPLOADING)
        self.save(uploading)
        try:
            self.client().add_input(
                job.flow_id, self._source(job), progress=self._progress, cancelled=self.cancelled
            )
        except MethodNotAllowed:
            # No way to add an input: give the empty flow back, and send all in one.
            with suppress(CallFailed):
                self.client().delete_flow(job.flow_id)
            return self._submit(uploading.at(Step.PREPARED, flow_id="", flow_state=""))
        return uploading.at(Step.UPLOADED)

    def _start(self, job: Job) -> Job:
        if job.step is Step.STARTING and self.client().flow(job.flow_id).state != "created":
            return job.at(Step.STARTED, started_at=time.time())
        starting = job.at(Step.STARTING)
        self.save(starting)
        try:
            self.client().start_flow(job.flow_id)
        except WrongState:
            if self.client().flow(job.flow_id).state == "created":
                self._check_arrival(starting)
                raise
        return starting.at(Step.STARTED, started_at=time.time())

    def _arrived(self, job: Job) -> bool:
        return any(asset.usable or asset.pending for asset in self.client().inputs(job.flow_id))

    def _check_arrival(self, job: Job) -> None:
        """Go back to the upload where the service has no input: a login page may have taken it."""
        with suppress(NotFound, MethodNotAllowed):
            if not self._arrived(job):
                self.save(job.at(Step.UPLOADING))
                raise UnexpectedAnswer

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

    def _look(self, job: Job) -> Job:
        """Read a flow that is there already. What has not been started is not started without the user."""
        try:
            flow = self.client().flow(job.flow_id)
        except NotFound:
            raise UnknownFlow from None
        prompt = job.prompt or self._prompt_of(flow)
        job = replace(
            job,
            template=flow.template or job.template,
            parameters=job.parameters or _shown(flow.parameters),
            prompt=prompt,
            name=" ".join(prompt.split())[:LONGEST_NAME] if prompt else job.name,
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
        if flow.state == "created" and not job.starts_itself:
            return Outcome(job.at(Step.UPLOADED), again_in=0.0)  # something else answered our start
        running = now - job.started_at
        if not flow.state.terminal:
            if 0.0 < self.patience < now - job.changed_at:
                return Outcome(job.blocked(_nothing_new(self.patience), now + REFUSED_SECONDS))
            job = replace(job, asked_at=now)
            return Outcome(job, again_in=polling.next_poll(running, self.durations, flow.progress))
        if flow.state == "aborted":
            if job.cancelling:
                return Outcome(job.cancelled(time.time()))
            stopped = Problem(
                "aborted", "The job was stopped at the service.", "Retry to run it again.", "retry"
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
        except (NeedsUser, NotReady, KeyRefused, PaymentRequired, MethodNotAllowed):
            problem = Problem(
                GOES_ON,
                "The service could not be told to stop; the job may go on there.",
                "Look at it in your account.",
                "open_account",
            )
            return Outcome(job.cancelled(time.time(), problem))

    def _stop(self, job: Job) -> Outcome:
        now = time.time()
        if job.step in UNSENT or job.step is Step.ADOPTED:
            return Outcome(job.cancelled(now))
        if job.step in (Step.COMPLETED, Step.DOWNLOADED):
            return Outcome(replace(job, cancelling=False, hold=True), again_in=0.0)
        if job.step is Step.SUBMITTING:
            found = self._find(job)
            if found is None:
                return Outcome(job, again_in=LOOKUP_SECONDS, looked_for="flow")
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
        except WrongState:
            pass  # over already, or not yet running: the state tells
        outcome = self._poll(job)
        # An abort is over soon, whatever the flow's usual length.
        return outcome if outcome.job.finished else outcome._replace(again_in=polling.SHORTEST)

    # ------------------------------------------------------------------ after it ran

    def _download(self, job: Job) -> Job | None:
        """Fetch every usable output into the job's folder; None = the outputs are not there yet."""
        may_come = self.looks.outputs < OUTPUT_TRIES
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
            raise NotSaved(f"The results folder cannot be used: {error.strerror or error}.") from None
        return bool(sources)

    def _progress(self, done: int, total: int | None) -> None:
        self.report(min(1.0, done / total) if total else None)


class NeedsUser(FlowsError):
    """The answer to a create was lost, and whether it runs is not known: only the user may repeat it."""

    remedy: Remedy = "retry"
    message = "The service may be working on this already, and there is no telling."
    fix = "Retry only if it may run a second time; or cancel."


class NotStarted(FlowsError):
    """An adopted flow waits for its start, which is the user's to ask for: it may cost."""

    remedy: Remedy = "retry"
    message = "This flow was created, but never started."
    fix = "Retry starts it now; or cancel."


class UnknownFlow(FlowsError):
    """There is no flow of this id for this key."""

    remedy: Remedy = "check_address"
    message = "The service does not know a flow with this ID."
    fix = "Check the ID, and that the API key belongs to the account that made it."


class NoConverter(FlowsError):
    """No second Blender can be started: the first one has to make the file to send, see `Engine.prepared`."""

    message = "No second Blender could be started, so this one makes the file to send."
    fix = "The window stands still for that moment."


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
    return job.at(Step.PREPARED, source="", input_path=made, input_mime=mime)


MAYBE_RUNNING = NeedsUser.code


def trouble(job: Job, error: FlowsError, failures: int, looks: Looks, chance: float) -> Outcome:
    """What an error means for a job: wait and try again, wait for the user, or the end.

    failures: how often in a row, this one included. looks: those so far. chance: 0..1, spreads
    the repeats of many clients.
    """
    if isinstance(error, NotFound):
        if not job.flow_id:  # there is nothing that the service could not know: it is another, or a gateway's
            error = UnexpectedAnswer(status=error.status)
        elif looks.flow + 1 < LOOKUPS:
            waiting = job.blocked(Problem.of(error), time.time() + LOOKUP_SECONDS)
            return Outcome(waiting, again_in=LOOKUP_SECONDS, looked_for="flow")
        elif job.cancelling:
            return Outcome(job.cancelled(time.time()))
        else:
            return Outcome(job.failed(_deleted(), time.time()))
    # A hotel's login page is no answer of the service, and goes away again.
    if isinstance(error, WebPage) or (
        isinstance(error, CallFailed)
        and (error.transient or isinstance(error, NetworkError | UnexpectedAnswer))
    ):
        like = error if isinstance(error, CallFailed) and error.transient else NetworkError()
        seconds = decide(BACK_OFF, "GET", failures, like, chance)
        if seconds is None:
            seconds = min(like.retry_after or BACK_OFF.ceiling, LONGEST_BREAK)
        return Outcome(job.blocked(Problem.of(error), time.time() + seconds), again_in=seconds)
    if isinstance(error, KeyRefused | PaymentRequired):
        # The user has to act, but may do so where we do not see it: at the service.
        return Outcome(job.blocked(Problem.of(error), time.time() + REFUSED_SECONDS))
    if isinstance(error, NeedsUser | NotStarted | NoConverter | NotReady):
        return Outcome(job.blocked(Problem.of(error)))
    return Outcome(job.failed(Problem.of(error), time.time()))


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
        f"The service has told nothing new for {patience / 60:.0f} minutes.",
        "Retry to go on waiting, or cancel the job.",
        "retry",
    )


def _deleted() -> Problem:
    return Problem("deleted", "The job was deleted at the service.", "Retry to run it again.", "retry")


def _additional(job: Job) -> dict[str, Any]:
    """What finds the flow again (contract, 4.3); no names, paths or other private data."""
    return {"client": CLIENT_NAME, "token": job.ref}
