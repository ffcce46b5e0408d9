"""The flows themselves: their states, their simulated time and their counters.

Everything here runs on the server's event loop, so nothing needs a lock; only the making of a model runs in
a thread. The rules are those of the contract's section 3: `WrongStateError` is what a state does not allow.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from . import glb
from .faults import FlowFault, Outcome
from .optimizer import Optimizer
from .templates import Template

# Seconds at speed 1, beside the templates' own.
_STARTING = 1.0
_ABORTING = 1.5
_ABORTING_AT_LEAST = 0.2  # of real time: the state exists to be seen


class State(StrEnum):
    """Contract, section 3."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    ABORTING = "aborting"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"


TERMINAL = frozenset({State.COMPLETED, State.FAILED, State.ABORTED})


class WrongStateError(Exception):
    """The flow's state does not allow what was asked."""


@dataclass
class Asset:
    """An input or an output; one without data is an output in error."""

    mime: str
    data: bytes | None
    additional: Any = None
    error: str | None = None
    processed: datetime | None = None
    asset_id: str = field(default_factory=lambda: secrets.token_hex(12))


@dataclass
class Counts:
    """How often something was done to one flow; the tests' evidence for "exactly once"."""

    created: int = 1
    uploaded: int = 0
    started: int = 0
    run: int = 0
    downloaded: int = 0
    aborted: int = 0
    deleted: int = 0


@dataclass
class Flow:
    """One execution of a template. `state` is a plain string, since a fault may show an unknown one."""

    template: Template
    parameters: BaseModel
    given_parameters: dict[str, Any]
    additional: Any
    flow_id: str = field(default_factory=lambda: secrets.token_hex(12))
    state: str = State.CREATED
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    finished_at: datetime | None = None
    inputs: list[Asset] = field(default_factory=list)
    outputs: list[Asset] = field(default_factory=list)
    starts_by_itself: bool = False
    reason: str | None = None
    fault: FlowFault | None = None
    counts: Counts = field(default_factory=Counts)
    work: asyncio.Task[None] | None = None
    due: tuple[float, float] = (0.0, 0.0)  # when the run began and how long it lasts, on the monotonic clock

    def fraction(self) -> float:
        """How much of the work is done, 0 to 1."""
        if self.state == State.COMPLETED:
            return 1.0
        began, lasts = self.due
        return min(0.95, (time.monotonic() - began) / lasts) if began and lasts else 0.0

    def require(self, *states: str) -> None:
        """Raise WrongStateError unless the flow is in one of `states`."""
        if self.state not in states:
            raise WrongStateError(f"Not allowed while the flow is {self.state}")


