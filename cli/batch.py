# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries many jobs, a few at once, until each is over."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..api import FlowsError
from ..core.destination import OutputFile
from ..core.messages import EMPTY
from ..jobs import STATES, Job, LedgerError, Problem
from ..jobs.engine import Engine
from ..jobs.errors import MAYBE_RUNNING
from .carrier import Carrier
from .delivery import Delivery, Errand
from .exit_codes import (
    FOR_THE_USER,
    INTERRUPTED,
    NOT_AS_ASKED,
    SOME_FAILED,
    SUCCESS,
    UNFINISHED,
    Stopped,
    code_of,
    words_of,
)
from .items import Item
from .job_directory import Home, Host
from .ledger import GLANCE
from .measures import Inspector
from .outputs import display
from .report import FAILED, Event, OutputLost, Report

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

ANY = Inspector()

SILENCE = 2.0
"""Seconds after which a wait that shows nothing is explained."""


@dataclass
class Task(Errand):
    """An item under way.

    begin: sees to it that its job is in the engine's hands, and returns its token; raises FlowsError, and
    LedgerError where that has to be tried again. sure: whether the user wants it even if it may run a second
    time. told: what was last told of it. come: how far it had come then.
    """

    begin: Callable[[Carrier], str] = lambda _: ""
    sure: bool = False
    told: tuple[object, ...] = ()
    come: tuple[object, ...] = ()


