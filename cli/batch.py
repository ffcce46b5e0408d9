# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs many jobs, a few at a time, until each one is finished."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..api import FlowsError
from ..core.destination import OutputFile
from ..core.messages import EMPTY
from ..jobs import STATES, Job, LedgerError, Problem
from ..jobs.engine import Engine
from ..jobs.errors import MAYBE_RUNNING
from .delivery import Delivery
from .exit_codes import (
    BLOCKING_PROBLEMS,
    INTERRUPTED,
    NOT_AS_ASKED,
    SOME_FAILED,
    SUCCESS,
    UNFINISHED,
    Stopped,
    exit_code_of,
    problem_text,
)
from .items import Item
from .job_directory import Host, JobDirectory
from .job_runner import JobRunner
from .measures import Inspector
from .outputs import display_path
from .report import FAILED, Event, OutputLost, Report
from .store_access import POLL_SECONDS
from .task import Task

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

NO_LIMITS = Inspector()

SILENT_SECONDS = 2.0
"""Seconds after which the command explains why it waits without showing anything."""


class Batch:
    """Works through tasks with an engine of its own. It is a context manager, because the engine has threads.

    directory: where the jobs are stored. concurrent_jobs: how many jobs run at the same time. patience: how
    many seconds may pass without any change before the batch gives up. interrupted: the caller sets it to end
    the batch early. all_outputs: the outputs of all items of the command, including those of other shards.
    force: whether to overwrite files that this command has not written. inspector: decides whether results
    are as they should be. measure_deviations: see Delivery. Raises LedgerError and Stopped.
    """

    def __init__(
        self,
        host: Host,
        directory: JobDirectory,
        report: Report,
        *,
        concurrent_jobs: int,
        patience: float,
        interrupted: threading.Event,
        converter: Conversion | None = None,
        all_outputs: Sequence[Path] = (),
        force: bool = False,
        inspector: Inspector = NO_LIMITS,
        measure_deviations: bool = False,
    ) -> None:
        self.report = report
        self._concurrent_jobs = concurrent_jobs
        self._patience = patience
        self._interrupted = interrupted
        self._inspector = inspector
        self._store_problem: Problem | None = None  # what the store refused last time
        self._runner = JobRunner(
            host,
            directory,
            concurrent_jobs=concurrent_jobs,
            patience=patience,
            interrupted=interrupted,
            show_message=report.show_message,
            converter=converter,
            all_outputs=all_outputs,
            force=force,
        )
        self._delivery = Delivery(self._runner, report, inspector, interrupted, measure_deviations)

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    @property
    def engine(self) -> Engine:
        """The engine that runs the jobs."""
        return self._runner.engine

    def task_for(self, item: Item) -> Task:
        """Return the task that makes `item`."""
        source = display_path(item.source) if item.source is not None else ""
        return Task(display_path(item.output), lambda runner: runner.start(item), source)

    def resume_task(self, job: Job, allow_rerun: bool) -> Task:
        """Return the task that goes on with a job of the store; for `allow_rerun` see Task."""

        def start(runner: JobRunner) -> str:
            runner.resume(job, allow_rerun)
            return job.token

        destination = job.request.destination
        is_file = isinstance(destination, OutputFile)
        name = (
            display_path(self._runner.directory.output_path(destination.path))
            if is_file
            else job.request.name
        )
        return Task(name, start=start, allow_rerun=allow_rerun)

    def cancel(self, token: str) -> str:
        """Cancel a job and wait until it is cancelled. Return the reason if that failed, else ""."""
        return self._runner.cancel(token, self._patience, self._interrupted)

    def cancel_after_interrupt(self, token: str, patience: float) -> None:
        """Cancel a job after the batch was interrupted; give up after `patience` seconds."""
        self._runner.cancel(token, patience, threading.Event())

    def run(self, tasks: Iterable[Task], advice: Callable[[int], str]) -> int:
        """Work through `tasks` and return the exit code; `advice` says what the user can do then."""
        started_at = time.monotonic()
        try:
            code = self._run(deque(tasks))
        except Stopped as stop:
            self.report.show_message(str(stop))
            code = stop.code
        self.report.end(time.monotonic() - started_at, advice(code))
        return code

    def _await_recovery(self) -> None:
        """Wait until the engine has recovered the jobs of a lost store.

        If the store is new but jobs have folders already, the engine first looks for their flows.
        """
        started_at = time.monotonic()
        shown_reason: str | None = None
        while not self._is_recovery_done():
            if self._interrupted.wait(POLL_SECONDS):
                raise Stopped(INTERRUPTED, "Interrupted.")
            problem = self._store_problem or self._runner.engine.recovery_problem
            if problem is not None and problem.code in BLOCKING_PROBLEMS:
                raise Stopped(BLOCKING_PROBLEMS[problem.code], problem_text(problem))
            waited = time.monotonic() - started_at
            reason = problem_text(problem) if problem is not None else ""
            if reason != shown_reason and (reason or waited > SILENT_SECONDS):
                shown_reason = reason
                self.report.show_message(f"Looking for the jobs of a lost list. {reason}".strip())
            if waited > self._patience:
                raise Stopped(
                    exit_code_of(problem), f"The jobs of a lost list have not been found yet. {reason}"
                )

    def _is_recovery_done(self) -> bool:
        try:
            is_done = self._runner.recovery_done
        except LedgerError as error:
            self._store_problem = error.problem
            return False
        self._store_problem = None
        return is_done

    def _run(self, waiting: deque[Task]) -> int:
        self._await_recovery()
        under_way: list[Task] = []
        changed_at = time.monotonic()
        while waiting or under_way:
            progress_before = [task.last_progress for task in under_way]
            unfinished = [task for task in under_way if not self._advance(task)]
            if progress_before != [task.last_progress for task in unfinished]:
                changed_at = time.monotonic()
            under_way = unfinished
            while waiting and len(under_way) < self._concurrent_jobs:
                task = waiting.popleft()  # If it is finished already, the next one starts at once.
                if not self._advance(task):
                    under_way.append(task)
                changed_at = time.monotonic()
            if under_way and time.monotonic() - changed_at > self._patience:
                raise self._timeout(under_way)
            if under_way:
                self._await_events()
            self.report.tick()
        if self.report.counts[FAILED]:
            return SOME_FAILED
        return NOT_AS_ASKED if self._inspector.refuses(self.report.rows) else SUCCESS

    def _await_events(self) -> None:
        """Wait a moment for events of the engine, and record what other processes have written."""
        with suppress(queue.Empty):
            self._runner.outputs.record_written(
                self._runner.engine.events.get(timeout=POLL_SECONDS).placement.delivered
            )
            while True:
                self._runner.outputs.record_written(
                    self._runner.engine.events.get_nowait().placement.delivered
                )

    def _advance(self, task: Task) -> bool:
        """Take a task as far as it goes by now; True when it is over, well or not."""
        if self._interrupted.is_set():
            raise Stopped(INTERRUPTED, "Interrupted.")
        try:
            if not task.token:
                task.token = task.start(self._runner)
                task.job_at_start = self._runner.engine.job(task.token)
            is_over = self._update(task)
        except LedgerError as error:  # Other processes hold the store, or its disk is full.
            if error.problem != self._store_problem:
                self._store_problem = error.problem
                self.report.show_message(f"{task.name} waits. {problem_text(error.problem)}")
            return False
        except FlowsError as error:
            self._delivery.report_failure(task, Problem.of(error))
            return True
        except (Stopped, OutputLost):
            raise
        except Exception as error:  # A defect in our code may end one model, but not all.
            self._delivery.report_failure(task, Problem.of_defect(error))
            return True
        self._store_problem = None
        return is_over

    def _update(self, task: Task) -> bool:
        """Report what changed in a task's job, and deliver its results; return whether the task is finished.

        Raises FlowsError.
        """
        job = self._runner.engine.job(task.token)
        if job is None:
            return False  # Another process has just added it to the store.
        if job.finished:
            return self._delivery.deliver(task, job)
        # A problem that comes and goes is no progress: else the command might wait forever.
        run, status = job.run, job.status
        task.last_progress = (
            job.token,
            run.attempt,
            status.step,
            status.queued,
            run.flow_state,
            run.progress,
        )
        reported = (job.state, run.progress, status.problem)
        if reported != task.last_reported:
            task.last_reported = reported
            problem = status.problem or Problem("", EMPTY)
            self.report.record(
                Event(
                    task.name,
                    STATES[job.state].label,
                    run.progress,
                    job.token,
                    message=problem.message,
                    fix=problem.fix,
                    code=problem.code,
                    source=task.source,
                    left=self._runner.engine.time_left(job),
                )
            )
        # A problem that was stored before this run does not count until the engine has tried once.
        if status.waiting and job is not task.job_at_start and not self._runner.engine.is_active(job.token):
            problem = status.problem
            assert problem is not None
            if task.allow_rerun and problem.code == MAYBE_RUNNING:
                task.allow_rerun = False
                self._runner.engine.retry(job.token)
                return False
            if problem.code in BLOCKING_PROBLEMS:
                raise Stopped(BLOCKING_PROBLEMS[problem.code], f"{problem.message} {problem.fix}".strip())
            self._delivery.report_failure(task, problem)
            return True
        return False

    def _timeout(self, under_way: Sequence[Task]) -> Stopped:
        """Return the reason to give up: the problem that blocks the jobs, or that nothing has changed."""
        jobs = [self._runner.engine.job(task.token) for task in under_way]
        problems = (job.status.problem for job in jobs if job)
        problem = self._store_problem or next(filter(None, problems), None)
        minutes = f"{self._patience / 60:.3g} minutes"
        if problem is None:
            return Stopped(UNFINISHED, f"Not finished yet: no news from the service for {minutes}.")
        return Stopped(exit_code_of(problem), f"Nothing has happened for {minutes}. {problem_text(problem)}")
