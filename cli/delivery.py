# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns finished jobs into files with figures, into a follow-up job, or into a report of why they failed."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..api import GLB_MIME
from ..core.destination import OutputFile
from ..core.messages import Message
from ..jobs import Job, Problem, Step
from ..jobs.job_folder import JobFolder
from .items import followup_of
from .job_runner import JobRunner, was_deleted
from .measures import Inspector, Measurement
from .outputs import ResultGone, display_path
from .report import ALREADY_DONE, DONE, FAILED, READY, Event, Report
from .task import Task


class Delivery:
    """Writes the results of finished jobs to their outputs, and reports each of them.

    interrupted: the caller sets it to end the command early. measure_deviations: whether to measure how far a
    result differs from the model that was sent even if the output already existed.
    """

    def __init__(
        self,
        runner: JobRunner,
        report: Report,
        inspector: Inspector,
        interrupted: threading.Event,
        measure_deviations: bool,
    ) -> None:
        self._runner = runner
        self._report = report
        self._inspector = inspector
        self._interrupted = interrupted
        self._measure_deviations = measure_deviations

    def deliver(self, task: Task, job: Job) -> bool:
        """Deliver a finished job's results; return False if the task goes on with this or another job.

        Raises FlowsError.
        """
        if job.status.step in (Step.FAILED, Step.CANCELLED):
            problem = job.status.problem or Problem("cancelled", Message("The job was canceled."))
            if was_deleted(job):
                problem = replace(
                    problem,
                    fix=f"Check the API key. `jobs resume {job.token}` runs it again, and pays for it again.",
                )
            self.report_failure(task, problem)
            return True
        destination = job.request.destination
        if not isinstance(
            destination, OutputFile
        ):  # This is a window's job, and the window places its result.
            self._report_done(task, job, READY, ())
            return True
        try:
            return (
                self._write(task, job) if destination.optimize is None else self._submit_followup(task, job)
            )
        except ResultGone:
            if task.is_refetched or not job.run.flow_id:
                raise
            task.is_refetched = True
            self._runner.outputs.discard_damaged(job)
            self._runner.engine.fetch_results(job.token)
            return False

    def _submit_followup(self, task: Task, job: Job) -> bool:
        """Let the task go on with the job that optimizes the model of `job`."""
        model = self._runner.outputs.first_glb(job)
        followup = followup_of(job, model.name)
        known_followup = self._runner.engine.job(followup.token)
        if not model.is_file() and (
            known_followup is None or known_followup.status.step not in (Step.READY, Step.PLACED)
        ):
            raise ResultGone  # it is still to be sent
        self._runner.submit(followup)
        self._runner.engine.mark_placed(job.token)
        task.token, task.is_refetched = followup.token, False
        task.job_at_start = self._runner.engine.job(followup.token)
        return False

    def _write(self, task: Task, job: Job) -> bool:
        if (intact := self._runner.outputs.intact_outputs(job)) is not None:
            self._report_done(task, job, ALREADY_DONE, intact)
            return True
        written = self._runner.outputs.write(job)
        if written is None:
            return False
        self._report_done(task, job, DONE, written)
        return True

    def _report_done(self, task: Task, job: Job, state: str, outputs: Sequence[Path]) -> None:
        self._report.record(
            Event(
                task.name,
                state,
                1.0,
                job.token,
                tuple(str(path) for path in outputs),
                report=self._measure(job, outputs, state),
            )
        )

    def _measure(self, job: Job, outputs: Sequence[Path], state: str) -> tuple[Measurement, ...]:
        """Return the figures of a job's outputs; for a .blend, those of the GLB that it was made from."""
        folder = self._runner.engine.folder(job.token)
        sent = Path(os.path.normpath(folder / job.request.input_path))
        before = sent if job.request.input_mime == GLB_MIME else None
        models = [JobFolder(folder).locate(result.glb) for result in job.placement.results]
        # Measuring takes long, so models that already existed are measured only on request.
        cancelled = self._interrupted.is_set if state == DONE or self._measure_deviations else None
        return tuple(
            self._inspector.compare(
                display_path(path),
                before,
                path if path.suffix.lower() == ".glb" else glb,
                job.request.parameters.get("polygon_count"),
                cancelled,
            )
            for path, glb in zip(outputs, models, strict=False)
        )

    def report_failure(self, task: Task, problem: Problem) -> None:
        """Report that the item could not be made."""
        self._report.record(
            Event(
                task.name,
                FAILED,
                job=task.token,
                message=problem.message,
                fix=problem.fix,
                code=problem.code,
                source=task.source,
            )
        )
