# SPDX-License-Identifier: GPL-3.0-or-later
r"""What a job is: its steps, what a user sees of them, and the pure transitions between them.

A *step* is what the store remembers. Steps whose name ends in -ING are intentions: they are on disk
before the request leaves, so that after a crash we know that the answer may have been lost, and look
before we repeat.

    REQUESTED -> PREPARED -> CREATED -> UPLOADING -> UPLOADED -> STARTING -> STARTED
                     \\-> SUBMITTING (one-shot create) ----------------------^
    STARTED -> COMPLETED -> DOWNLOADED -> READY -> PLACED          any -> FAILED | CANCELLED
    ADOPTED (a flow that no job had) -> STARTED
    REQUESTED -> READY -> PLACED (BAKE, which has no flow)
    REQUESTED -> PLACED (EXPORT, which has none, either)
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from ..api import FlowsError
from ..core import destination as destinations
from ..core.destination import UNKNOWN, Destination
from ..core.errors import Remedy
from ..core.messages import EMPTY, Message
from ..core.text import plain_reason
from .states import State

BAKE, EXPORT = "bake", "export"
"""Templates of the jobs that bake maps, and that write files for game engines."""

LOCAL = frozenset({BAKE, EXPORT})
"""Those of jobs that are done on this computer; no service knows them."""


class Step(StrEnum):
    """The last thing that is known to have happened to a job (or, in -ING, may have)."""

    REQUESTED = "requested"
    PREPARED = "prepared"
    SUBMITTING = "submitting"
    CREATED = "created"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    STARTING = "starting"
    ADOPTED = "adopted"
    STARTED = "started"
    COMPLETED = "completed"
    DOWNLOADED = "downloaded"
    READY = "ready"
    PLACED = "placed"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset({Step.READY, Step.PLACED, Step.FAILED, Step.CANCELLED})
"""Steps after which the engine has nothing left to do."""

UNSENT = frozenset({Step.REQUESTED, Step.PREPARED})
"""Steps before anything has left this computer."""


FLOW_OVER = frozenset({"deleted", "aborted", "flow_failed"})
"""Codes of problems after which the flow is known to be over, without a result."""

GOES_ON = "goes_on"
"""Code of the problem of a cancelled job whose flow could not be stopped."""


_STATE_OF_STEP = {
    Step.REQUESTED: State.PREPARING,
    Step.PREPARED: State.PREPARING,
    Step.SUBMITTING: State.UPLOADING,
    Step.CREATED: State.UPLOADING,
    Step.UPLOADING: State.UPLOADING,
    Step.UPLOADED: State.UPLOADING,
    Step.STARTING: State.RUNNING,
    Step.ADOPTED: State.RUNNING,
    Step.STARTED: State.RUNNING,
    Step.COMPLETED: State.DOWNLOADING,
    Step.DOWNLOADED: State.DOWNLOADING,
    Step.READY: State.READY,
    Step.PLACED: State.DONE,
    Step.FAILED: State.FAILED,
    Step.CANCELLED: State.CANCELLED,
}


_UNBLOCKED: dict[str, Any] = {"waiting": False, "problem": None, "retry_at": 0.0}
"""What a job has that waits for nothing."""


@dataclass(frozen=True)
class Problem:
    """Why a job waits or failed, in messages for people.

    code: stable slug of the error's class; message: what happened; fix: what to do; remedy: slug of the
    button that does it (see `api.errors`), or "".
    """

    code: str
    message: Message
    fix: Message = EMPTY
    remedy: Remedy = ""

    @classmethod
    def of(cls, error: FlowsError) -> Problem:
        """The problem that an error of the tree describes."""
        return cls(error.code, error.message, error.fix, error.remedy)

    @classmethod
    def of_defect(cls, error: Exception) -> Problem:
        """The problem that an error is which should never have come."""
        what = Message(
            "Internal error in GENERIO Flows: {error}: {reason}",
            error=type(error).__name__,
            reason=plain_reason(error),
        )
        return cls("defect", what, Message("Please report this error."), "report")

    def to_data(self) -> dict[str, Any]:
        """The problem as JSON can keep it."""
        return {**vars(self), "message": self.message.to_data(), "fix": self.fix.to_data()}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Problem:
        """The problem that `to_data` wrote, or an earlier version, which stored sentences."""
        message, fix = Message.from_data(data["message"]), Message.from_data(data["fix"])
        return cls(data["code"], message, fix, data["remedy"])


@dataclass(frozen=True)
class Result:
    """One finished model on disk: the GLB as the service gave it, and what it was converted to ("" = not).

    Of baked maps there is the .blend only, with the maps beside it, and `glb` is "".
    """

    glb: str
    blend: str = ""


@dataclass(frozen=True)
class Delivered:
    """A file that a result became: where it is, as destinations say it, and what is in it.

    size: bytes. sha256: the digest of its content, in hexadecimal.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Two things change later: the service, as long as the job is `unsent`, and the file to send, once it is
    made. The names in the destination follow what they name, see `session.document`.

    service: the base URL it belongs to, once it is there. template, parameters: as the API names them
    (contract, section 2).
    prompt: what to send as text, or "". input_path, input_mime: the file to send, or "".
    input_digest: SHA-256 that the file which was asked for has, where that is the user's own, or "".
    source: a .blend or a picture from which the file to send is still to be made, or "". Both paths are
    absolute, or from the job's own folder where they move with that.
    picture: the one that the user chose, which is sent or from which what is sent is made, or ""; see
    `input_copy.copy_input`.
    destination: where the result belongs.
    """

    service: str
    template: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prompt: str = ""
    input_path: str = ""
    input_mime: str = ""
    input_digest: str = ""
    source: str = ""
    picture: str = ""
    destination: Destination = UNKNOWN

    @property
    def kind(self) -> str:
        """What jobs have in common that take about as long."""
        return f"{self.template}/{self.parameters.get('quality', '')}"


@dataclass(frozen=True)
class Run:
    """The flow that the service runs for a job. Times are seconds since the epoch, 0.0 = not yet.

    attempt: counts how often the user had the job run; see `Job.ref`. begun_at: when the user had it run
    again.
    flow_id, flow_state: the service's, "" until known. progress: 0..1 of that state, None = unknown.
    former_flow_id: the flow of the attempt before, which is looked at once more before another runs.
    adopted: the flow was there before the job: it was recovered by its id, or found again.
    starts_itself: the flow was created with its input.
    started_at: when it ran. changed_at: when the service last said something new about it. asked_at: when it
    last said that the flow has not ended. run_seconds: how long it ran, 0.0 = not known.
    """

    attempt: int = 1
    begun_at: float = 0.0
    flow_id: str = ""
    flow_state: str = ""
    progress: float | None = None
    former_flow_id: str = ""
    adopted: bool = False
    starts_itself: bool = False
    started_at: float = 0.0
    changed_at: float = 0.0
    asked_at: float = 0.0
    run_seconds: float = 0.0


@dataclass(frozen=True)
class Placement:
    """The results of a job, and what has become of them.

    results: the finished models. files: the paths of outputs that are none, as other templates make them,
    which stay in the job's folder. delivered: the files that results became outside the job's own folder,
    those of the last time first. placed_in: the opening of a file into which the result went, until that
    file has been saved; "" then, and before. needs_manual_import: the finished result is not to be placed by
    itself; the user imports it.
    """

    results: tuple[Result, ...] = ()
    files: tuple[str, ...] = ()
    delivered: tuple[Delivered, ...] = ()
    placed_in: str = ""
    needs_manual_import: bool = False


@dataclass(frozen=True)
class Status:
    """How far a job has come, and what holds it up.

    queued: waits for its turn. waiting: something outside must change first; `problem` says what.
    cancelling: the user asked to stop. stopped_at: the step at which it failed or was cancelled.
    retry_at: when what it waits for is looked at again by itself; finished_at: when it ended. Both are
    seconds since the epoch, 0.0 = not known.
    """

    step: Step = Step.REQUESTED
    queued: bool = True
    waiting: bool = False
    cancelling: bool = False
    problem: Problem | None = None
    retry_at: float = 0.0
    stopped_at: Step | None = None
    finished_at: float = 0.0


@dataclass(frozen=True)
class Job:
    """One request of the user, and how far it has come. Changes make a new Job; see `changed` and `Engine`.

    token: made here, unique. created_at: seconds since the epoch, 0.0 = not in a store yet.
    """

    request: Request
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: float = 0.0
    run: Run = Run()
    placement: Placement = Placement()
    status: Status = Status()

    @property
    def ref(self) -> str:
        """What travels in the `additional` of flow and input, so that both can be found again."""
        return f"{self.token}.{self.run.attempt}"

    @property
    def finished(self) -> bool:
        """Whether the engine has nothing left to do (the result may still be waiting to be placed)."""
        return self.status.step in FINISHED

    @property
    def unsent(self) -> bool:
        """Whether no service has a flow of it, so that it may go to any; it may have ended like that."""
        return (self.status.stopped_at or self.status.step) in UNSENT and not (
            self.run.flow_id or self.run.former_flow_id
        )

    @property
    def has_only_files(self) -> bool:
        """Whether it made files, and no model, so that nothing of it can be in a scene."""
        return self.status.step is Step.READY and bool(self.placement.files) and not self.placement.results

    @property
    def unsaved(self) -> bool:
        """Whether the result stands in a file that was not saved since, so that a crash takes it away."""
        return self.status.step is Step.PLACED and self.placement.placed_in != ""

    @property
    def final(self) -> bool:
        """Whether nothing can happen to it any more unless the user wants it."""
        return self.finished and not self.unsaved

    @property
    def result_may_exist(self) -> bool:
        """Whether a failed or cancelled job has a model all the same, here or at the service, for Retry."""
        code = self.status.problem.code if self.status.problem else ""
        if self.status.step is Step.CANCELLED:
            return code == GOES_ON
        made = self.status.stopped_at in (Step.STARTED, Step.COMPLETED, Step.DOWNLOADED)
        return self.status.step is Step.FAILED and made and code not in FLOW_OVER

    @property
    def state(self) -> State:
        """What a user sees."""
        if not self.finished:
            if self.status.cancelling:
                return State.CANCELLING
            if self.status.waiting:
                return State.WAITING
            if self.status.queued:
                return State.QUEUED
            if self.request.template in LOCAL:
                return State.RUNNING
        return _STATE_OF_STEP[self.status.step]

    def changed(self, **changes: Any) -> Job:
        """This job with other values of some fields, its own and its parts'. Raises TypeError for others."""
        parts: dict[str, dict[str, Any]] = {}
        own: dict[str, Any] = {}
        for name, value in changes.items():
            part = _PART_OF.get(name)
            (parts.setdefault(part, {}) if part else own)[name] = value
        for part, values in parts.items():
            own[part] = replace(getattr(self, part), **values)
        return replace(self, **own)

    def advance_to(self, step: Step, **changes: Any) -> Job:
        """This job one step on: whatever it waited for is over, and progress begins anew."""
        return self.changed(step=step, **{**_UNBLOCKED, "progress": None, **changes})

    def failed(self, problem: Problem, now: float) -> Job:
        """This job, ended by `problem` at `now` (seconds since the epoch)."""
        return self.advance_to(
            Step.FAILED, problem=problem, finished_at=now, stopped_at=self.status.step, cancelling=False
        )

    def cancelled(self, now: float, problem: Problem | None = None) -> Job:
        """This job, stopped at the user's wish at `now`; `problem` if something is worth saying about it."""
        return self.advance_to(
            Step.CANCELLED, problem=problem, finished_at=now, stopped_at=self.status.step, cancelling=False
        )

    def unblocked(self, **changes: Any) -> Job:
        """This job, at the same step: whatever it waited for is over."""
        return self.changed(**{**_UNBLOCKED, **changes})

    def blocked(self, problem: Problem, retry_at: float = 0.0) -> Job:
        """This job, at the same step, held up by `problem` until that is gone."""
        return self.changed(waiting=True, problem=problem, retry_at=retry_at)

    def restarted(self) -> Job:
        """This failed or cancelled job, to be carried once more.

        It goes on where it stopped, so that a flow that may be alive is looked at and a result that exists is
        fetched. Only where the flow is known to be over, a new attempt begins, which runs a second flow.
        """
        code = self.status.problem.code if self.status.problem else ""
        over = code in FLOW_OVER or (self.status.step is Step.CANCELLED and code != GOES_ON)
        unsent = self.status.stopped_at is None or self.status.stopped_at in UNSENT
        fresh = {"queued": True, "finished_at": 0.0, "stopped_at": None, "needs_manual_import": False}
        if self.run.adopted:  # there may be nothing here that another flow could be made of
            return self.advance_to(Step.ADOPTED, **{**fresh, "needs_manual_import": True})
        if not over and not unsent and self.status.stopped_at is not None:
            return self.advance_to(self.status.stopped_at, **fresh)
        return self.advance_to(
            Step.REQUESTED if self.request.source else Step.PREPARED,
            results=(),
            files=(),
            started_at=0.0,
            **{**fresh, **self._next_attempt()},
        )

    def looked_for_again(self) -> Job:
        """This failed job, to be carried on where it stopped, with the flow that it has."""
        return self.advance_to(
            self.status.stopped_at or Step.STARTED, queued=True, finished_at=0.0, stopped_at=None
        )

    def repeated(self) -> Job:
        """This job, whose create had no answer, to be created once more at the user's word."""
        return self.advance_to(Step.PREPARED, **self._next_attempt())

    def _next_attempt(self) -> dict[str, Any]:
        former = self.run.flow_id or self.run.former_flow_id
        return {"attempt": self.run.attempt + 1, "flow_id": "", "flow_state": "", "former_flow_id": former}

    def to_fields(self) -> dict[str, Any]:
        """The job as what JSON can say, flat as in version 0.1.0, so that versions read each other's."""
        return {  # by hand: `asdict` takes twenty times as long, and each step of each job is stored
            "token": self.token,
            "created_at": self.created_at,
            **vars(self.request),
            **vars(self.run),
            **vars(self.placement),
            **vars(self.status),
            "parameters": {**self.request.parameters},
            "destination": destinations.to_data(self.request.destination),
            "problem": self.status.problem.to_data() if self.status.problem else None,
            "results": [{**vars(result)} for result in self.placement.results],
            "files": [*self.placement.files],
            "delivered": [{**vars(file)} for file in self.placement.delivered],
        }

    @classmethod
    def from_fields(cls, data: dict[str, Any]) -> Job:
        """The job of such fields. Raises ValueError, KeyError or TypeError where it is none."""
        data = {**data}
        data["step"] = Step(data["step"])
        data["stopped_at"] = Step(data["stopped_at"]) if data["stopped_at"] else None
        data["destination"] = destinations.from_data(data["destination"])
        data["problem"] = Problem.from_data(data["problem"]) if data["problem"] else None
        data["results"] = tuple(Result(**result) for result in data["results"])
        data["files"] = tuple(data.get("files", ()))
        data["delivered"] = tuple(Delivered(**file) for file in data.get("delivered", ()))
        parts: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
        values: dict[str, Any] = {}
        for name, value in data.items():
            part = _PART_OF.get(name)
            (parts[part] if part else values)[name] = value
        for part, kind in _PARTS.items():
            values[part] = kind(**parts[part])
        return cls(**values)

    def to_json(self) -> str:
        """The job as its folder keeps it."""
        return json.dumps(self.to_fields(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job that `to_json` wrote, also that of version 0.1.0. Raises as `from_fields`."""
        fields = json.loads(text)
        if "hold" in fields:  # as that version called it
            fields["needs_manual_import"] = fields.pop("hold")
        return cls.from_fields(fields)


_PARTS = {"request": Request, "run": Run, "placement": Placement, "status": Status}

_PART_OF = {field.name: part for part, kind in _PARTS.items() for field in fields(kind)}
"""The part that each field is of; no two parts have one of the same name."""
