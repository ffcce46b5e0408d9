# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries many jobs, a few at once, and hands each result over as a file."""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..api import FlowsError, NotSaved
from ..api.text import plain_reason
from ..jobs import AlreadyThere, Engine, Job, Ledger, LedgerError, Problem, Settings, Step
from ..jobs.errors import DELETED, MAYBE_RUNNING
from ..jobs.steps import kept_name
from .items import Item, optimizing
from .places import Home, Host
from .report import ALREADY_DONE, DONE, FAILED, READY, Event, Report

if TYPE_CHECKING:
    from ..scene.convert import Converter

SUCCESS, SOME_FAILED, USAGE, KEY, NETWORK, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Exit codes."""

FOR_THE_USER = {
    "missing_key": KEY,
    "malformed_key": KEY,
    "key_refused": KEY,
    "payment_required": SOME_FAILED,
    "offline": NETWORK,
    "certificate_error": NETWORK,
    "unsafe_address": USAGE,
    "other_service": USAGE,
}
"""Problems that would stop every other job as well, and the exit code that says so."""

NOT_OURS = "another process works on it, or it is over. Stop that one first."

GLANCE = 0.1
"""Seconds between two looks at the jobs under way."""

Begin = Callable[["Batch"], str]
"""Sees to it that an item's job is in the engine's hands, and returns its token. Raises FlowsError."""


@dataclass
class Task:
    """An item under way.

    name: as events call it. sure: whether the user wants it even if it may run a second time. begun: its job
    when it was begun. told: what was last told of it.
    """

    name: str
    begin: Begin
    sure: bool = False
    token: str = ""
    begun: Job | None = None
    told: tuple[object, ...] = ()


class Stopped(Exception):
    """Nothing more can be done; `code` is the exit code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Batch:
    """Works through tasks with an engine of its own; a context manager, since the engine has threads.

    home: where its jobs are kept. at_once: how many are under way together. patience: seconds without any
    news after which it gives up. interrupted: set from outside to end early. Raises LedgerError.
    """

    def __init__(
        self,
        host: Host,
        home: Home,
        report: Report,
        *,
        at_once: int,
        patience: float,
        interrupted: threading.Event,
        converter: Converter | None = None,
    ) -> None:
        self.home = home
        self.report = report
        self._at_once = at_once
        self._patience = patience
        self._interrupted = interrupted
        self._converter = converter
        settings = Settings(
            folder=home.results,
            base_url=host.service,
            api_key=host.api_key,
            online=host.online,
            concurrent_jobs=at_once,
        )
        self._ledger = Ledger(home.ledger, shared=home.shared)
        self.engine = Engine(self._ledger, settings, self._make_input, self._convert, heir=False)
        self._service = host.service

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    # ------------------------------------------------------------------ tasks

    def task(self, item: Item) -> Task:
        """The task of making `item`."""

        def begin(batch: Batch) -> str:
            job = item.job(batch._service, batch.home)
            batch.submit(job)
            return job.token

        return Task(display(item.output), begin)

    def resuming(self, job: Job, sure: bool) -> Task:
        """The task of going on with a job of the ledger; `sure`: see Task."""

        def begin(batch: Batch) -> str:
            batch.take(job, sure)
            return job.token

        output = job.destination.get("output")
        return Task(display(self.home.output(output)) if output else job.name, begin, sure)

    def submit(self, job: Job) -> None:
        """Hand a job to the engine, or go on with it where the ledger has it already."""
        known = self.engine.job(job.token)
        while known is None:
            try:
                self.engine.submit(job)
                return
            except AlreadyThere:
                known = job
            except LedgerError:  # many processes write to it at once
                if self._interrupted.wait(0.5):
                    raise Stopped(INTERRUPTED, "Interrupted.") from None
        self.take(known)

    def take(self, job: Job, sure: bool = False) -> None:
        """Go on with a job that the ledger has; a failed or cancelled one gets another try.

        One whose flow is gone would be paid for a second time: it gets one only if the user is `sure`.
        """
        if job.step in (Step.FAILED, Step.CANCELLED):
            if sure or not _was_deleted(job):
                self.engine.retry(job.token)
        elif not job.finished:
            self.engine.carry_on(job.token)

    def cancel(self, token: str) -> str:
        """Stop a job, and wait for that; returns why that could not be done, or ""."""
        self.engine.carry_on(token)
        end = time.monotonic() + self._patience
        asked = False
        while not self._interrupted.wait(GLANCE):
            job = self.engine.job(token)
            late = time.monotonic() > end
            if asked and job is not None and job.step is Step.CANCELLED:
                return job.problem.message if job.problem else ""
            if job is None or job.finished or (late and not asked):
                return NOT_OURS
            if late and job.problem is not None:
                return f"{job.problem.message} `jobs resume` goes on with stopping it."
            if not asked and self.engine.owns(token):
                self.engine.cancel(token)
                asked = True
        return "interrupted."

    # ------------------------------------------------------------------ the work

    def run(self, tasks: Iterable[Task], advice: Callable[[int], str]) -> int:
        """Work through `tasks` and return the exit code; `advice` says what to do after one."""
        began = time.monotonic()
        try:
            code = self._run(deque(tasks))
        except Stopped as stop:
            self.report.say(str(stop))
            code = stop.code
        self.report.end(time.monotonic() - began, advice(code))
        return code

    def _await_search(self) -> None:
        """Where the ledger is new, but jobs' folders are not, the engine looks for their flows first."""
        end = time.monotonic() + self._patience
        while not self._ledger.searched:
            if self._interrupted.wait(GLANCE):
                raise Stopped(INTERRUPTED, "Interrupted.")
            if time.monotonic() > end:
                raise Stopped(NETWORK, "The service could not be asked about jobs whose list was lost.")

    def _run(self, waiting: deque[Task]) -> int:
        self._await_search()
        under_way: list[Task] = []
        news = time.monotonic()
        while waiting or under_way:
            if self._interrupted.is_set():
                raise Stopped(INTERRUPTED, "Interrupted.")
            while waiting and len(under_way) < self._at_once:
                task = waiting.popleft()
                if self._begin(task):
                    under_way.append(task)
                news = time.monotonic()
            with suppress(queue.Empty):
                self.engine.events.get(timeout=GLANCE)
                while True:
                    self.engine.events.get_nowait()
            before = [task.told for task in under_way]
            still = [task for task in under_way if not self._ended(task)]
            if len(still) < len(under_way) or before != [task.told for task in still]:
                news = time.monotonic()
            elif time.monotonic() - news > self._patience:
                raise Stopped(NETWORK, self._no_news(still))
            under_way = still
        return SOME_FAILED if self.report.counts[FAILED] else SUCCESS

    def _begin(self, task: Task) -> bool:
        """Begin a task; False when that was its end already."""
        try:
            task.token = task.begin(self)
        except FlowsError as error:
            self._fail(task, Problem.of(error))
            return False
        task.begun = self.engine.job(task.token)
        return True

    def _ended(self, task: Task) -> bool:
        """Look at a task's job, tell what is new of it, and hand over what is ready."""
        job = self.engine.job(task.token)
        if job is None:
            return False  # another process has only just put it into the ledger
        if job.finished:
            return self._hand_over(task, job)
        told = (job.state, job.progress, job.problem)
        if told != task.told:
            task.told = told
            problem = job.problem or Problem("", "")
            self.report.tell(
                Event(
                    task.name,
                    job.state,
                    job.progress,
                    job.token,
                    message=problem.message,
                    fix=problem.fix,
                    code=problem.code,
                )
            )
        # What it was waiting for when it was begun may be over; the engine has not looked again yet.
        if job.waiting and job is not task.begun and not self.engine.carries(job.token):
            assert job.problem is not None
            if task.sure and job.problem.code == MAYBE_RUNNING:
                task.sure = False
                self.engine.retry(job.token)
                return False
            if job.problem.code in FOR_THE_USER:
                code = FOR_THE_USER[job.problem.code]
                raise Stopped(code, f"{job.problem.message} {job.problem.fix}".strip())
            self._fail(task, job.problem)
            return True
        return False

    def _no_news(self, under_way: list[Task]) -> str:
        jobs = [self.engine.job(task.token) for task in under_way]
        problem = next((job.problem for job in jobs if job and job.problem), None)
        reason = f" {problem.message} {problem.fix}" if problem else ""
        return f"Nothing has happened for {self._patience / 60:.3g} minutes.{reason}"

    # ------------------------------------------------------------------ results

    def _hand_over(self, task: Task, job: Job) -> bool:
        """Take what a finished job has to where it belongs; False when another job goes on with it."""
        if job.step in (Step.FAILED, Step.CANCELLED):
            problem = job.problem or Problem("cancelled", "The job was cancelled.")
            if _was_deleted(job):
                problem = replace(
                    problem, fix=f"`jobs resume {job.token}` runs it, and pays for it, once more."
                )
            self._fail(task, problem)
            return True
        if "output" not in job.destination:  # a window's job, which the window places
            self._done(task, job, READY, ())
            return True
        try:
            if "optimize" in job.destination:
                self._chain(task, job)
                return False
            written = job.step is Step.PLACED and [
                path for path in self._targets(job) if path.exists()
            ] == self._targets(job)
            if written:
                self._done(task, job, ALREADY_DONE, self._targets(job))
                return True
            self._done(task, job, DONE, self._deliver(job))
        except FlowsError as error:
            self._fail(task, Problem.of(error))
        return True

    def _chain(self, task: Task, job: Job) -> None:
        following = optimizing(job, job.results[0])
        self.submit(following)
        self.engine.place(job.token)
        task.token = following.token
        task.begun = self.engine.job(following.token)

    def _targets(self, job: Job) -> list[Path]:
        """The files that a job's results become: the output, and beside it -2, -3 … where there are more."""
        output = self.home.output(job.destination["output"])
        return [
            output if number == 1 else output.with_stem(f"{output.stem}-{number}")
            for number in range(1, len(job.results) + 1)
        ]

    def _deliver(self, job: Job) -> list[Path]:
        """Write the outputs, each whole or not at all. Raises NotSaved."""
        folder = self.engine.folder(job.token)
        targets = self._targets(job)
        for result, target in zip(job.results, targets, strict=True):
            kept = result.blend if target.suffix.lower() == ".blend" else result.glb
            source = folder / kept_name(kept)
            part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, part)
                part.replace(target)
            except OSError as error:
                raise NotSaved(
                    f"{display(target)} could not be written: {plain_reason(str(error))}",
                    "Run the command again when it can.",
                ) from error
            finally:
                part.unlink(missing_ok=True)
        with suppress(LedgerError):  # the file is there; at the worst it is written once more
            self.engine.place(job.token)
        return targets

    def _done(self, task: Task, job: Job, state: str, outputs: Iterable[Path]) -> None:
        self.report.tell(Event(task.name, state, 1.0, job.token, tuple(str(path) for path in outputs)))

    def _fail(self, task: Task, problem: Problem) -> None:
        self.report.tell(
            Event(task.name, FAILED, None, task.token, (), problem.message, problem.fix, problem.code)
        )

    # ------------------------------------------------------------------ what the engine is given

    def _make_input(self, source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        if self._converter is None:
            raise OSError("there is no Blender to convert with")
        self._converter.make_input(source, target, cancelled)

    def _convert(self, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """Only where a .blend is wanted: the verified GLB is what most commands are after."""
        job = self.engine.job(glb.parent.name)
        wanted = job is not None and str(job.destination.get("output", "")).lower().endswith(".blend")
        if not wanted or "optimize" in job.destination or self._converter is None:
            raise OSError("no .blend is wanted")
        self._converter.to_file(glb, blend, cancelled)


def _was_deleted(job: Job) -> bool:
    return job.problem is not None and job.problem.code == DELETED


def display(path: Path) -> str:
    """A path as the user would write it here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative
