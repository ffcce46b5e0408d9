# SPDX-License-Identifier: GPL-3.0-or-later
"""The store, which users know as the job list: each job, on disk before each step (SQLite, write-ahead log).

Several Blenders may share one store. A job belongs to one process at a time through a *lease*. Each lease has
a number, which grows whenever somebody takes the job. Who saves a job presents its lease, so a thread or a
process that slept through a takeover changes nothing, also where the job has come back to its owner. The
owner renews its leases, and a dead owner loses them by time. Clocks need not agree for that: whoever wants a
job of another machine watches its lease, and takes it when it was not renewed for LEASE_SECONDS of the
watcher's own time. Only owners on the same machine, whose clock is the same, are judged by the date as well.

Each change of a job gives it the next *revision* of the store, so that a look at what others have done reads
only what has changed. The database counts by itself, see `_SCHEMA`; renewing a lease is no change.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Container, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..core import files
from ..core.errors import DiskTrouble, disk_trouble
from ..core.messages import Message
from . import limits
from .model import FINISHED, Job, Step
from .store_errors import FIXES, AlreadyThere, LedgerBusy, LedgerError

SCHEMA_VERSION = 3

RELEASED = 0.0
"""End of a lease that was given back."""

FIRST_LEASE = 1
"""Number of the lease with which a job comes into the store."""

SUSPENDED_SECONDS = 3600.0
"""A process that was stopped for a while still has its file open; after these its id may be another's."""

_SCHEMA = (
    """
    CREATE TABLE jobs (
        token TEXT PRIMARY KEY,
        step TEXT NOT NULL,
        created_at REAL NOT NULL,
        final INTEGER NOT NULL,
        owner TEXT NOT NULL,
        lease INTEGER NOT NULL,
        lease_until REAL NOT NULL,
        revision INTEGER NOT NULL DEFAULT 0,
        document TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX jobs_by_revision ON jobs (revision)",
    "CREATE INDEX leased_jobs ON jobs (created_at) WHERE final = 0",
    "CREATE TABLE revisions (last INTEGER NOT NULL, removal INTEGER NOT NULL) STRICT",
    "INSERT INTO revisions VALUES (0, 0)",
    """
    CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
        UPDATE revisions SET last = last + 1;
        UPDATE jobs SET revision = (SELECT last FROM revisions) WHERE token = NEW.token;
    END
    """,
    """
    CREATE TRIGGER job_changed AFTER UPDATE OF step, final, owner, lease, document ON jobs BEGIN
        UPDATE revisions SET last = last + 1;
        UPDATE jobs SET revision = (SELECT last FROM revisions) WHERE token = NEW.token;
    END
    """,
    """
    CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN
        UPDATE revisions SET last = last + 1, removal = last + 1;
    END
    """,
)
"""Triggers count, so that no statement can forget to, also none that somebody types to help a user."""


def _rename_finished(db: sqlite3.Connection) -> None:
    """From version 1: what was placed then counts as saved."""
    db.execute("ALTER TABLE jobs RENAME COLUMN finished TO settled")


def _add_columns(db: sqlite3.Connection) -> None:
    """From version 2, which knew neither revisions nor numbers of leases, and kept all in the document.

    Processes of that version that have the file open cannot write a job any more, since no column is called
    `settled`: each statement of theirs that saves, claims or adds fails, their jobs wait, and their leases,
    which they cannot renew, run out. So no flow runs twice.
    """
    db.execute("ALTER TABLE jobs RENAME TO jobs_before")
    for statement in _SCHEMA:
        db.execute(statement)
    rows = db.execute("SELECT token, created_at, settled, owner, lease_until, document FROM jobs_before")
    for token, created_at, settled, owner, until, text in rows.fetchall():
        step, document = "", text  # one that cannot be read stays as it is
        with suppress(ValueError, KeyError, TypeError):
            job = Job.from_json(text)
            step, document = job.status.step, _document(job)
        db.execute(_INSERT, (token, step, created_at, settled, owner, FIRST_LEASE, until, document))
    db.execute("DROP TABLE jobs_before")


_MIGRATIONS = {1: _rename_finished, 2: _add_columns}
"""What makes a store of the next version out of one of this version."""

_TABLES = {
    1: "SELECT token, created_at, finished, owner, lease_until, document FROM jobs LIMIT 1",
    2: "SELECT token, created_at, settled, owner, lease_until, document FROM jobs LIMIT 1",
    3: "SELECT token, step, created_at, final, owner, lease, lease_until, revision, document, last, removal"
    " FROM jobs, revisions LIMIT 1",
}
"""What a file of each version has; else it is somebody else's."""

_INSERT = (
    "INSERT INTO jobs (token, step, created_at, final, owner, lease, lease_until, document)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_SAVE = (
    "UPDATE jobs SET step = ?, final = ?, lease_until = ?, document = ?"
    " WHERE token = ? AND owner = ? AND lease = ?"
)
_TAKE = (
    "UPDATE jobs SET step = ?, final = ?, lease_until = ?, document = ?, owner = ?, lease = lease + 1"
    " WHERE token = ? RETURNING lease"
)
_SELECT_ROW = "SELECT token, step, created_at, owner, lease, document FROM jobs"

_RECOVERY_DONE = 1
"""`application_id` of a store after the jobs of one before it have been looked for."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of a file that is broken, or is none of its own."""


_DISK_TROUBLES: dict[int, DiskTrouble] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "forbidden",
    sqlite3.SQLITE_PERM: "forbidden",
    sqlite3.SQLITE_CANTOPEN: "forbidden",
}
"""What the primary result codes of SQLite say of the disk."""


