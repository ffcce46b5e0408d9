# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler: gives slots to queued jobs, hands on what is due, keeps in touch with other processes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from . import limits
from .doubt import Doubt
from .model import Job
from .part import Part
from .problem import Problem
from .registry import JobRegistry
from .settings import Settings
from .step import Step
from .store_errors import LedgerError


class Scheduler(Part):
    """Knows when to look at which job again.

    settings: gives the present ones. adopt_orphans: whether all that dead processes left unfinished goes on,
    or only what `resume` names. `polls` and `work` have the tokens of jobs that are due: those whose flow
    runs at the service, and all others. `problem` says why the store cannot be read or written now, or None.
    `starts_jobs`: whether queued jobs get the slots that become free.
    """

    def __init__(
        self,
        registry: JobRegistry,
        settings: Callable[[], Settings],
        adopt_orphans: bool,
        closing: threading.Event,
    ) -> None:
        super().__init__(closing)
        self.polls: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.work: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.problem: Problem | None = None
        self._registry = registry
        self._settings = settings
        self.starts_jobs = True
        self._considered = settings()  # those that waiting jobs have been tried with
        self._claimable: set[str] | None = None if adopt_orphans else set()  # tokens; None = all
        self._wake = threading.Condition(registry.lock)
        self._due: dict[str, float] = {}  # when to look at a job with a slot again, time.monotonic()
        self._synced_at = -limits.SYNC_SECONDS  # time.monotonic()

    def start(self) -> None:
        """Load the jobs, and begin."""
        self.run("scheduler", self._run)

    def stop(self) -> None:
        """Wake the thread."""
        # Without the lock, whoever has it waits for the store, and the thread for that one.
        if self._registry.lock.acquire(timeout=1.0):
            self._wake.notify_all()
            self._registry.lock.release()

    # ------------------------------------------------------------------ what others ask for

    def is_active(self, token: str) -> bool:
        """Whether a job goes on by itself; if not, it is over, or the user has to act."""
        held, job = self._registry.held(token), self._registry.job(token)
        if held.slot:
            return True
        # Whatever a job waits for, new settings may have mended it.
        unheeded = self._considered != self._settings()
        return held.lease is not None and job is not None and (job.status.queued or unheeded)

    def is_running(self, token: str) -> bool:
        """Whether a job has a slot, and does not wait for the user or for better times."""
        job = self._registry.job(token)
        return self._registry.held(token).slot and job is not None and not job.status.waiting

    def resume(self, token: str) -> None:
        """Go on with a job that another process began, as soon as that is known to have let go of it."""
        with self._registry.locked():
            if self._claimable is not None:
                self._claimable.add(token)
            self._synced_at = -limits.SYNC_SECONDS
            self._wake.notify_all()

    def schedule(self, token: str, seconds: float) -> None:
        """Look at a job with a slot again in so many seconds, or sooner if that was asked for meanwhile."""
        due = time.monotonic() + seconds
        self._due[token] = min(due, self._due.get(token, due))
        self._wake.notify_all()

    def try_now(self, job: Job) -> bool:
        """Let a job be tried as soon as possible, as it is here. False when another process has it now."""
        token = job.token
        held, before = self._registry.held(token), self._registry.job(token)
        held.failures, held.doubt = 0, Doubt()
        if not held.slot:
            as_it_was = job.status.queued and job == before
            return as_it_was or self._registry.save(
                job.unblocked(queued=True)
            )  # in one go: the next may fail
        if job != before and not self._registry.save(job):
            return False
        self.schedule(token, 0.0)
        return True

    def reconsider(self) -> None:
        """Try again what waits: other settings may have mended it."""
        settings = self._settings()
        with self._registry.lock:
            for job, _held in self._registry.leased():
                if job.status.waiting:
                    self.try_now(job)
            self.start_queued_jobs()
        self._considered = settings

    def start_queued_jobs(self) -> None:
        """Give free slots to the jobs that have waited longest.

        Those that are done on this computer have slots of their own: they wait for no flow, and no flow for
        them.
        """
        if not self.starts_jobs:
            return
        queued = [job for job, held in self._registry.leased() if job.status.queued and not held.slot]
        slots = {True: limits.LOCAL_JOBS, False: self._settings().concurrent_jobs}
        free = {local: count - self._registry.slots_taken(local=local) for local, count in slots.items()}
        for job in queued:
            if free[job.is_local] <= 0:
                continue
            free[job.is_local] -= 1
            self._registry.held(job.token).slot = True
            self.schedule(job.token, 0.0)
            try:
                self._registry.save(job.changed(queued=False))
            except LedgerError:
                # The job keeps its slot although this write failed: its first step is written again.
                self._registry.show(job.token, queued=False)

    def end_turn(self, token: str) -> None:
        """A thread has nothing more to say about a job; see `JobRegistry.end_turn`."""
        self._registry.end_turn(token)
        if not self.closing.is_set():
            self.start_queued_jobs()
            self._wake.notify_all()

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        self._registry.load()
        failures = 0
        while not self.closing.is_set():
            with self._registry.lock:
                now = time.monotonic()
                if now - self._synced_at >= limits.SYNC_SECONDS:
                    self._synced_at = now
                    try:
                        self._sync_with_store()
                        failures, self.problem = 0, None
                    except LedgerError as error:  # a busy disk passes; jobs go on as far as they get
                        self._synced_at += limits.BUSY_DISK_SECONDS - limits.SYNC_SECONDS
                        failures += 1
                        if failures >= limits.REPORTED_FAILURES:
                            self.problem = error.problem
                self._dispatch_due(now)
                dues = [due for token, due in self._due.items() if not self._registry.held(token).busy]
                if not self.closing.is_set():
                    next_at = min([*dues, self._synced_at + limits.SYNC_SECONDS])
                    self._wake.wait(max(0.0, next_at - now))

    def _dispatch_due(self, now: float) -> None:
        """Give each job that is due, and that no thread works on, to the poller or to a worker."""
        for token in [token for token, due in self._due.items() if due <= now]:
            held, job = self._registry.held(token), self._registry.job(token)
            if held.busy:
                continue
            del self._due[token]
            if held.slot and job is not None:
                held.busy = True
                polls = job.status.step is Step.STARTED and not job.status.cancelling
                (self.polls if polls else self.work).put(token)

    def _sync_with_store(self) -> None:
        self._registry.sync(self._claimable)
        now = time.time()
        for job, held in self._registry.leased():
            # What is due later than any break lasts was written down by another clock.
            passed = (
                job.status.waiting
                and job.status.retry_at
                and not now < job.status.retry_at <= now + limits.LONGEST_BREAK
            )
            if passed and not held.slot:
                self.try_now(job)
        self.start_queued_jobs()