class Store:
    """All flows of the one account that the sandbox knows.

    `optimizer` is a warm Blender to borrow; without one it has its own, which ends with it.
    """

    def __init__(self, speed: float, vary: float = 0.0, optimizer: Optimizer | None = None) -> None:
        self.flows: dict[str, Flow] = {}
        self._history: dict[str, Flow] = {}
        self._speed = speed
        self._vary = vary
        self._chance = random.Random()
        self._optimizer = optimizer or Optimizer()
        self._borrowed = optimizer is not None

    def create(self, flow: Flow, inputs: Iterable[Asset]) -> None:
        """Take in a flow that is not running yet."""
        self.flows[flow.flow_id] = self._history[flow.flow_id] = flow
        for asset in inputs:
            self.add_input(flow, asset)

    def add_input(self, flow: Flow, asset: Asset) -> None:
        """Only a flow in `created` takes inputs."""
        flow.require(State.CREATED)
        flow.inputs.append(asset)
        flow.counts.uploaded += 1

    def start(self, flow: Flow, fault: FlowFault | None) -> None:
        """Put the flow to work, once; `fault` is what was ordered to happen to it."""
        flow.require(State.CREATED)
        if not flow.inputs:
            raise WrongStateError("Not allowed while the flow has no inputs")
        flow.state = State.STARTING
        flow.fault = fault
        flow.counts.started += 1
        flow.work = asyncio.create_task(self._run(flow))

    def abort(self, flow: Flow) -> None:
        """Ask the flow to stop; it is `aborting` for a moment."""
        flow.require(State.STARTING, State.RUNNING)
        assert flow.work is not None
        flow.work.cancel()
        flow.state = State.ABORTING
        flow.counts.aborted += 1
        flow.work = asyncio.create_task(self._wind_down(flow))

    def delete(self, flow: Flow) -> None:
        """Forget the flow and its assets; only its counters stay."""
        flow.require(State.CREATED, *TERMINAL)
        flow.counts.deleted += 1
        self._forget(flow)

    def stats(self) -> dict[str, Any]:
        """Tell what happened to every flow there ever was, by flow id."""
        return {
            flow.flow_id: {
                "template": flow.template.name,
                **vars(flow.counts),
                "state": str(flow.state),
                "additional": flow.additional,
                "completed_at": flow.finished_at.timestamp()
                if flow.finished_at and flow.state == State.COMPLETED
                else None,
            }
            for flow in self._history.values()
        }

    async def reset(self) -> None:
        """Forget everything."""
        await self._stop()
        self.flows.clear()
        self._history.clear()

    async def close(self) -> None:
        """Stop all work, our own Blender included; the counters stay readable."""
        await self._stop()
        if not self._borrowed:
            await asyncio.to_thread(self._optimizer.close)

    async def _stop(self) -> None:
        tasks = [flow.work for flow in self._history.values() if flow.work is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, flow: Flow) -> None:
        self.flows.pop(flow.flow_id, None)
        flow.inputs.clear()
        flow.outputs.clear()

    async def _pause(self, seconds: float, at_least: float = 0.0) -> None:
        await asyncio.sleep(max(seconds * self._speed, at_least))

    async def _run(self, flow: Flow) -> None:
        outcome = flow.fault.outcome if flow.fault else None
        await self._pause(_STARTING)
        seconds = flow.template.seconds(flow.parameters) * self._chance.lognormvariate(0.0, self._vary)
        flow.state = State.RUNNING if outcome != Outcome.UNKNOWN_STATE else "postprocessing"
        flow.started_at = datetime.now(UTC)
        flow.due = (time.monotonic(), seconds * self._speed)
        flow.counts.run += 1
        if outcome == Outcome.HANG:
            await asyncio.Event().wait()
        if outcome == Outcome.VANISH:
            await self._pause(seconds / 2)
            self._forget(flow)
            return
        await asyncio.gather(self._process(flow), self._pause(seconds))
        if flow.fault:
            _spoil(flow, flow.fault)
        failed = not any(asset.data is not None for asset in flow.outputs) and outcome != Outcome.ASSET_ERROR
        if failed and outcome != Outcome.FAIL_SILENTLY:
            flow.reason = next((asset.error for asset in flow.outputs), None)
        self._end(flow, State.FAILED if failed else State.COMPLETED)

    async def _process(self, flow: Flow) -> None:
        """One output for each input, with the input's `additional` (contract, section 8)."""
        for source in list(flow.inputs):
            assert source.data is not None
            output = Asset(flow.template.output, None, source.additional)
            try:
                output.data = await asyncio.to_thread(
                    flow.template.make, source.data, flow.parameters, self._optimizer
                )
            except Exception as error:  # a service reports whatever a bad input causes, and lives on
                source.error = output.error = str(error) or type(error).__name__
            source.processed = output.processed = datetime.now(UTC)
            flow.outputs.append(output)

    async def _wind_down(self, flow: Flow) -> None:
        await self._pause(_ABORTING, _ABORTING_AT_LEAST)
        self._end(flow, State.ABORTED)

    def _end(self, flow: Flow, state: State) -> None:
        flow.finished_at = datetime.now(UTC)
        flow.state = state


def _spoil(flow: Flow, fault: FlowFault) -> None:
    """Do to the outputs what was ordered."""
    match fault.outcome:
        case Outcome.FAIL | Outcome.ASSET_ERROR:
            for asset in flow.outputs:
                asset.data, asset.error = None, fault.reason
        case Outcome.FAIL_SILENTLY:
            flow.outputs.clear()
        case Outcome.NOT_A_GLB | Outcome.TRUNCATED_GLB | Outcome.EXTERNAL_URI:
            for asset in flow.outputs:
                asset.data = _spoiled(asset.data or b"", fault.outcome)
        case _:
            pass  # the others do not touch what was made


def _spoiled(data: bytes, outcome: Outcome) -> bytes:
    if outcome == Outcome.NOT_A_GLB:
        return b"<!doctype html><title>Sorry</title><p>This is not a model."
    if outcome == Outcome.TRUNCATED_GLB:
        return data[: len(data) * 2 // 3]
    document, buffer = glb.unpack(data)
    document.setdefault("images", []).append({"uri": "textures/elsewhere.png"})
    return glb.pack(document, buffer)