class Lease(NamedTuple):
    """The right to write a job, as long as nobody else has taken it: who has it, and which one it is."""

    owner: str
    number: int


class Leased(NamedTuple):
    """A job, and the lease with which it is written."""

    job: Job
    lease: Lease


class Row(NamedTuple):
    """A job as the store has it: columns for what the store is asked about, the rest as JSON."""

    token: str
    step: str
    created_at: float
    owner: str
    number: int
    document: str

    @property
    def lease(self) -> Lease:
        """The last lease of the job."""
        return Lease(self.owner, self.number)

    def read(self) -> Job | None:
        """The job; None where it cannot be read, as one of a future version."""
        try:
            fields = json.loads(self.document)
            return Job.from_fields(
                {**fields, "token": self.token, "step": self.step, "created_at": self.created_at}
            )
        except (ValueError, KeyError, TypeError):
            return None


class Changes(NamedTuple):
    """What has changed since a revision, which is `revision` by now.

    tokens: those of all jobs that are left, where some were removed; else None.
    """

    revision: int
    rows: list[Row]
    tokens: set[str] | None


class JobStore:
    """The jobs of one user, in one file. All methods may be called from any thread, and raise LedgerError.

    path: the SQLite file, made with its folder when missing. One that was written by a newer version of the
    add-on is left as it is, an older one is brought up to date. One that is damaged is put aside, never
    deleted, and a new one is begun; `quarantined_path` is then where it is. shared: several machines see the
    file; then there is no write-ahead log, whose index lives in the memory of one machine. patience: seconds
    to wait for another process that writes.
    """

    def __init__(self, path: Path, shared: bool = False, patience: float = 1.0) -> None:
        self.path = path
        self.quarantined_path: Path | None = None
        self._journal = "DELETE" if shared else "WAL"
        self.patience = patience
        self._lock = threading.Lock()
        # The leases of others, as they were when they were seen first: token: (owner, until, when that was).
        self._watched: dict[str, tuple[str, float, float]] = {}
        self._watched_at = 0.0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            before = _identity(path)
            try:
                self._db = self._open()
            except sqlite3.DatabaseError as error:
                # An SQL error here means other tables than ours.
                if not _is_damage(error) and _code(error) != sqlite3.SQLITE_ERROR:
                    raise
                if before == _identity(path):  # else another process has just done the same
                    self.quarantined_path = _quarantine(path)
                self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise self._trouble("opened", error) from error

    def _open(self) -> sqlite3.Connection:
        # Autocommit mode: transactions are spelled out where one is needed.
        db = sqlite3.connect(self.path, timeout=self.patience, isolation_level=None, check_same_thread=False)
        try:
            # Look before anything is written: the file may not be ours to write into.
            version = self._version(db)
            if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise _DamagedError("quick_check")
            if version:
                db.execute(_TABLES[version])
            db.execute(f"PRAGMA journal_mode = {self._journal}")
            db.execute("PRAGMA synchronous = FULL")  # a step must survive a power cut, too
            with _exclusive(db):
                self._bring_up_to_date(db)
        except BaseException:
            db.close()
            raise
        return db

    def _version(self, db: sqlite3.Connection) -> int:
        """The version of what is in the file, 0 where it is new. Raises LedgerError for one to come."""
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise LedgerError(
                Message(
                    "The job list {path} was written by a newer version of GENERIO Flows.",
                    path=str(self.path),
                ),
                Message("Update the add-on."),
                "update",
            )
        return version

    def _bring_up_to_date(self, db: sqlite3.Connection) -> None:
        version = self._version(db)
        if version == SCHEMA_VERSION:
            return
        if version == 0:
            for statement in _SCHEMA:
                db.execute(statement)
        else:
            for older in range(version, SCHEMA_VERSION):
                _MIGRATIONS[older](db)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @property
    def recovery_done(self) -> bool:
        """Whether the jobs of a store before this one have been looked for; see `mark_recovery_done`."""
        with self._transaction() as db:
            return db.execute("PRAGMA application_id").fetchone() == (_RECOVERY_DONE,)

    def mark_recovery_done(self) -> None:
        """Note that they have."""
        with self._transaction() as db:
            db.execute(f"PRAGMA application_id = {_RECOVERY_DONE}")

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._connection("written") as db, _exclusive(db):
            yield db

    @contextmanager
    def _connection(self, use: str) -> Generator[sqlite3.Connection]:
        """The open file, for one thread at a time; `use`: what cannot be done where it fails."""
        end = time.monotonic() + self.patience
        if not self._lock.acquire(timeout=self.patience):  # whoever has it waits for the file, too
            raise self.busy()
        try:
            left = max(0.0, end - time.monotonic())
            self._db.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}")
            yield self._db
        except sqlite3.Error as error:
            raise self._trouble(use, error) from error
        finally:
            self._lock.release()

    def busy(self) -> LedgerBusy:
        """The error where somebody else has the store for longer than `patience`."""
        return LedgerBusy(
            Message("Another program holds the job list {path}.", path=str(self.path)),
            Message("Try again in a moment; what is under way goes on by itself."),
            "",
        )

    def _trouble(self, what: str, error: OSError | sqlite3.Error) -> LedgerError:
        if _is_damage(error):
            return LedgerError(
                Message("The job list {path} is damaged.", path=str(self.path)),
                Message(
                    "Restart Blender. The file is kept, a new one is started, and your jobs are recovered."
                ),
                "restart",
            )
        if _code(error) == sqlite3.SQLITE_BUSY:
            return self.busy()
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
            return LedgerError(
                Message("The job list {path} was moved or deleted while it was in use.", path=str(self.path)),
                Message("Begin anew: restart Blender, or run the command again; your jobs are looked for."),
                "restart",
            )
        fix = FIXES[_disk_trouble(error)]
        if what == "opened":
            return LedgerError(
                Message(
                    "The job list {path} cannot be opened: {reason}.",
                    path=str(self.path),
                    reason=_reason(error),
                ),
                fix,
            )
        if what == "written":
            return LedgerError(
                Message(
                    "The job list {path} cannot be written: {reason}.",
                    path=str(self.path),
                    reason=_reason(error),
                ),
                fix,
            )
        return LedgerError(
            Message(
                "The job list {path} cannot be read: {reason}.", path=str(self.path), reason=_reason(error)
            ),
            fix,
        )

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._db.close()

    def add(self, jobs: Iterable[Job], owner: str, now: float) -> Lease:
        """Write new jobs: all, or none. Returns the lease that `owner` has of them. Raises AlreadyThere."""
        with self._transaction() as db:
            for job in jobs:
                cursor = db.execute(
                    _INSERT,
                    (
                        job.token,
                        job.status.step,
                        job.created_at,
                        job.final,
                        owner,
                        FIRST_LEASE,
                        now + limits.LEASE_SECONDS,
                        _document(job),
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
        with self._transaction() as db:
            cursor = db.execute(
                _SAVE,
                (job.status.step, job.final, now + limits.LEASE_SECONDS, _document(job), job.token, *lease),
            )
            return cursor.rowcount == 1

    def jobs(self) -> list[Job]:
        """All jobs, oldest first; those that cannot be read are left out (and left on disk)."""
        rows = self._read("ORDER BY created_at")
        return [job for row in rows if (job := row.read()) is not None]

    def job(self, token: str) -> Job | None:
        """One job as it is on disk; None where there is none, or none that can be read."""
        with self._transaction() as db:
            return self._find(db, token)

    def changes(self, since: int) -> Changes:
        """What others and we have changed since a revision, in the order in which it happened; 0 = ever."""
        # The revision comes first: what changes between these statements is read once more the next time.
        ((revision, removal),) = self._ask("SELECT last, removal FROM revisions")
        if revision == since:
            return Changes(revision, [], None)
        rows = self._read("WHERE revision > ? ORDER BY revision", since)
        tokens = {token for (token,) in self._ask("SELECT token FROM jobs")} if removal > since else None
        return Changes(revision, rows, tokens)

    def _read(self, condition: str, *values: object) -> list[Row]:
        return [Row(*row) for row in self._ask(f"{_SELECT_ROW} {condition}", *values)]

    def _ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connection("read") as db:
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
        with self._transaction() as db:
            rows = db.execute(
                "SELECT token, owner, lease_until FROM jobs WHERE final = 0 AND owner != ?"
                " ORDER BY created_at",
                (owner,),
            ).fetchall()
            self._watch(rows, now)
            taken: list[Leased] = []
            for token, holder, until in rows:
                if not (tokens is None or token in tokens) or not self._has_run_out(token, now, here):
                    continue
                job = self._find(db, token)
                if job is None or (job.unsaved and until > now - SUSPENDED_SECONDS and alive(holder)):
                    continue
                taken.append(self._take(db, job.advance_to(Step.READY) if job.unsaved else job, owner, now))
        return taken

    def _take(self, db: sqlite3.Connection, job: Job, owner: str, now: float) -> Leased:
        """Write a job as it becomes when `owner` takes it, with the next lease."""
        ((number,),) = db.execute(
            _TAKE,
            (job.status.step, job.final, now + limits.LEASE_SECONDS, _document(job), owner, job.token),
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
        with self._transaction() as db:
            job = self._find(db, token)
            if job is None or job.status.step not in steps:
                return None
            changed = change(job)
            return self._take(db, changed, owner, now) if changed is not None else None

    def retake(self, owner: str, now: float) -> list[Leased]:
        """Take what an engine before had under the same name, with new leases; returns it, oldest first.

        What is unsaved stays so: the file that has it is still open.
        """
        with self._transaction() as db:
            rows = db.execute(
                "SELECT token FROM jobs WHERE final = 0 AND owner = ? ORDER BY created_at", (owner,)
            ).fetchall()
            jobs = [job for (token,) in rows if (job := self._find(db, token)) is not None]
            return [self._take(db, job, owner, now) for job in jobs]

    def renew(self, owner: str, now: float) -> None:
        """Keep the leases of everything that is not final, and is `owner`'s."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET lease_until = ? WHERE owner = ? AND final = 0",
                (now + limits.LEASE_SECONDS, owner),
            )

    def owners(self) -> list[str]:
        """Who has jobs that are not final."""
        return [owner for (owner,) in self._ask("SELECT DISTINCT owner FROM jobs WHERE final = 0")]

    def release(self, owner: str) -> None:
        """Give back the leases of `owner`, so that the next process need not wait for them to run out."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET lease_until = ? WHERE owner = ?", (RELEASED, owner))

    def remove(self, token: str) -> bool:
        """Forget a job, if it is there; False when it is unfinished."""
        with self._transaction() as db:
            row = db.execute("SELECT final, step FROM jobs WHERE token = ?", (token,)).fetchone()
            if row is not None and not (row[0] or row[1] in FINISHED):
                return False
            db.execute("DELETE FROM jobs WHERE token = ?", (token,))
            return True


def _document(job: Job) -> str:
    """What of a job has no column, see `Row.read`."""
    fields = job.to_fields()
    for column in ("token", "step", "created_at"):
        del fields[column]
    return json.dumps(fields, separators=(",", ":"))


@contextmanager
def _exclusive(db: sqlite3.Connection) -> Generator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")  # which may fail, too, while somebody reads
    except BaseException:
        if db.in_transaction:  # SQLite may have ended it
            db.execute("ROLLBACK")
        raise


class _DamagedError(sqlite3.DatabaseError):
    """A check found what no statement has come upon yet."""


def _is_damage(error: Exception) -> bool:
    return isinstance(error, _DamagedError) or _code(error) in _DAMAGE


def _code(error: Exception) -> int:
    """The primary result code that SQLite gave; 0 where the error is Python's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _disk_trouble(error: OSError | sqlite3.Error) -> DiskTrouble:
    if isinstance(error, OSError):
        return disk_trouble(error)
    return _DISK_TROUBLES.get(_code(error), "other")


def _reason(error: OSError | sqlite3.Error) -> str:
    """Why, without the path, which is named already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _identity(path: Path) -> tuple[int, int] | None:
    """What changes when another file comes to stand at `path`; None where there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino


def _quarantine(path: Path) -> Path:
    """Rename a damaged store, with what SQLite keeps beside it; returns its new path."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    files.replace(path, aside)
    for ending in ("-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            files.replace(path.with_name(path.name + ending), aside.with_name(aside.name + ending))
    return aside
