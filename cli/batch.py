# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries many jobs, a few at once, and hands each result over as a file."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..api import FlowsError
from ..core.messages import EMPTY, Message
from ..jobs import AlreadyThere, Job, LedgerBusy, LedgerError, Problem, Settings, Step
from ..jobs.engine import Engine
from ..jobs.errors import DELETED, MAYBE_RUNNING
from ..jobs.model import UNSENT
from ..jobs.store import JobStore
from .items import WISH, Item, optimizing
from .job_directory import Home, Host
from .outputs import Outputs, ResultGone, display
from .report import ALREADY_DONE, DONE, FAILED, READY, Event, OutputLost, Report

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

SUCCESS, SOME_FAILED, USAGE, KEY, NETWORK, UNFINISHED, INTERRUPTED = 0, 1, 2, 3, 4, 75, 130
"""Exit codes. That of what is only not finished yet is EX_TEMPFAIL of the C header sysexits.h: try again."""

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

SILENCE = 2.0
"""Seconds after which a wait that shows nothing is explained."""

T = TypeVar("T")

Begin = Callable[["Batch"], str]
"""Sees to it that an item's job is in the engine's hands, and returns its token.

Raises FlowsError, and LedgerError where that has to be tried again.
"""


@dataclass
class Task:
    """An item under way.

    name: as events call it. sure: whether the user wants it even if it may run a second time. token: of its
    job, "" before that is begun. begun: its job when it was begun. told: what was last told of it. come: how
    far it had come then. fetched: whether its results were fetched once more.
    """

    name: str
    begin: Begin
    sure: bool = False
    token: str = ""
    begun: Job | None = None
    told: tuple[object, ...] = ()
    come: tuple[object, ...] = ()
    fetched: bool = False


