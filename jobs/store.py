# SPDX-License-Identifier: GPL-3.0-or-later
"""The store, which users know as the job list: each job, on disk before each step (SQLite, write-ahead log).

Several Blenders may share one store. A job belongs to one process at a time through a *lease*. Each lease has
a number, which grows whenever somebody takes the job. Who saves a job presents its lease, so a thread or a
process that slept through a takeover changes nothing, also where the job has come back to its owner. The
owner renews its leases, and a dead owner loses them by time. Clocks need not agree for that: whoever wants a
job of another machine watches its lease, and takes it when it was not renewed for LEASE_SECONDS of the
watcher's own time. Only owners on the same machine, whose clock is the same, are judged by the date as well.

Each change of a job gives it the next *revision* of the store, so that a look at what others have done reads
only what has changed. The database counts by itself, see `store_schema`; renewing a lease is no change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any

from ..core.messages import Message
from . import limits
from .model import Job
from .step import FINISHED, Step
from .store_errors import AlreadyThere
from .store_file import StoreFile
from .store_rows import FIRST_LEASE, Changes, Lease, Leased, Row, document_of
from .store_schema import INSERT

RELEASED = 0.0
"""End of a lease that was given back."""

SUSPENDED_SECONDS = 3600.0
"""A process that was stopped for a while still has its file open; after these its id may be another's."""

_SAVE = (
    "UPDATE jobs SET step = ?, final = ?, lease_until = ?, document = ?"
    " WHERE token = ? AND owner = ? AND lease = ?"
)
_CLAIM = (
    "UPDATE jobs SET step = ?, final = ?, lease_until = ?, document = ?, owner = ?, lease = lease + 1"
    " WHERE token = ? RETURNING lease"
)
_SELECT_ROW = "SELECT token, step, created_at, owner, lease, document FROM jobs"


