# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: carries jobs from step to step in threads and tells what happened through a queue.

One *scheduler* thread knows what is due. It hands running flows to one *poller*, and all other steps to
*workers*, which make files, upload, start and download. Every step is in the ledger before it is taken.
Nothing here knows Blender; the two conversions that need one are given to the engine as functions.
"""

from __future__ import annotations

import queue
import random
import shutil
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..api import Cancelled, FlowsClient, FlowsError
from ..core.messages import EMPTY, Message, sentences
from . import polling
from .chosen import keep_picture
from .clients import Clients
from .doubt import Doubt, OneShotServices
from .errors import MAYBE_RUNNING, NotStarted, folder_unusable
from .housekeeping import empty, leave, sweep, to_empty
from .ledger import LEASE_SECONDS, AlreadyThere, Ledger, LedgerError
from .model import FINISHED, UNSENT, Delivered, Job, Problem, Step
from .owners import is_here, lives, new_owner
from .recovery import NAME, keep_request, noted_flow, rebuilt, tokens, trace_of, traces
from .settings import Settings
from .steps import LONGEST_BREAK, NOTHING_NEW, Outcome, Steps, input_path, prepared

Convert = Callable[[Path, Path, Callable[[], bool]], None]
"""(source, target, cancelled): makes the file `target` from `source`, both absolute; after a crash it may be
there already, whole. Raises FlowsError where `source` is at fault, OSError where no conversion can be had on
this machine, Cancelled when asked to stop."""

LEARNED = 20
"""How many flows of a kind are remembered to tell how long the next one takes."""

SHARE_SECONDS = LEASE_SECONDS / 3
"""Between two looks at what other processes do with the ledger; our leases are renewed then, too."""

BUSY_DISK_SECONDS = 2.0
"""After these a step is tried again that the ledger could not take."""

TOLD_FAILURES = 2
"""So many looks at the ledger in a row may fail until the user is told."""

MOST_PICTURES = 20
"""So many are made at a start that a process before did not come to."""

MOST_FAILURES = 3
"""After so many that could not be made the rest waits for another start."""

SEARCH_SECONDS = 10.0
"""After these lost jobs are looked for again, where the service could not be asked."""

REPORT_SECONDS = 0.1
"""Progress of a transfer is told at most this often."""

NOT_SAVED = Problem(
    "closed_unsaved",
    Message("The model is in no saved file: it was undone, or the file was closed."),
    Message("Use Import to get it again."),
)


class Engine:
    """Carries jobs; its methods may be called from any thread, and those that only tell wait for nothing.

    ledger: owned from now on, closed by `close`. make_input, convert, illustrate: see `Convert`; from a
    .blend or a picture to the file to send, from a received GLB to a .blend, and from that to a picture,
    which is nice to have. heir: whether it goes on with all that dead processes left unfinished, or only
    with what `carry_on` names. `events` holds each job as it is after each change, `notice` what the user
    should know of the ledger, or None, `search_problem` why lost jobs could not be looked for when that was
    tried last, or None. Methods that change a job
    write the ledger first and raise LedgerError where that fails.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings,
        make_input: Convert,
        convert: Convert,
        illustrate: Convert | None = None,
        heir: bool = True,
    ) -> None:
        self.events: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.owner = new_owner()
        self._ledger = ledger
        self._settings = settings
        self._make_input = make_input
        self._convert = convert
        self._illustrate = illustrate
        self._inherits: set[str] | None = None if heir else set()  # tokens; None = all
        self._shared_at = -SHARE_SECONDS
        # Guards all that follows. Looking into _jobs does without, so that drawing never waits for a disk.
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._jobs: dict[str, Job] = {job.token: job for job in ledger.jobs()}
        self._mine: set[str] = set()  # unfinished jobs whose lease is ours
        self._active: set[str] = set()  # those that hold one of the places
        self._busy: set[str] = set()  # those that a thread has in hand
        self._calling: dict[str, FlowsClient] = {}  # with whom that thread speaks to the service
        self._new: set[str] = set()  # those that began in this process
        self._stale: set[str] = set()  # those of them that were lost and taken over again meanwhile
        self._left: set[str] = set()  # removed jobs whose files are still there
        self._due: dict[str, float] = {}  # when to look at an active job again, time.monotonic()
        self._failures: dict[str, int] = {}  # consecutive, for the back-off
        self._doubts: dict[str, Doubt] = {}  # what was heard in a row and not believed
        self._learned: dict[str, tuple[float, ...]] = {}  # how long flows of a kind took, seconds
        before = list(self._jobs.values())
        searched = ledger.searched  # which may fail, as long as there is no thread yet
        for job in before:
            self._learn(job)
        self._work: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._polls: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._considered = settings  # those that waiting jobs have been tried with
        self._notes: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._clients = Clients()
        self._one_shot_services = OneShotServices()
        self._threads: list[threading.Thread] = []
        self._workers = 0
        self._untidy = threading.Event()
        self._untidy.set()
        # From here on threads use what is above: a job may be over before the last of them has been started.
        self._start("scheduler", self._schedule)
        self._start("poller", self._serve, self._polls)
        self._start("clerk", self._write_notes)
        self._start("housekeeper", self._keep_house)
        self._notice: Problem | None = None
        self._ledger_problem: Problem | None = None  # why the scheduler cannot read or write it now
        self.search_problem: Problem | None = None
        if ledger.set_aside is not None:
            damaged = Message("The job list was damaged and is kept as {name}.", name=ledger.set_aside.name)
            self.notice = Problem("ledger", damaged, remedy="open_folder")
        if not searched:
            self._start("search", self._search)
        if illustrate is not None:
            self._start("artist", self._draw_missing, before)

    # ------------------------------------------------------------------ what the outside may ask for

    @property
    def notice(self) -> Problem | None:
        """What the user should know of the ledger, or None; what holds it up now goes by itself."""
        return self._ledger_problem or self._notice

    @notice.setter
    def notice(self, notice: Problem | None) -> None:
        self._notice = notice

    def jobs(self) -> list[Job]:
        """All jobs as they are now, oldest first."""
        return sorted(self._jobs.copy().values(), key=lambda job: job.created_at)

    def unfinished(self) -> list[Job]:
        """The jobs that are not over, oldest first."""
        return sorted(
            (job for job in self._jobs.copy().values() if not job.finished), key=lambda job: job.created_at
        )

    def job(self, token: str) -> Job | None:
        """One job as it is now."""
        return self._jobs.get(token)

    def time_left(self, job: Job) -> float | None:
        """Seconds until a running job's flow will probably have ended; None where there is no telling."""
        if job.step is not Step.STARTED:
            return None
        return polling.time_left(time.time() - job.started_at, self._learned.get(job.kind, ()), job.progress)

    def all_told(self) -> bool:
        """Whether `events` has nothing left to tell; not while a thread is changing a job."""
        with suppress(LedgerError), self._held():
            return self.events.empty()
        return False

    @contextmanager
    def _held(self) -> Generator[None]:
        """The lock, for who cannot wait: whoever has it may wait for the ledger. Raises LedgerBusy."""
        if not self._lock.acquire(timeout=self._ledger.patience):
            raise self._ledger.busy()
        try:
            yield
        finally:
            self._lock.release()

    def carries(self, token: str) -> bool:
        """Whether the engine goes on with a job by itself; if not, it is over, or the user has to act."""
        job = self._jobs.get(token)
        if token in self._active:
            return True
        # Whatever a job waits for, new settings may have mended it.
        return token in self._mine and job is not None and (job.queued or self._considered != self._settings)

    def owns(self, token: str) -> bool:
        """Whether an unfinished job is this engine's, and no other process's, also while it waits."""
        return token in self._mine

    def folder(self, token: str) -> Path:
        """The folder that holds a job's files (it may not exist yet)."""
        here, job = self._settings.folder / token, self._jobs.get(token)
        if job is not None and job.results:
            there = Path(job.results[0].glb).parent  # in the results folder of that time
            if there.name == token and there != here and not here.exists():
                return there
        return here

    def submit(self, job: Job) -> Job:
        """Take a new job, and carry it when its turn comes."""
        return self.submit_all([job])[0]

    def submit_all(self, jobs: Sequence[Job]) -> list[Job]:
        """Take new jobs, all or none, in one go of the disk; they are carried in this order."""
        now = time.time()
        # Each has a time of its own, by which lists are sorted.
        jobs = [replace(job, created_at=now + number * 1e-6) for number, job in enumerate(jobs)]
        with self._held():  # from before: it may be lost and taken over again as soon as the ledger has it
            self._ledger.add(jobs, self.owner, now)
            for job in jobs:
                self._adopt(job)
                self._new.add(job.token)
            self._fill_places()
        for job in jobs:
            self._keep_request_soon(job)
        if any(job.picture for job in jobs):
            self._start("keeper", self._keep_pictures, jobs)
        return jobs

    def holder(self, flow_id: str) -> Job | None:
        """The job that a flow of the service belongs to, if there is one."""
        return next((job for job in self.jobs() if job.flow_id == flow_id), None)

    def recover(self, flow_id: str, destination: Mapping[str, Any]) -> Job:
        """Adopt a flow as a new job, in whatever state it is; its result is held for the user to import.

        One that was never started waits for the user, see `retry`.
        """
        return self.submit(
            Job(
                service=self._settings.base_url,
                template="",
                name=NAME,
                flow_id=flow_id,
                step=Step.ADOPTED,
                adopted=True,
                hold=True,
                destination=destination,
            )
        )

    def configure(self, settings: Settings) -> None:
        """Use other settings from now on; what waited for a key, an address or the network is tried again."""
        if settings != self._settings:
            before, self._settings = self._settings, settings
            if before.online and not settings.online:
                self._clients.hang_up()  # Blender's users mean it
            self._notes.put(partial(self._until_written, self._reconsider))
            self._untidy.set()

    def carry_on(self, token: str) -> None:
        """Go on with a job that another process began, as soon as that is known to have let go of it."""
        with self._held():
            if self._inherits is not None:
                self._inherits.add(token)
            self._shared_at = -SHARE_SECONDS
            self._wake.notify_all()

    def retry(self, token: str) -> bool:
        """Try a waiting job now, or carry a failed or cancelled one once more (see `Job.again`).

        False where another process has it.
        """
        with self._held():
            job = self._jobs.get(token)
            if job is None:
                return False
            if job.finished:
                again = self._ledger.change(
                    token,
                    (Step.FAILED, Step.CANCELLED),
                    lambda job: replace(job.again(), begun_at=time.time()),
                    self.owner,
                    time.time(),
                )
                if again is None:
                    self._see(token, self._ledger.job(token))
                    return False
                self._adopt(again)
            elif token in self._mine:
                code = job.problem.code if job.problem is not None else ""
                if code == MAYBE_RUNNING:  # the user has been told that it may run a second time
                    job = job.repeated()
                elif code == NotStarted.code:
                    job = job.at(Step.UPLOADED, starts_itself=False)
                elif code == NOTHING_NEW:
                    job = replace(job, changed_at=time.time())
                if not self._again(job):
                    return False
            else:
                return False
            self._fill_places()
            return True

    def prepare_here(self, token: str, make: Callable[[Path, Path], None]) -> None:
        """Make the file to send of a job that found no converter, here, by `make` (source, target)."""
        job = self._jobs[token]
        target = input_path(job, self.folder(token))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            make(Path(job.source), target)
            done = prepared(job, target)
        except FlowsError as error:
            done = job.failed(Problem.of(error), time.time())
        with self._held():
            if token not in self._mine or self._jobs[token].step is not Step.REQUESTED:
                return  # it was lost meanwhile, and may have come back further on
            if done.finished:
                self._save(done)
            else:
                self._again(done)
            self._fill_places()

    def cancel(self, token: str) -> bool:
        """Stop a job: at once while it is prepared or uploaded, else when the service has stopped it.

        False where another process has it.
        """
        with self._held():
            job = self._jobs.get(token)
            if job is not None and job.finished:
                return True
            if job is None or token not in self._mine:
                return False
            if job.step in UNSENT and token not in self._busy:
                return self._save(job.cancelled(time.time()))
            if not self._save(replace(job, cancelling=True, queued=False)):
                return False
            if job.step is Step.UPLOADING and token in self._calling:
                self._calling[token].hang_up()  # it may stand still, and is of no use any more
            self._active.add(token)  # stopping needs no free place
            self._again(self._jobs[token])
            self._fill_places()
            return True

    def place(self, token: str, document: str = "", again: bool = False) -> bool:
        """Note, before a result goes into a scene, that it does; False if another process was faster.

        document: the opening of a file into which it goes, see `saved`; "" where it cannot get lost there.
        again: whether one that has been placed before may be placed once more, which changes nothing here.
        """
        job = self._jobs.get(token)
        if again and job is not None and job.step is Step.PLACED:
            return True
        return self._change(
            token, (Step.READY,), lambda job: job.at(Step.PLACED, hold=False, placed_in=document)
        )

    def deliver(self, token: str, files: Sequence[Delivered]) -> bool:
        """Note, before the results of a finished job become files elsewhere, which these are.

        What was noted before stays behind that: until they are exchanged, the files there are those.
        """

        def noted(job: Job) -> Job:
            before = [file for file in job.delivered if file not in files]
            return replace(job, delivered=(*files, *before))

        return self._change(token, (Step.READY, Step.PLACED), noted)

    def fetch(self, token: str) -> bool:
        """Have the results of a finished job once more: what is not here any more comes from the service.

        False where another process was faster.
        """
        return self._reopen(
            token,
            (Step.READY, Step.PLACED),
            lambda job: job.at(Step.COMPLETED, queued=True, results=(), finished_at=0.0),
        )

    def look_again(self, token: str) -> bool:
        """Ask once more for the flow of a job that failed because that was gone; no other one is run.

        False where another process was faster.
        """
        return self._reopen(token, (Step.FAILED,), Job.looked_for_again)

    def _reopen(self, token: str, steps: tuple[Step, ...], change: Callable[[Job], Job]) -> bool:
        with self._held():
            again = self._ledger.change(token, steps, change, self.owner, time.time())
            if again is None:
                self._see(token, self._ledger.job(token))
                return False
            self._adopt(again)
            self._fill_places()
            return True

    def place_soon(self, token: str, document: str) -> None:
        """As `place`, but wait for no disk, and leave what is held; `events` tells what became of it."""

        def noted(job: Job) -> Job | None:
            return None if job.hold else job.at(Step.PLACED, placed_in=document)

        self._notes.put(lambda: self._note(token, lambda: self._change(token, (Step.READY,), noted)))

    def hold_soon(self, token: str, problem: Problem) -> None:
        """As `hold`, as soon as the ledger takes it."""
        self._notes.put(lambda: self._note(token, lambda: self.hold(token, problem)))

    def hold(self, token: str, problem: Problem) -> bool:
        """Keep a finished result until the user imports it, and say why."""
        return self._change(
            token,
            (Step.READY, Step.PLACED),
            lambda job: job.at(Step.READY, problem=problem, hold=True, placed_in=""),
        )

    # A result that stands in a file that was not saved since is *loose*: if the process dies, the file on
    # disk lacks it. Its lease is kept like that of an unfinished job, so whoever takes it over knows. These
    # four are told by the thread that may not wait: they take effect soon, and each in its turn.

    def saved(self, document: str, but: Collection[str] = ()) -> None:
        """What went into `document` is in a file on disk now.

        but: what was noted to go there, but has not.
        """
        # As it is now: what goes there before this is written was not saved.
        there = {job.token for job in self.jobs() if job.placed_in == document} - {*but}

        def settle(job: Job) -> Job | None:
            return replace(job, placed_in="") if job.token in there else None

        self._notes.put(lambda: self._change_loose(document, settle))
        self._notes.put(self._untidy.set)

    def closed(self, document: str, but: Collection[str] = ()) -> None:
        """`document` is open no more: what went into it since it was saved is Ready again, for the user.

        but: what was noted to go there, but has not; it is Ready as before.
        """

        def ready(job: Job) -> Job:
            if job.token in but:
                return job.at(Step.READY, placed_in="")
            return job.at(Step.READY, problem=NOT_SAVED, hold=True)

        self._notes.put(lambda: self._change_loose(document, ready))

    def found(self, token: str, document: str) -> None:
        """A result that is Ready stands in the file that is open; `document` as for `place`."""
        self._notes.put(lambda: self._note(token, lambda: self.place(token, document)))

    def relocate(self, token: str, change: Mapping[str, Any]) -> None:
        """Change where a result belongs; `change`: of its destination."""

        def changed(job: Job) -> Job:  # as it is by then: another change may come first
            return replace(job, destination={**job.destination, **change})

        def move() -> None:
            with self._lock:
                if token in self._mine:
                    self._jobs[token] = changed(self._jobs[token])
                    if self._save(self._jobs[token]):
                        return
            self._change(token, tuple(FINISHED), changed)

        self._notes.put(lambda: self._note(token, move))

    def remove(self, token: str, files: bool = True) -> None:
        """Forget a finished job. Raises ValueError while it is unfinished.

        files: whether its files go at once; else only its models do, and the rest with `delete_files`.
        """
        folder = self.folder(token)
        with self._held():
            if not self._ledger.remove(token):
                raise ValueError("an unfinished job must be cancelled first")
            self._let_go(token)
            self._jobs.pop(token, None)
            if not files:
                self._left.add(token)
        if files:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            leave(folder, self.owner)

    def delete_files(self, tokens: Collection[str]) -> None:
        """Delete, soon, the files of jobs that were removed without them; at the latest at the next start."""
        self._left.difference_update(tokens)
        for token in tokens:
            self._notes.put(partial(self._tidy, self.folder(token)))

    def _tidy(self, folder: Path) -> None:
        """Delete the files of a job that was removed, unless they are still to be left."""
        if folder.name not in self._left:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self, timeout: float = 2.0) -> None:
        """Stop all threads, within `timeout` seconds; unfinished jobs go on where another engine starts."""
        if self._closing.is_set():
            return
        self._closing.set()
        end = time.monotonic() + timeout
        self._polls.put(None)
        self._work.put(None)
        self._notes.put(None)
        self._untidy.set()
        if self._lock.acquire(timeout=timeout / 2):  # else somebody has it who waits for the ledger
            self._wake.notify_all()
            self._lock.release()
        for thread in [*self._threads]:
            thread.join(max(0.0, end - timeout / 4 - time.monotonic()))
        # In a thread, too: another process may hold the ledger for longer than we have.
        farewell = threading.Thread(target=self._hand_back, name="generio-farewell", daemon=True)
        farewell.start()
        farewell.join(max(0.0, end - time.monotonic()))
        self._clients.close()

    def _hand_back(self) -> None:
        with suppress(LedgerError):  # then the leases run out by themselves
            self._ledger.release(self.owner)
        self._ledger.close()

    # ------------------------------------------------------------------ places, turns and time

    def _start(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=f"generio-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _adopt(self, job: Job) -> None:
        """An unfinished job whose lease is ours from now on."""
        self._let_go(job.token)  # it may have been ours before, and have been lost without our noticing
        if job.token in self._busy:
            self._stale.add(job.token)
        self._jobs[job.token] = job
        self._mine.add(job.token)
        self.events.put(job)

    def _fill_places(self) -> None:
        """Give free places to the jobs that have waited longest."""
        for token in sorted(self._mine - self._active, key=lambda token: self._jobs[token].created_at):
            if len(self._active) >= self._settings.concurrent_jobs:
                break
            if self._jobs[token].queued:
                turn = self._jobs[token] = replace(self._jobs[token], queued=False)
                self._active.add(token)
                self._at(0.0, token)
                try:
                    self._save(turn)
                except LedgerError:  # it has its turn all the same, whose first step will be noted, or wait
                    self.events.put(turn)
        while self._workers < min(len(self._active), self._settings.concurrent_jobs):
            self._workers += 1
            self._start(f"worker-{self._workers}", self._serve, self._work)

    def _again(self, job: Job) -> bool:
        """Let a job be tried as soon as possible, as it is here. False when another process has it now."""
        token = job.token
        self._failures.pop(token, None)
        self._doubts.pop(token, None)
        if token not in self._active:
            as_it_was = job.queued and job == self._jobs[token]
            return as_it_was or self._save(job.going(queued=True))  # in one go: the next may fail
        if job != self._jobs[token] and not self._save(job):
            return False
        self._at(0.0, token)
        return True

    def _at(self, seconds: float, token: str) -> None:
        """Look at an active job again in so many seconds, or sooner if that was asked for meanwhile."""
        due = time.monotonic() + seconds
        self._due[token] = min(due, self._due.get(token, due))
        self._wake.notify_all()

    def _schedule(self) -> None:
        """The scheduler: hands on what is due, and keeps in touch with other processes."""
        failures = 0
        while not self._closing.is_set():
            with self._lock:
                now = time.monotonic()
                if now - self._shared_at >= SHARE_SECONDS:
                    self._shared_at = now
                    try:
                        self._share()
                        failures, self._ledger_problem = 0, None
                    except LedgerError as error:  # a busy disk passes; jobs go on as far as they get
                        self._shared_at += BUSY_DISK_SECONDS - SHARE_SECONDS
                        failures += 1
                        if failures >= TOLD_FAILURES:
                            self._ledger_problem = error.problem
                self._hand_on(now)
                dues = [due for token, due in self._due.items() if token not in self._busy]
                if not self._closing.is_set():
                    self._wake.wait(max(0.0, min([*dues, self._shared_at + SHARE_SECONDS]) - now))

    def _hand_on(self, now: float) -> None:
        """Give each job that is due, and in nobody's hand, to the poller or to a worker."""
        for token in [token for token, due in self._due.items() if due <= now and token not in self._busy]:
            del self._due[token]
            if token in self._active:
                self._busy.add(token)
                job = self._jobs[token]
                polls = job.step is Step.STARTED and not job.cancelling
                (self._polls if polls else self._work).put(token)

    def _share(self) -> None:
        """Renew our leases, take over what dead processes left unfinished, see what others have done."""
        now = time.time()
        if self._mine or any(job.loose for job in self._jobs.values()):
            self._ledger.renew(self.owner, now)
        for owner in self._ledger.owners():
            if owner != self.owner and lives(owner) is False:
                self._ledger.release(owner)
        for job in self._claim(now):
            if job.finished:  # it was loose
                self._let_go(job.token)
                self._see(job.token, job)
            else:
                self._adopt(replace(job, queued=True))
        holders = self._ledger.holders()
        for token in [token for token in self._mine if holders.get(token) != self.owner]:
            self._let_go(token)  # taken over while this process slept; a turn that is in hand ends
        for token in self._jobs.keys() - holders.keys():
            self._see(token, None)
        for job in self._ledger.jobs():
            if job.token not in self._mine and job != self._jobs.get(job.token):
                self._see(job.token, job)
        for token in self._mine - self._active:
            job = self._jobs[token]
            # What is due later than any break lasts was noted by another clock.
            if job.waiting and job.retry_at and not now < job.retry_at <= now + LONGEST_BREAK:
                self._again(job)
        self._fill_places()

    def _claim(self, now: float) -> list[Job]:
        return self._ledger.claim(
            self.owner, now, self._inherits, alive=lambda owner: bool(lives(owner)), here=is_here
        )

    def _serve(self, work: queue.SimpleQueue[str | None]) -> None:
        """A worker, or the poller: carries what it is given."""
        while (token := work.get()) is not None and not self._closing.is_set():
            self._carry(token)
        work.put(None)  # for the next one

    # ------------------------------------------------------------------ jobs of a ledger that is no more

    def _search(self) -> None:
        """A thread that ends: find again the jobs of a ledger before this one, which was damaged or lost."""
        while not self._closing.is_set():
            try:
                found = self._bring_back(self._settings)
                self._ledger.mark_searched()
            except (FlowsError, LedgerError, OSError) as error:
                self.search_problem = _problem_of(error)
                self._closing.wait(SEARCH_SECONDS)
                continue
            if found:
                again = (
                    Message("1 job was found again.")
                    if found == 1
                    else Message("{count} jobs were found again.", count=found)
                )
                before = self.notice or Problem("ledger", EMPTY)
                self.notice = replace(before, message=sentences(before.message, again))
            return

    def _bring_back(self, settings: Settings) -> int:
        """Add the jobs that have a folder, but no row in the ledger; returns how many."""
        there = tokens(settings.folder)
        known = {job.token for job in self._ledger.jobs()}  # asked after that: one may just be submitted
        lost = [token for token in there if token not in known]
        if not lost:
            return 0
        client = self._clients.of_this_thread(settings.base_url, settings)
        flows = traces(client)
        count = 0
        for token in lost:
            now = time.time()
            folder = self.folder(token)
            trace = trace_of(client, folder, flows.get(token))
            job = rebuilt(folder, token, trace, settings.base_url, now)
            if job is None:
                continue
            with self._lock:  # see `submit_all`
                try:
                    self._ledger.add([job], self.owner, now)
                except AlreadyThere:
                    continue  # another process searches, too
                count += 1
                if job.finished:
                    self._jobs[token] = job
                    self.events.put(job)
                else:
                    self._adopt(job)
                    self._fill_places()
        return count

    # ------------------------------------------------------------------ the results folder

    def _keep_house(self) -> None:
        """A thread: keeps the results folder within its limit."""
        sweep(self._settings.folder)
        while self._untidy.wait() and not self._closing.is_set():
            self._untidy.clear()
            settings = self._settings
            if settings.results_limit:
                for job in to_empty(settings.folder, self.jobs(), settings.results_limit):
                    self._until_written(partial(self._empty, job.token))

    def _empty(self, token: str) -> None:
        """Delete the models of a job that are in a saved file; the job stays in the list."""

        def emptied(job: Job) -> Job | None:
            return replace(job, results=()) if job.settled else None

        if self._change(token, (Step.PLACED,), emptied):
            empty(self.folder(token))

    # ------------------------------------------------------------------ notes

    def _write_notes(self) -> None:
        """The clerk: writes down what was told by those who must not wait for a disk."""
        while (note := self._notes.get()) is not None:
            note()

    def _note(self, token: str, write: Callable[[], object]) -> None:
        """Write one note about a job, if there still is one."""
        self._until_written(lambda: write() if token in self._jobs else None, token)

    def _keep_request_soon(self, job: Job) -> None:
        keep = partial(self._keep_request, self.folder(job.token), job)
        self._notes.put(partial(self._note, job.token, keep))

    def _keep_request(self, folder: Path, job: Job) -> None:
        """Write into a job's folder what was asked for, and which flow that has become."""
        keep_request(folder, job)
        if job.token not in self._jobs:
            self._tidy(folder)  # removed meanwhile

    def _keep_pictures(self, jobs: Sequence[Job]) -> None:
        """A thread that ends: keep what new jobs are to send, before somebody paints over it."""
        for job in jobs:
            now = self._jobs.get(job.token)
            if now is not None and now.picture and not now.finished and not self._closing.is_set():
                keep_picture(self.folder(job.token), job.picture)
            if job.token not in self._jobs:
                self._tidy(self.folder(job.token))  # removed meanwhile
        self._threads.remove(threading.current_thread())

    def _until_written(self, write: Callable[[], object], token: str = "") -> None:
        """Write something as soon as the ledger takes it; until then the job of `token` says why not."""
        shown: Problem | None = None
        while True:
            try:
                write()
                break
            except LedgerError as error:
                shown = self._show_problem(token, shown, error.problem)
                if self._closing.wait(BUSY_DISK_SECONDS):
                    return
        self._show_problem(token, shown, None)

    def _show_problem(self, token: str, before: Problem | None, now: Problem | None) -> Problem | None:
        """Tell what holds up a note about a job, in memory only, in place of what was told `before`.

        Returns what is told of it by now.
        """
        with self._lock:
            job = self._jobs.get(token)
            if job is None or before == now or job.problem != before:
                return before  # it has a problem of its own to tell
            self._jobs[token] = replace(job, problem=now)
            self.events.put(self._jobs[token])
        return now

    def _reconsider(self) -> None:
        """Try again what waits: other settings may have mended it."""
        settings = self._settings
        with self._lock:
            for token in list(self._mine):
                if self._jobs[token].waiting:
                    self._again(self._jobs[token])
            self._fill_places()
        self._considered = settings

    def _change_loose(self, document: str, change: Callable[[Job], Job | None]) -> None:
        """Change the jobs whose results are loose in `document`."""

        def change_here(job: Job) -> Job | None:
            return change(job) if job.placed_in == document else None

        for job in self.jobs():
            if job.loose and job.placed_in == document:
                self._note(job.token, partial(self._change, job.token, (Step.PLACED,), change_here))

    # ------------------------------------------------------------------ one job in hand

    def _carry(self, token: str) -> None:
        """Take a job as far as it goes now, then say when to look at it again."""
        with self._lock:
            settings, job = self._settings, self._jobs.get(token)
            if job is None or token not in self._mine:  # it was taken over since it was handed on
                self._put_down(token)
                return
        if job.unsent:  # the address may have been mended meanwhile
            job = replace(job, service=settings.base_url)
        steps = self._steps(job, settings)
        held_up: Problem | None = None
        try:
            outcome = steps.take(job)
        except Cancelled:
            outcome = Outcome(self._now(job), again_in=0.0)  # closing, cancelling, or no longer ours
        except FlowsError as error:
            failures = self._failures[token] = self._failures.get(token, 0) + 1
            chance = random.random()  # noqa: S311 - spreads repeats
            outcome = steps.after_error(self._now(job), error, failures, chance)
        except LedgerError as error:
            outcome, held_up = Outcome(self._now(job)), error.problem
        except Exception as error:  # a defect of ours must end one job, not the thread that carries all
            outcome = Outcome(self._now(job).failed(Problem.of_defect(error), time.time()))
        else:
            self._failures.pop(token, None)
            if not outcome.doubt:
                self._doubts.pop(token, None)
        if outcome.doubt:
            doubt = self._doubts.get(token, Doubt())
            self._doubts[token] = doubt.again(outcome.doubt, outcome.job.step, time.monotonic())
        with self._lock:
            if token in self._mine and token not in self._stale and not self._closing.is_set():
                self._busy.discard(token)
                self._calling.pop(token, None)
                if held_up is not None:  # to write down that nothing can be written takes as long again
                    self._wait_for_ledger(token, held_up)
                else:
                    self._settle(job, outcome, settings)
            else:  # it is over and saved as such, or what others have done meanwhile counts, not this turn
                self._put_down(token)
                if self._closing.is_set():
                    return
        if outcome.job.step is Step.READY:
            self._draw(outcome.job)  # after the result is told, which nobody should wait for
            self._untidy.set()

    def _put_down(self, token: str) -> None:
        """A thread has nothing more to say about a job."""
        self._busy.discard(token)
        self._stale.discard(token)
        self._calling.pop(token, None)
        if not self._closing.is_set():
            self._fill_places()
            self._wake.notify_all()

    def _draw_missing(self, before: Sequence[Job]) -> None:
        """A thread that ends: make the pictures that a process did not come to which ended before.

        before: the jobs at the start. After a few that cannot be drawn no other is tried.
        """
        missing = [job for job in before if _missing_pictures(job)]
        failures = 0
        for job in sorted(missing, key=lambda job: -job.finished_at)[:MOST_PICTURES]:
            failures += not self._draw(job)
            if failures == MOST_FAILURES or self._closing.is_set():
                return

    def _draw(self, job: Job) -> bool:
        """Make a picture of each result, if it can be had, and tell once more; returns whether all were."""
        if self._illustrate is None:
            return False
        missing = _missing_pictures(job)
        for blend, picture in [*missing]:
            with suppress(FlowsError, OSError):
                self._illustrate(blend, picture, self._closing.is_set)
                missing.remove((blend, picture))
        now = self._jobs.get(job.token)
        if now is not None:
            self.events.put(now)
        else:
            self._tidy(self.folder(job.token))  # removed meanwhile
        return not missing

    def _settle(self, before: Job, outcome: Outcome, settings: Settings) -> None:
        """Write down how far a job has come since `before`, and when its next turn is."""
        job, again_in = outcome.job, outcome.again_in
        if not job.finished:
            if self._jobs[job.token].cancelling and not before.cancelling:
                job, again_in = replace(job, cancelling=True), 0.0  # the wish came in meanwhile
            elif job.waiting and settings != self._settings:
                again_in = 0.0  # what it waits for may have been mended meanwhile
        try:
            saved = self._save(job)
        except LedgerError as error:
            self._wait_for_ledger(job.token, error.problem)
            return
        if before.step is Step.STARTED and job.step is Step.COMPLETED:
            self._learn(job)
        if saved and not job.finished:
            if again_in is None:
                self._active.discard(job.token)  # the user has to do something first
            else:
                self._at(again_in, job.token)
        self._fill_places()

    def _wait_for_ledger(self, token: str, problem: Problem) -> None:
        """Try a job again soon: what the ledger has is an earlier step, or an intention, and safe."""
        self._jobs[token] = self._jobs[token].blocked(problem)
        self.events.put(self._jobs[token])
        self._at(BUSY_DISK_SECONDS, token)

    def _steps(self, job: Job, settings: Settings) -> Steps:
        def cancelled() -> bool:
            if self._closing.is_set() or job.token not in self._mine:
                return True
            # A job that is being cancelled still has calls to make: those that tell the service.
            return self._now(job).cancelling and not job.cancelling

        def client() -> FlowsClient:
            self._calling[job.token] = found = self._clients.of_this_thread(job.service, settings)
            return found

        def is_taken(flow_id: str) -> bool:
            return any(other.flow_id == flow_id and other.token != job.token for other in self.jobs())

        def others_run() -> bool:
            with self._lock:
                others = [self._jobs[token] for token in self._mine - {job.token}]
            return any(other.step is Step.STARTED and other.service == job.service for other in others)

        return Steps(
            client=client,
            folder=settings.folder / job.token,
            make_input=self._make_input,
            convert=self._convert,
            save=self._save_or_stop,
            report=self._reporter(job.token),
            cancelled=cancelled,
            is_taken=is_taken,
            is_new=job.token in self._new,
            noted_flow=partial(noted_flow, settings.folder / job.token),
            others_run=others_run,
            one_shot_services=self._one_shot_services,
            durations=self._learned.get(job.kind, ()),
            doubt=self._doubts.get(job.token, Doubt()),
            patience=settings.patience,
            delete_flows=settings.delete_flows,
        )

    def _save(self, job: Job) -> bool:
        """Make `job` the truth: on disk, in memory, and told. False when another process has it now."""
        with self._lock:
            if job.token in self._mine:  # the file in which it belongs may have got another name meanwhile
                job = replace(job, destination=self._jobs[job.token].destination)
            if not self._ledger.save(job, self.owner, time.time()):
                # This one slept past its lease (a suspended laptop, say): hands off.
                self._let_go(job.token)
                return False
            if job.flow_id and job.flow_id != self._jobs[job.token].flow_id:
                self._keep_request_soon(job)
            self._jobs[job.token] = job
            if job.finished:
                self._let_go(job.token)
            self.events.put(job)
            return True

    def _now(self, job: Job) -> Job:
        """A job that a thread has in hand as it is by now; as it was where it has been removed meanwhile."""
        return self._jobs.get(job.token, job)

    def _see(self, token: str, job: Job | None) -> None:
        """Know, and tell, what the ledger has of a job that is not carried here; None = it was removed."""
        if job is not None:
            self._jobs[token] = job
        else:
            job = self._jobs.pop(token, None)
        if job is not None:
            self.events.put(job)

    def _let_go(self, token: str) -> None:
        for held in (self._mine, self._active, self._new):
            held.discard(token)
        for remembered in (self._failures, self._doubts, self._due):
            remembered.pop(token, None)

    def _save_or_stop(self, job: Job) -> None:
        with self._lock:
            if job.token in self._stale or job.token not in self._mine:
                raise Cancelled  # the row may be ours again, but for another reason
            # The user's wish may be newer than the step that is being saved.
            wish = self._jobs[job.token].cancelling
            if not self._save(replace(job, cancelling=wish and not job.finished)):
                raise Cancelled

    def _change(self, token: str, steps: tuple[Step, ...], change: Callable[[Job], Job | None]) -> bool:
        with self._held():
            job = self._ledger.change(token, steps, change, self.owner, time.time())
            known = job or self._ledger.job(token)
            if known is None or known.finished:
                self._let_go(token)  # whatever was thought before
            if token not in self._mine:
                self._see(token, known)
            return job is not None

    def _learn(self, job: Job) -> None:
        if job.run_seconds > 0.0:
            self._learned[job.kind] = (*self._learned.get(job.kind, ()), job.run_seconds)[-LEARNED:]

    def _reporter(self, token: str) -> Callable[[float | None], None]:
        """A function that tells the progress of the present step, 0..1, in memory only."""
        last = 0.0

        def report(progress: float | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < REPORT_SECONDS:
                return
            last = now
            with self._lock:
                if token in self._mine:
                    self._jobs[token] = replace(self._jobs[token], progress=progress)
                    self.events.put(self._jobs[token])

        return report


def _problem_of(error: FlowsError | LedgerError | OSError) -> Problem:
    """What an error of the search for lost jobs means to the user."""
    if isinstance(error, LedgerError):
        return error.problem
    if isinstance(error, OSError):
        error = folder_unusable(error)
    return Problem.of(error)


def _missing_pictures(job: Job) -> list[tuple[Path, Path]]:
    """The results of a finished job that have no picture yet, and the paths of those pictures."""
    blends = [Path(result.blend) for result in job.results if result.blend] if job.finished else []
    try:
        pairs = [(blend, blend.with_suffix(".png")) for blend in blends if blend.exists()]
        return [(blend, picture) for blend, picture in pairs if not picture.exists()]
    except OSError:  # a drive that is out of reach
        return []
