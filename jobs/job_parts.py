# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a job: its request, its run at the service, the placement of its results, and its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.destination import UNKNOWN, Destination
from .problem import Problem
from .step import Step

BAKE, EXPORT = "bake", "export"
"""Templates of the jobs that bake maps, and that write files for game engines."""

LOCAL = frozenset({BAKE, EXPORT})
"""Those of jobs that are done on this computer; no service knows them."""


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