class Batch:
    """Works through tasks with an engine of its own; a context manager, since the engine has threads.

    home: where its jobs are kept. at_once: how many are under way together. patience: seconds without any
    news after which it gives up. interrupted: set from outside to end early. wanted: the outputs of all
    models that the command is about, other shares included. force: whether it writes over files that are not
    ours. inspector: says whether results are as they should be. wants_deviations: see Delivery. Raises
    LedgerError, and Stopped.
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
        converter: Conversion | None = None,
        wanted: Sequence[Path] = (),
        force: bool = False,
        inspector: Inspector = ANY,
        wants_deviations: bool = False,
    ) -> None:
        self.report = report
        self._at_once = at_once
        self._patience = patience
        self._interrupted = interrupted
        self._inspector = inspector
        self._held_up: Problem | None = None  # by the ledger, when that was tried last
        self._carrier = Carrier(
            host,
            home,
            at_once=at_once,
            patience=patience,
            interrupted=interrupted,
            say=report.say,
            converter=converter,
            wanted=wanted,
            force=force,
        )
        self._delivery = Delivery(self._carrier, report, inspector, interrupted, wants_deviations)

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self._carrier.close()

    @property
    def engine(self) -> Engine:
        """What carries its jobs."""
        return self._carrier.engine

    def task(self, item: Item) -> Task:
        """The task of making `item`."""
        source = display(item.source) if item.source is not None else ""
        return Task(display(item.output), source, begin=lambda carrier: carrier.begin(item))

    def resuming(self, job: Job, sure: bool) -> Task:
        """The task of going on with a job of the ledger; `sure`: see Task."""

        def begin(carrier: Carrier) -> str:
            carrier.take(job, sure)
            return job.token

        where = job.request.destination
        is_file = isinstance(where, OutputFile)
        name = display(self._carrier.home.output(where.path)) if is_file else job.request.name
        return Task(name, begin=begin, sure=sure)

    def cancel(self, token: str) -> str:
        """Stop a job, and wait for that; returns why that could not be done, or ""."""
        return self._carrier.cancel(token, self._patience, self._interrupted)

    def withdraw(self, token: str, patience: float) -> None:
        """Stop a job of a batch that was interrupted, within `patience` seconds."""
        self._carrier.cancel(token, patience, threading.Event())

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
        began = time.monotonic()
        told: str | None = None
        while not self._is_searched():
            if self._interrupted.wait(GLANCE):
                raise Stopped(INTERRUPTED, "Interrupted.")
            problem = self._held_up or self._carrier.engine.recovery_problem
            if problem is not None and problem.code in FOR_THE_USER:
                raise Stopped(FOR_THE_USER[problem.code], words_of(problem))
            waited = time.monotonic() - began
            reason = words_of(problem) if problem is not None else ""
            if reason != told and (reason or waited > SILENCE):
                told = reason
                self.report.say(f"Looking for the jobs of a lost list. {reason}".strip())
            if waited > self._patience:
                raise Stopped(code_of(problem), f"The jobs of a lost list have not been found yet. {reason}")

    def _is_searched(self) -> bool:
        try:
            searched = self._carrier.recovery_done
        except LedgerError as error:
            self._held_up = error.problem
            return False
        self._held_up = None
        return searched

    def _run(self, waiting: deque[Task]) -> int:
        self._await_search()
        under_way: list[Task] = []
        news = time.monotonic()
        while waiting or under_way:
            come = [task.come for task in under_way]
            still = [task for task in under_way if not self._turn(task)]
            if come != [task.come for task in still]:
                news = time.monotonic()
            under_way = still
            while waiting and len(under_way) < self._at_once:
                task = waiting.popleft()  # which may be over already: then the next is due at once
                if not self._turn(task):
                    under_way.append(task)
                news = time.monotonic()
            if under_way and time.monotonic() - news > self._patience:
                raise self._without_news(under_way)
            if under_way:
                self._listen()
            self.report.tick()
        if self.report.counts[FAILED]:
            return SOME_FAILED
        return NOT_AS_ASKED if self._inspector.refuses(self.report.rows) else SUCCESS

    def _listen(self) -> None:
        """Wait a moment for what the engine tells."""
        with suppress(queue.Empty):
            self._carrier.outputs.learn(self._carrier.engine.events.get(timeout=GLANCE).placement.delivered)
            while True:
                self._carrier.outputs.learn(self._carrier.engine.events.get_nowait().placement.delivered)

    def _turn(self, task: Task) -> bool:
        """Take a task as far as it goes by now; True when it is over, well or not."""
        if self._interrupted.is_set():
            raise Stopped(INTERRUPTED, "Interrupted.")
        try:
            if not task.token:
                task.token = task.begin(self._carrier)
                task.begun = self._carrier.engine.job(task.token)
            over = self._ended(task)
        except LedgerError as error:  # many processes write to it at once, or its disk is full
            if error.problem != self._held_up:
                self._held_up = error.problem
                self.report.say(f"{task.name} waits. {words_of(error.problem)}")
            return False
        except FlowsError as error:
            self._delivery.fail(task, Problem.of(error))
            return True
        except (Stopped, OutputLost):
            raise
        except Exception as error:  # a defect of ours must end one model, not all
            self._delivery.fail(task, Problem.of_defect(error))
            return True
        self._held_up = None
        return over

    def _ended(self, task: Task) -> bool:
        """Look at a task's job, tell what is new of it, and hand over what is ready. Raises FlowsError."""
        job = self._carrier.engine.job(task.token)
        if job is None:
            return False  # another process has only just put it into the ledger
        if job.finished:
            return self._delivery.hand_over(task, job)
        # A problem that comes and goes is no news: it would keep a command waiting for ever.
        run, status = job.run, job.status
        task.come = (job.token, run.attempt, status.step, status.queued, run.flow_state, run.progress)
        told = (job.state, run.progress, status.problem)
        if told != task.told:
            task.told = told
            problem = status.problem or Problem("", EMPTY)
            self.report.tell(
                Event(
                    task.name,
                    STATES[job.state].label,
                    run.progress,
                    job.token,
                    message=problem.message,
                    fix=problem.fix,
                    code=problem.code,
                    source=task.source,
                    left=self._carrier.engine.time_left(job),
                )
            )
        # What it was waiting for when it was begun may be over; the engine has not looked again yet.
        if status.waiting and job is not task.begun and not self._carrier.engine.is_active(job.token):
            problem = status.problem
            assert problem is not None
            if task.sure and problem.code == MAYBE_RUNNING:
                task.sure = False
                self._carrier.engine.retry(job.token)
                return False
            if problem.code in FOR_THE_USER:
                raise Stopped(FOR_THE_USER[problem.code], f"{problem.message} {problem.fix}".strip())
            self._delivery.fail(task, problem)
            return True
        return False

    def _without_news(self, under_way: Sequence[Task]) -> Stopped:
        """Why to give up: for what holds the jobs up, or because they take longer than there is patience."""
        jobs = [self._carrier.engine.job(task.token) for task in under_way]
        problems = (job.status.problem for job in jobs if job)
        problem = self._held_up or next(filter(None, problems), None)
        minutes = f"{self._patience / 60:.3g} minutes"
        if problem is None:
            return Stopped(UNFINISHED, f"Not finished yet: no news from the service for {minutes}.")
        return Stopped(code_of(problem), f"Nothing has happened for {minutes}. {words_of(problem)}")
