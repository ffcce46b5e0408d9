# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry: all jobs as they are now, the leases of this process, and the only way to change a job.

A job may be lost at any moment: this process sleeps past its lease, and another carries the job on, ends or
removes it, or gives it back further on. So whoever works on a job keeps the lease with which it began, and
presents that when it saves. What was begun with an older lease changes nothing.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Container, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..api import FlowsClient
from ..core.log import LOGGER
from .doubt import Doubt
from .model import Job
from .polling import RunTimes
from .process_id import is_alive, is_here
from .step import FINISHED, Step
from .store import JobStore
from .store_rows import Lease, Leased


@dataclass(eq=False)
class Held:
    """A job that this process has the lease of, or that one of its threads still works on.

    lease: None where it was lost while a thread works on the job. slot: whether the job has one of the slots,
    of which there are as many as jobs may run at once. busy: whether a thread works on it. is_new: whether
    the job began in this process. failures: how many there were in a row. doubt: what was heard in a row, and
    not believed. client: with which the thread speaks to the service.
    """

    lease: Lease | None = None
    slot: bool = False
    busy: bool = False
    is_new: bool = False
    failures: int = 0
    doubt: Doubt = field(default_factory=Doubt)
    client: FlowsClient | None = None


class JobRegistry:
    """All jobs of a store, in memory; its methods may be called from any thread.

    Constructing it reads the rows, which is quick. `load` makes jobs of them in a thread; until that is done,
    whoever asks for a job waits. `events` has each job as it is after each change. To look at jobs takes no
    lock, so that drawing never waits for a disk; `lock` guards all changes. Those that the user asks for are
    in the store first, and raise LedgerError where that fails.

    on_flow: is called when a job gets a flow.
    """

    def __init__(self, store: JobStore, owner: str, on_flow: Callable[[Job], None]) -> None:
        self.events: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.lock = threading.RLock()
        self.owner = owner
        self.run_times = RunTimes()
        self._store = store
        self._on_flow = on_flow
        self._jobs: dict[str, Job] = {}
        self._held: dict[str, Held] = {}
        self._retaken = store.retake(owner, time.time())
        self._changes = store.changes(0)
        self._revision = self._changes.revision  # up to which the changes of others are known
        self._loaded = threading.Event()

    # ------------------------------------------------------------------ looking

    @property
    def is_loaded(self) -> bool:
        """Whether asking for a job takes no time."""
        return self._loaded.is_set()

    def load(self) -> None:
        """Make jobs of the rows that the store had when it was opened."""
        try:
            rows = sorted(self._changes.rows, key=lambda row: row.created_at)
            jobs = [job for row in rows if (job := row.read()) is not None]
            for job in jobs:
                self.run_times.learn(job.request.service, job.request.kind, job.run.run_seconds)
            with self.lock:
                self._jobs = {job.token: job for job in jobs} | self._jobs
                for job, lease in self._retaken:
                    if not job.finished:  # else its result stands in a file that was not saved
                        self.adopt(Leased(job.changed(queued=True), lease))
            self._changes = self._changes._replace(rows=[])
        finally:  # the window waits for this
            self._loaded.set()

    def _all(self) -> dict[str, Job]:
        if not self._loaded.is_set():
            self._loaded.wait()
        return self._jobs

    def jobs(self) -> list[Job]:
        """All jobs as they are now, oldest first."""
        return sorted(self._all().copy().values(), key=lambda job: job.created_at)

    def unfinished(self) -> list[Job]:
        """The jobs that are not over, oldest first."""
        jobs = [job for job in self._all().copy().values() if not job.finished]
        return sorted(jobs, key=lambda job: job.created_at)

    def job(self, token: str) -> Job | None:
        """One job as it is now."""
        return self._all().get(token)

    def now(self, job: Job) -> Job:
        """A job as it is by now; as it was where it has been removed meanwhile."""
        return self._all().get(job.token, job)

    def held(self, token: str) -> Held:
        """What this process knows of a job that it has, or had a moment ago."""
        return self._held.get(token) or Held()

    def is_leased(self, token: str) -> bool:
        """Whether this process, and no other, carries a job on, also while that waits."""
        return self.held(token).lease is not None

    def leased(self) -> list[tuple[Job, Held]]:
        """The unfinished jobs of this process, oldest first."""
        found = [(self._jobs[token], held) for token, held in self._held.items() if held.lease is not None]
        return sorted(found, key=lambda one: one[0].created_at)

    def slots_taken(self, *, local: bool) -> int:
        """How many jobs have a slot, of those that are done on this computer or of those with a flow."""
        return sum(held.slot and self._jobs[token].is_local == local for token, held in self._held.items())

    # ------------------------------------------------------------------ changing

    @contextmanager
    def locked(self) -> Generator[None]:
        """The lock, for who cannot wait: whoever has it may wait for the store. Raises LedgerBusy."""
        self._all()
        if not self.lock.acquire(timeout=self._store.patience):
            raise self._store.busy()
        try:
            yield
        finally:
            self.lock.release()

    def add(self, jobs: Sequence[Job], is_new: bool) -> None:
        """Write jobs that are in no store, all or none; the unfinished ones are this process's.

        To be called under the lock, which spans writing and adopting: as soon as a job is in the store, it
        may be lost and taken over again.
        """
        lease = self._store.add(jobs, self.owner, time.time())
        for job in jobs:
            if job.finished:
                self.refresh(job.token, job)
            else:
                self.adopt(Leased(job, lease))
                self.held(job.token).is_new = is_new

    def adopt(self, leased: Leased) -> None:
        """Note that an unfinished job is this process's from now on."""
        job, lease = leased
        self.drop_lease(job.token)  # it may have been ours before, and have been lost without our noticing
        self._held.setdefault(job.token, Held()).lease = lease
        LOGGER.info("job %s: lease %d is ours, at step %s", job.token, lease.number, job.status.step)
        self._jobs[job.token] = job
        self.events.put(job)

    def drop_lease(self, token: str) -> None:
        """Note that a job is not this process's any more; a thread that still works on it is to stop."""
        held = self._held.pop(token, None)
        if held is not None and held.busy:
            self._held[token] = Held(busy=True, client=held.client)

    def end_turn(self, token: str) -> None:
        """Note that the thread that worked on a job has nothing more to say about it."""
        held = self.held(token)
        held.busy, held.client = False, None
        if held.lease is None:
            self._held.pop(token, None)

    def save(self, job: Job, lease: Lease | None = None) -> bool:
        """Make `job` the truth: on disk, in memory, and reported.

        lease: the one with which the work on it began; None = the present one. False where that is over.
        """
        with self.lock:
            held = self.held(job.token)
            lease = lease or held.lease
            if lease is None or lease != held.lease:
                return False
            before = self._jobs[job.token]
            # The file in which it belongs may have got another name meanwhile.
            job = job.changed(destination=before.request.destination)
            if not self._store.save(job, lease, time.time()):
                # This process slept past its lease (a suspended laptop, say): hands off.
                LOGGER.warning(
                    "job %s: lease %d was lost before step %s", job.token, lease.number, job.status.step
                )
                self.drop_lease(job.token)
                return False
            self._jobs[job.token] = job
            _log_progress(before, job)
            if job.finished:
                self.drop_lease(job.token)
            self.events.put(job)
            if job.run.run_seconds != before.run.run_seconds:
                self.run_times.learn(job.request.service, job.request.kind, job.run.run_seconds)
            if job.run.flow_id and job.run.flow_id != before.run.flow_id:
                self._on_flow(job)
            return True

    def show(self, token: str, **changes: Any) -> None:
        """Change and report a job of this process in memory only, such as its progress."""
        with self.lock:
            self._jobs[token] = self._jobs[token].changed(**changes)
            self.events.put(self._jobs[token])

    def change(self, token: str, steps: Container[Step], change: Callable[[Job], Job | None]) -> bool:
        """Change a finished job that still is at one of `steps`; see `JobStore.change`."""
        with self.locked():
            leased = self._store.change(token, steps, change, self.owner, time.time())
            known = leased.job if leased else self._store.job(token)
            if known is None or known.finished:
                self.drop_lease(token)  # whatever was thought before
            if not self.is_leased(token):
                self.refresh(token, known)
            return leased is not None

    def alter(self, token: str, change: Callable[[Job], Job]) -> None:
        """Change a job that is this process's or finished, at whatever step it is."""
        with self.lock:
            if self.is_leased(token):
                self._jobs[token] = change(self._jobs[token])
                if self.save(self._jobs[token]):
                    return
        self.change(token, FINISHED, change)

    def reopen(self, token: str, steps: Container[Step], change: Callable[[Job], Job]) -> bool:
        """Make an unfinished job of this process of one that ended at one of `steps`.

        False where another process was faster.
        """
        with self.locked():
            leased = self._store.change(token, steps, change, self.owner, time.time())
            if leased is None:
                self.refresh(token, self._store.job(token))
                return False
            self.adopt(leased)
            return True

    def remove(self, token: str) -> bool:
        """Forget a finished job; False where it is unfinished."""
        with self.locked():
            if not self._store.remove(token):
                return False
            self.drop_lease(token)
            self._jobs.pop(token, None)
            return True

    def refresh(self, token: str, job: Job | None) -> None:
        """Know, and report, what the store has of a job that is not carried here; None = it was removed."""
        if job is not None:
            self._jobs[token] = job
        else:
            job = self._jobs.pop(token, None)
        if job is not None:
            self.events.put(job)

    # ------------------------------------------------------------------ other processes

    def sync(self, claimable: Container[str] | None) -> None:
        """Renew our leases, take over what dead processes left unfinished, see what others have done.

        claimable: the tokens of what may be taken over; None = all. To be called under the lock.
        """
        now = time.time()
        self._store.renew(self.owner, now)
        for owner in self._store.owners():
            if owner != self.owner and is_alive(owner) is False:
                self._store.release(owner)
        claimed = self._store.claim(
            self.owner, now, claimable, alive=lambda owner: bool(is_alive(owner)), here=is_here
        )
        for job, lease in claimed:
            if job.finished:  # its result stood in a file that was not saved
                self.drop_lease(job.token)
                self.refresh(job.token, job)
            else:
                self.adopt(Leased(job.changed(queued=True), lease))
        self._read_changes()

    def _read_changes(self) -> None:
        changes = self._store.changes(self._revision)
        for row in changes.rows:
            if self.held(row.token).lease == row.lease:
                continue  # this process wrote that
            self.drop_lease(row.token)  # another one took it over while this one slept
            job = row.read()
            if job is not None and job != self._jobs.get(row.token):
                self.refresh(row.token, job)
        if changes.tokens is not None:
            for token in self._jobs.keys() - changes.tokens:
                self.drop_lease(token)
                self.refresh(token, None)
        self._revision = changes.revision

    def release(self) -> None:
        """Give all leases back, so that the next process need not wait for them to run out."""
        self._store.release(self.owner)


def _log_progress(before: Job, job: Job) -> None:
    """Log what has changed, by codes: messages may hold names and paths that are the user's."""
    flow = f", flow {job.run.flow_id}" if job.run.flow_id != before.run.flow_id else ""
    problem = f", {job.status.problem.code}" if job.status.problem else ""
    if job.status.step is not before.status.step or flow or job.status.problem != before.status.problem:
        LOGGER.info("job %s: %s -> %s%s%s", job.token, before.status.step, job.status.step, flow, problem)
