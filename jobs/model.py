# SPDX-License-Identifier: GPL-3.0-or-later
"""A job: what was asked for, how far it has come, and the pure transitions between its steps."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..core import destination as destinations
from .job_parts import LOCAL, Delivered, Placement, Request, Result, Run, Status
from .problem import FLOW_OVER, FLOW_STILL_RUNNING, Problem
from .states import State
from .step import FINISHED, UNSENT, Step

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
class Job:
    """One request of the user, and how far it has come. Changes make a new Job; see `changed` and `Engine`.

    token: made here, unique. created_at: seconds since the epoch, 0.0 = not in a store yet.
    """

    request: Request
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: float = 0.0
    run: Run = field(default_factory=Run)
    placement: Placement = field(default_factory=Placement)
    status: Status = field(default_factory=Status)

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
            return code == FLOW_STILL_RUNNING
        made = self.status.stopped_at in (Step.STARTED, Step.COMPLETED, Step.DOWNLOADED)
        return self.status.step is Step.FAILED and made and code not in FLOW_OVER

    @property
    def is_local(self) -> bool:
        """Whether it is done on this computer, and has no flow."""
        return self.request.template in LOCAL

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
            if self.is_local:
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
        over = code in FLOW_OVER or (self.status.step is Step.CANCELLED and code != FLOW_STILL_RUNNING)
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

    def lookup_restarted(self) -> Job:
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