class Stopped(Exception):
    """Nothing more can be done; `code` is the exit code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Batch:
    """Works through tasks with an engine of its own; a context manager, since the engine has threads.

    home: where its jobs are kept. at_once: how many are under way together. patience: seconds without any
    news after which it gives up. interrupted: set from outside to end early. wanted: the outputs of all
    models that the command is about, other shares included. force: whether it writes over files that are not
    ours. Raises LedgerError, and Stopped.
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
    ) -> None:
        self.home = home
        self.report = report
        self._at_once = at_once
        self._patience = patience
        self._interrupted = interrupted
        self._converter = converter
        self._held_up: Problem | None = None  # by the ledger, when that was tried last
        settings = Settings(
            folder=home.results,
            base_url=host.service,
            api_key=host.api_key,
            online=host.online,
            concurrent_jobs=at_once,
            patience=0.0,  # the command has its own
        )

        def start() -> tuple[JobStore, Engine]:
            with closing_on_error(opened(home)) as ledger:
                return ledger, Engine(ledger, settings, self._make_input, self._convert, adopt_orphans=False)

        self._ledger, self.engine = patiently(start, patience, interrupted, report.say)
        self._outputs = Outputs(home, self.engine, wanted, force)
        self._service = host.service
        # What was asked of a mistyped address has a token of that, and goes to the one that is set now.
        self._wishes = {
            job.destination[WISH]: job
            for job in self.engine.jobs()
            if WISH in job.destination and (job.unsent or job.service == self._service)
        }

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    # ------------------------------------------------------------------ tasks

    def task(self, item: Item) -> Task:
        """The task of making `item`."""

        def begin(batch: Batch) -> str:
            job = batch.as_known(item.job(batch._service, batch.home))
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

    def as_known(self, job: Job) -> Job:
        """The job, or the one of the ledger that is for the same item and may go to the same service."""
        if self.engine.job(job.token) is not None:
            return job
        return self._wishes.get(job.destination[WISH], job)

    def submit(self, job: Job) -> None:
        """Hand a job to the engine, or go on with it where the ledger has it already. Raises FlowsError."""
        # Another process may have taken it, and be done with it, since the engine has looked last.
        known = self.engine.job(job.token) or self._ledger.job(job.token)
        if known is None:
            self._outputs.check(job)
            try:
                self.engine.submit(job)
                return
            except AlreadyThere:
                known = job
        self.take(known)

    def take(self, job: Job, sure: bool = False) -> None:
        """Go on with a job that the ledger has; a failed or cancelled one gets another try.

        One whose flow is gone would be paid for a second time: unless the user is `sure`, that flow is asked
        for once more, and nothing else. Raises FlowsError.
        """
        if _was_deleted(job) and not sure:
            self.engine.retry_lookup(job.token)
            return
        if "output" in job.destination and job.step in (*UNSENT, Step.FAILED, Step.CANCELLED):
            self._outputs.check(job)
        if job.step in (Step.FAILED, Step.CANCELLED):
            self.engine.retry(job.token)
        elif not job.finished:
            self.engine.resume(job.token)

    def cancel(self, token: str) -> str:
        """Stop a job, and wait for that; returns why that could not be done, or ""."""
        self.engine.resume(token)
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
                with suppress(LedgerError):  # then once more
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
        began = time.monotonic()
        told: str | None = None
        while not self._is_searched():
            if self._interrupted.wait(GLANCE):
                raise Stopped(INTERRUPTED, "Interrupted.")
            problem = self._held_up or self.engine.recovery_problem
            if problem is not None and problem.code in FOR_THE_USER:
                raise Stopped(FOR_THE_USER[problem.code], _words(problem))
            waited = time.monotonic() - began
            reason = _words(problem) if problem is not None else ""
            if reason != told and (reason or waited > SILENCE):
                told = reason
                self.report.say(f"The jobs of a list that was lost are looked for. {reason}".strip())
            if waited > self._patience:
                raise Stopped(
                    _code(problem), f"The jobs of a list that was lost were not found yet. {reason}"
                )

    def _is_searched(self) -> bool:
        try:
            searched = self._ledger.recovery_done
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
        return SOME_FAILED if self.report.counts[FAILED] else SUCCESS

    def _listen(self) -> None:
        """Wait a moment for what the engine tells."""
        with suppress(queue.Empty):
            self._outputs.learn(self.engine.events.get(timeout=GLANCE).delivered)
            while True:
                self._outputs.learn(self.engine.events.get_nowait().delivered)

    def _turn(self, task: Task) -> bool:
        """Take a task as far as it goes by now; True when it is over, well or not."""
        if self._interrupted.is_set():
            raise Stopped(INTERRUPTED, "Interrupted.")
        try:
            if not task.token:
                task.token = task.begin(self)
                task.begun = self.engine.job(task.token)
            over = self._ended(task)
        except LedgerError as error:  # many processes write to it at once, or its disk is full
            if error.problem != self._held_up:
                self._held_up = error.problem
                self.report.say(f"{task.name} waits. {_words(error.problem)}")
            return False
        except FlowsError as error:
            self._fail(task, Problem.of(error))
            return True
        except (Stopped, OutputLost):
            raise
        except Exception as error:  # a defect of ours must end one model, not all
            self._fail(task, Problem.of_defect(error))
            return True
        self._held_up = None
        return over

    def _ended(self, task: Task) -> bool:
        """Look at a task's job, tell what is new of it, and hand over what is ready. Raises FlowsError."""
        job = self.engine.job(task.token)
        if job is None:
            return False  # another process has only just put it into the ledger
        if job.finished:
            return self._hand_over(task, job)
        # A problem that comes and goes is no news: it would keep a command waiting for ever.
        task.come = (job.token, job.attempt, job.step, job.queued, job.flow_state, job.progress)
        told = (job.state, job.progress, job.problem)
        if told != task.told:
            task.told = told
            problem = job.problem or Problem("", EMPTY)
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
        if job.waiting and job is not task.begun and not self.engine.is_active(job.token):
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

    def _without_news(self, under_way: Sequence[Task]) -> Stopped:
        """Why to give up: for what holds the jobs up, or because they take longer than there is patience."""
        jobs = [self.engine.job(task.token) for task in under_way]
        problem = self._held_up or next((job.problem for job in jobs if job and job.problem), None)
        minutes = f"{self._patience / 60:.3g} minutes"
        if problem is None:
            return Stopped(UNFINISHED, f"Not finished yet: the service has told nothing new for {minutes}.")
        return Stopped(_code(problem), f"Nothing has happened for {minutes}. {_words(problem)}")

    # ------------------------------------------------------------------ results

    def _hand_over(self, task: Task, job: Job) -> bool:
        """Take what a finished job has to where it belongs; False when it, or another, goes on.

        Raises FlowsError.
        """
        if job.step in (Step.FAILED, Step.CANCELLED):
            problem = job.problem or Problem("cancelled", Message("The job was cancelled."))
            if _was_deleted(job):
                problem = replace(
                    problem,
                    fix=f"Check the API key. `jobs resume {job.token}` runs it, and pays for it, once more.",
                )
            self._fail(task, problem)
            return True
        if "output" not in job.destination:  # a window's job, which the window places
            self._done(task, job, READY, ())
            return True
        try:
            return self._chain(task, job) if "optimize" in job.destination else self._write(task, job)
        except ResultGone:
            if task.fetched or not job.flow_id:
                raise
            task.fetched = True
            self._outputs.discard_damaged(job)
            self.engine.fetch_results(job.token)
            return False

    def _chain(self, task: Task, job: Job) -> bool:
        model = self._outputs.kept_glb(job)
        following = optimizing(job, model.name)
        known = self.engine.job(following.token)
        if not model.is_file() and (known is None or known.step not in (Step.READY, Step.PLACED)):
            raise ResultGone  # it is still to be sent
        self.submit(following)
        self.engine.mark_placed(job.token)
        task.token, task.fetched = following.token, False
        task.begun = self.engine.job(following.token)
        return False

    def _write(self, task: Task, job: Job) -> bool:
        if (standing := self._outputs.standing(job)) is not None:
            self._done(task, job, ALREADY_DONE, standing)
            return True
        written = self._outputs.write(job)
        if written is None:
            return False
        self._done(task, job, DONE, written)
        return True

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


def opened(home: Home) -> JobStore:
    """The ledger of a home. Raises LedgerError."""
    return JobStore(home.ledger, shared=home.shared)


@contextmanager
def closing_on_error(ledger: JobStore) -> Generator[JobStore]:
    """The ledger, closed where what is done with it fails."""
    try:
        yield ledger
    except BaseException:
        ledger.close()
        raise


def patiently(
    use: Callable[[], T], patience: float, interrupted: threading.Event, say: Callable[[str], None]
) -> T:
    """What `use` gives that needs a ledger, as soon as nobody else holds that, within `patience` seconds.

    say: is told why it waits. Raises LedgerError, and Stopped where `interrupted` is set.
    """
    end = time.monotonic() + patience
    told = False
    while True:
        try:
            return use()
        except LedgerBusy as error:
            if time.monotonic() > end:
                raise
            if not told:
                say(_words(error.problem))
            told = True
        if interrupted.wait(GLANCE):
            raise Stopped(INTERRUPTED, "Interrupted.")


def _words(problem: Problem) -> str:
    return f"{problem.message} {problem.fix}".strip()


def _code(problem: Problem | None) -> int:
    """The exit code where a problem did not go away."""
    if problem is None:
        return UNFINISHED
    return SOME_FAILED if problem.code == "ledger" else NETWORK
