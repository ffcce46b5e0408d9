# SPDX-License-Identifier: GPL-3.0-or-later
"""What finished jobs become: files with figures, a second job, or a word about why not."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..api import GLB_MIME
from ..core.destination import OutputFile
from ..core.messages import Message
from ..jobs import Job, Problem, Step
from ..jobs.job_folder import JobFolder
from .carrier import Carrier, was_deleted
from .items import optimizing
from .measures import Inspector, Measured
from .outputs import ResultGone, display
from .report import ALREADY_DONE, DONE, FAILED, READY, Event, Report


@dataclass
class Errand:
    """An item under way, as far as its results are concerned.

    name: as events call it. source: the file that it is made of, or "". token: of its job, "" before that is
    begun. begun: its job when it was begun. fetched: whether its results were fetched once more.
    """

    name: str
    source: str = ""
    token: str = ""
    begun: Job | None = None
    fetched: bool = False


class Delivery:
    """Takes results to where they belong, and tells so.

    interrupted: set from outside to end early. wants_deviations: whether to measure how far a result is from
    what was sent even where it was there before.
    """

    def __init__(
        self,
        carrier: Carrier,
        report: Report,
        inspector: Inspector,
        interrupted: threading.Event,
        wants_deviations: bool,
    ) -> None:
        self._carrier = carrier
        self._report = report
        self._inspector = inspector
        self._interrupted = interrupted
        self._wants_deviations = wants_deviations

    def hand_over(self, errand: Errand, job: Job) -> bool:
        """Take what a finished job has to where it belongs; False when it, or another, goes on.

        Raises FlowsError.
        """
        if job.status.step in (Step.FAILED, Step.CANCELLED):
            problem = job.status.problem or Problem("cancelled", Message("The job was canceled."))
            if was_deleted(job):
                problem = replace(
                    problem,
                    fix=f"Check the API key. `jobs resume {job.token}` runs it again, and pays for it again.",
                )
            self.fail(errand, problem)
            return True
        where = job.request.destination
        if not isinstance(where, OutputFile):  # a window's job, which the window places
            self._done(errand, job, READY, ())
            return True
        try:
            return self._write(errand, job) if where.optimize is None else self._chain(errand, job)
        except ResultGone:
            if errand.fetched or not job.run.flow_id:
                raise
            errand.fetched = True
            self._carrier.outputs.discard_damaged(job)
            self._carrier.engine.fetch_results(job.token)
            return False

    def _chain(self, errand: Errand, job: Job) -> bool:
        model = self._carrier.outputs.kept_glb(job)
        following = optimizing(job, model.name)
        known = self._carrier.engine.job(following.token)
        if not model.is_file() and (known is None or known.status.step not in (Step.READY, Step.PLACED)):
            raise ResultGone  # it is still to be sent
        self._carrier.submit(following)
        self._carrier.engine.mark_placed(job.token)
        errand.token, errand.fetched = following.token, False
        errand.begun = self._carrier.engine.job(following.token)
        return False

    def _write(self, errand: Errand, job: Job) -> bool:
        if (standing := self._carrier.outputs.standing(job)) is not None:
            self._done(errand, job, ALREADY_DONE, standing)
            return True
        written = self._carrier.outputs.write(job)
        if written is None:
            return False
        self._done(errand, job, DONE, written)
        return True

    def _done(self, errand: Errand, job: Job, state: str, outputs: Sequence[Path]) -> None:
        self._report.tell(
            Event(
                errand.name,
                state,
                1.0,
                job.token,
                tuple(str(path) for path in outputs),
                report=self._measured(job, outputs, state),
            )
        )

    def _measured(self, job: Job, outputs: Sequence[Path], state: str) -> tuple[Measured, ...]:
        """The figures of a job's outputs; of a .blend those of the GLB that it was made of."""
        folder = self._carrier.engine.folder(job.token)
        sent = Path(os.path.normpath(folder / job.request.input_path))
        before = sent if job.request.input_mime == GLB_MIME else None
        kept = [JobFolder(folder).kept(result.glb) for result in job.placement.results]
        # What thousands of models have in common with what was sent is not measured anew each time.
        cancelled = self._interrupted.is_set if state == DONE or self._wants_deviations else None
        return tuple(
            self._inspector.compare(
                display(path),
                before,
                path if path.suffix.lower() == ".glb" else glb,
                job.request.parameters.get("polygon_count"),
                cancelled,
            )
            for path, glb in zip(outputs, kept, strict=False)
        )

    def fail(self, errand: Errand, problem: Problem) -> None:
        """Tell that it could not be made."""
        self._report.tell(
            Event(
                errand.name,
                FAILED,
                job=errand.token,
                message=problem.message,
                fix=problem.fix,
                code=problem.code,
                source=errand.source,
            )
        )
