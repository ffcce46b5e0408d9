# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: every job of this user, on disk before each step is taken (SQLite, write-ahead log).

Several Blenders may share one ledger. A job belongs to one process at a time through a lease, which the
owner renews and which a dead owner loses by time; only the owner writes the job.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Container, Generator
from contextlib import contextmanager
from pathlib import Path

from .model import Job, Step

SCHEMA_VERSION = 1
LEASE_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE jobs (
    token TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    finished INTEGER NOT NULL,
    owner TEXT NOT NULL,
    lease_until REAL NOT NULL,
    document TEXT NOT NULL
) STRICT;
"""


class LedgerError(Exception):
    """The ledger cannot be used; the text says why and what to do, for people."""


class AlreadyThere(LedgerError):
    """A job with this token is in the ledger, perhaps since a moment ago and from another process."""


class Ledger:
    """The jobs of one user, in one file. All methods may be called from any thread, and raise LedgerError.

    path: the SQLite file, made with its folder when missing. One that is unreadable, or was written by
    another version of the add-on, is left as it is. shared: several machines see the file; then there is no
    write-ahead log, whose index lives in the memory of one machine.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self.path = path
        self._journal = "DELETE" if shared else "WAL"
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit mode: transactions are spelled out where one is needed.
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"The job list {path} cannot be opened: {error}.") from error
        try:
            self._open()
        except sqlite3.OperationalError as error:
            self._db.close()
            raise LedgerError(f"The job list {path} is in use by another program: {error}.") from error
        except sqlite3.Error as error:
            self._db.close()
            raise LedgerError(
                f"The job list {path} is damaged: {error}. Move the file away to go on."
            ) from error
        except LedgerError:
            self._db.close()
            raise

    def _open(self) -> None:
        self._db.execute(f"PRAGMA journal_mode = {self._journal}")
        self._db.execute("PRAGMA synchronous = FULL")  # a step must survive a power cut, too
        with self._exclusive():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._db.execute(_SCHEMA)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                raise LedgerError(
                    f"The job list {self.path} was written by another version of GENERIO Flows."
                    " Update the add-on."
                )

    @contextmanager
    def _exclusive(self) -> Generator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        try:
            with self._exclusive():
                yield self._db
        except sqlite3.Error as error:
            raise LedgerError(f"The job list {self.path} cannot be written: {error}.") from error

    def close(self) -> None:
        """Close the file; the ledger cannot be used afterwards."""
        with self._lock:
            self._db.close()

    def add(self, job: Job, owner: str, now: float) -> None:
        """Write a new job, leased to `owner`. Raises AlreadyThere."""
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (job.token, job.created_at, job.finished, owner, now + LEASE_SECONDS, job.to_json()),
            )
            if cursor.rowcount == 0:
                raise AlreadyThere(f"The job {job.token} is in the job list {self.path} already.")

    def save(self, job: Job, owner: str, now: float) -> bool:
        """Write how far a job has come and renew its lease; False when it no longer belongs to `owner`."""
        with self._transaction() as db:
            cursor = db.execute(
                "UPDATE jobs SET finished = ?, lease_until = ?, document = ? WHERE token = ? AND owner = ?",
                (job.finished, now + LEASE_SECONDS, job.to_json(), job.token, owner),
            )
            return cursor.rowcount == 1

    def jobs(self) -> list[Job]:
        """All jobs, oldest first; those that cannot be read are left out (and left on disk)."""
        try:
            with self._lock:
                documents = self._db.execute("SELECT document FROM jobs ORDER BY created_at").fetchall()
        except sqlite3.Error as error:
            raise LedgerError(f"The job list {self.path} cannot be read: {error}.") from error
        return [job for (document,) in documents if (job := _read(document)) is not None]

    def claim(self, owner: str, now: float, tokens: Container[str] | None = None) -> list[Job]:
        """Take over unfinished jobs whose lease has run out; returns what was taken, oldest first.

        tokens: which of them; None for all.
        """
        with self._transaction() as db:
            left = db.execute(
                "SELECT token, document FROM jobs WHERE finished = 0 AND owner != ? AND lease_until < ?"
                " ORDER BY created_at",
                (owner, now),
            ).fetchall()
            taken = [(token, document) for token, document in left if tokens is None or token in tokens]
            db.executemany(
                "UPDATE jobs SET owner = ?, lease_until = ? WHERE token = ?",
                [(owner, now + LEASE_SECONDS, token) for token, _ in taken],
            )
        return [job for _, document in taken if (job := _read(document)) is not None]

    def change(
        self, token: str, steps: Container[Step], change: Callable[[Job], Job], owner: str, now: float
    ) -> Job | None:
        """Change a finished job that still is at one of `steps`, and make it `owner`'s; returns the new one.

        Looking and writing are one transaction, so of several processes only one gets it. None = another did.
        """
        with self._transaction() as db:
            row = db.execute("SELECT document FROM jobs WHERE token = ?", (token,)).fetchone()
            job = _read(row[0]) if row else None
            if job is None or job.step not in steps:
                return None
            changed = change(job)
            db.execute(
                "UPDATE jobs SET owner = ?, lease_until = ?, finished = ?, document = ? WHERE token = ?",
                (owner, now + LEASE_SECONDS, changed.finished, changed.to_json(), token),
            )
            return changed

    def renew(self, owner: str, now: float) -> None:
        """Keep the leases of everything that `owner` still works on."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET lease_until = ? WHERE owner = ? AND finished = 0",
                (now + LEASE_SECONDS, owner),
            )

    def owners(self) -> list[str]:
        """Who has unfinished jobs."""
        with self._transaction() as db:
            rows = db.execute("SELECT DISTINCT owner FROM jobs WHERE finished = 0").fetchall()
        return [owner for (owner,) in rows]

    def release(self, owner: str) -> None:
        """Give back the leases of `owner`, so that the next process need not wait for them to run out."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET lease_until = 0 WHERE owner = ?", (owner,))

    def remove(self, token: str) -> bool:
        """Forget a job; False when it is unfinished."""
        with self._transaction() as db:
            return db.execute("DELETE FROM jobs WHERE token = ? AND finished = 1", (token,)).rowcount == 1


def _read(document: str) -> Job | None:
    try:
        return Job.from_json(document)
    except (ValueError, KeyError, TypeError):
        return None