class JobStore(StoreFile):
    """The jobs of one user, in one file: see `StoreFile` for what it is made with.

    All methods may be called from any thread, and raise LedgerError.
    """

    def __init__(self, path: Path, shared: bool = False, patience: float = 1.0) -> None:
        super().__init__(path, shared, patience)
        # The leases of others, as they were when they were seen first: token: (owner, until, when that was).
        self._watched: dict[str, tuple[str, float, float]] = {}
        self._watched_at = 0.0

    def add(self, jobs: Iterable[Job], owner: str, now: float) -> Lease:
        """Write new jobs: all, or none. Returns the lease that `owner` has of them. Raises AlreadyThere."""
        with self.transaction() as db:
            for job in jobs:
                cursor = db.execute(
                    INSERT,
                    (
                        job.token,
                        job.status.step,
                        job.created_at,
                        job.final,
                        owner,
                        FIRST_LEASE,
                        now + limits.LEASE_SECONDS,
                        document_of(job),
                    ),
                )
                if cursor.rowcount == 0:
                    raise AlreadyThere(
                        Message(
                            "The job {token} is in the job list {path} already.",
                            token=job.token,
                            path=str(self.path),
                        )
                    )
        return Lease(owner, FIRST_LEASE)

    def save(self, job: Job, lease: Lease, now: float) -> bool:
        """Write how far a job has come and renew its lease; False where that is not the last one any more."""
        with self.transaction() as db:
            cursor = db.execute(
                _SAVE,
                (job.status.step, job.final, now + limits.LEASE_SECONDS, document_of(job), job.token, *lease),
            )
            return cursor.rowcount == 1

    def jobs(self) -> list[Job]:
        """All jobs, oldest first; those that cannot be read are left out (and left on disk)."""
        rows = self._read("ORDER BY created_at")
        return [job for row in rows if (job := row.read()) is not None]

    def job(self, token: str) -> Job | None:
        """One job as it is on disk; None where there is none, or none that can be read."""
        with self.transaction() as db:
            return self._find(db, token)

    def changes(self, since: int) -> Changes:
        """What others and we have changed since a revision, in the order in which it happened; 0 = ever."""
        # The revision comes first: what changes between these statements is read once more the next time.
        ((revision, removal),) = self._query("SELECT last, removal FROM revisions")
        if revision == since:
            return Changes(revision, [], None)
        rows = self._read("WHERE revision > ? ORDER BY revision", since)
        tokens = {token for (token,) in self._query("SELECT token FROM jobs")} if removal > since else None
        return Changes(revision, rows, tokens)

    def _read(self, condition: str, *values: object) -> list[Row]:
        return [Row(*row) for row in self._query(f"{_SELECT_ROW} {condition}", *values)]

    def _query(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with self.connection("read") as db:
            return db.execute(question, values).fetchall()

    def _find(self, db: sqlite3.Connection, token: str) -> Job | None:
        row = db.execute(_SELECT_ROW + " WHERE token = ?", (token,)).fetchone()
        return Row(*row).read() if row else None

    def claim(
        self,
        owner: str,
        now: float,
        tokens: Container[str] | None = None,
        alive: Callable[[str], bool] = lambda _owner: False,
        here: Callable[[str], bool] = lambda _owner: False,
    ) -> list[Leased]:
        """Take over jobs that are not final whose lease has run out; returns what was taken, oldest first.

        What was unsaved is Ready again: the file that had it was open in a process that is no more. To be
        called again and again, since a lease of another machine is watched before it is taken.

        tokens: which of them; None for all. alive: whether an owner is known to live: what is unsaved in the
        file that it has open stays there for SUSPENDED_SECONDS more. here: whether an owner has our clock.
        """
        with self.transaction() as db:
            rows = db.execute(
                "SELECT token, owner, lease_until FROM jobs WHERE final = 0 AND owner != ?"
                " ORDER BY created_at",
                (owner,),
            ).fetchall()
            self._watch(rows, now)
            claimed: list[Leased] = []
            for token, holder, until in rows:
                if not (tokens is None or token in tokens) or not self._has_run_out(token, now, here):
                    continue
                job = self._find(db, token)
                if job is None or (job.unsaved and until > now - SUSPENDED_SECONDS and alive(holder)):
                    continue
                claimed.append(
                    self._claim_job(db, job.advance_to(Step.READY) if job.unsaved else job, owner, now)
                )
        return claimed

    def _claim_job(self, db: sqlite3.Connection, job: Job, owner: str, now: float) -> Leased:
        """Write a job as it becomes when `owner` takes it, with the next lease."""
        ((number,),) = db.execute(
            _CLAIM,
            (job.status.step, job.final, now + limits.LEASE_SECONDS, document_of(job), owner, job.token),
        ).fetchall()
        return Leased(job, Lease(owner, number))

    def _watch(self, leases: Iterable[tuple[str, str, float]], now: float) -> None:
        """Note since when the leases of others have been as they are: of each its token, owner and end."""
        if not 0.0 <= now - self._watched_at <= limits.LEASE_SECONDS:
            self._watched = {}  # we slept, as they may have done, or our clock was set
        self._watched_at = now
        before = self._watched
        self._watched = {}
        for token, holder, until in leases:
            seen = before.get(token, ("", 0.0, 0.0))
            self._watched[token] = seen if seen[:2] == (holder, until) else (holder, until, now)

    def _has_run_out(self, token: str, now: float, here: Callable[[str], bool]) -> bool:
        holder, until, since = self._watched[token]
        return until == RELEASED or now - since >= limits.LEASE_SECONDS or (until < now and here(holder))

    def change(
        self, token: str, steps: Container[Step], change: Callable[[Job], Job | None], owner: str, now: float
    ) -> Leased | None:
        """Change a finished job that still is at one of `steps`, and make it `owner`'s; returns the new one.

        Looking and writing are one transaction, so of several processes only one gets it. None = another did,
        or `change` did not want it as it is by now.
        """
        with self.transaction() as db:
            job = self._find(db, token)
            if job is None or job.status.step not in steps:
                return None
            changed = change(job)
            return self._claim_job(db, changed, owner, now) if changed is not None else None

    def retake(self, owner: str, now: float) -> list[Leased]:
        """Take what an engine before had under the same name, with new leases; returns it, oldest first.

        What is unsaved stays so: the file that has it is still open.
        """
        with self.transaction() as db:
            rows = db.execute(
                "SELECT token FROM jobs WHERE final = 0 AND owner = ? ORDER BY created_at", (owner,)
            ).fetchall()
            jobs = [job for (token,) in rows if (job := self._find(db, token)) is not None]
            return [self._claim_job(db, job, owner, now) for job in jobs]

    def renew(self, owner: str, now: float) -> None:
        """Keep the leases of everything that is not final, and is `owner`'s."""
        with self.transaction() as db:
            db.execute(
                "UPDATE jobs SET lease_until = ? WHERE owner = ? AND final = 0",
                (now + limits.LEASE_SECONDS, owner),
            )

    def owners(self) -> list[str]:
        """Who has jobs that are not final."""
        return [owner for (owner,) in self._query("SELECT DISTINCT owner FROM jobs WHERE final = 0")]

    def release(self, owner: str) -> None:
        """Give back the leases of `owner`, so that the next process need not wait for them to run out."""
        with self.transaction() as db:
            db.execute("UPDATE jobs SET lease_until = ? WHERE owner = ?", (RELEASED, owner))

    def remove(self, token: str) -> bool:
        """Forget a job, if it is there; False when it is unfinished."""
        with self.transaction() as db:
            row = db.execute("SELECT final, step FROM jobs WHERE token = ?", (token,)).fetchone()
            if row is not None and not (row[0] or row[1] in FINISHED):
                return False
            db.execute("DELETE FROM jobs WHERE token = ?", (token,))
            return True
