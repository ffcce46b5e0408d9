# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: every job of this user, on disk before each step is taken (SQLite, write-ahead log).

Several Blenders may share one ledger. A job belongs to one process at a time through a lease, which the
owner renews and which a dead owner loses by time; only the owner writes the job. Clocks need not agree for
that: whoever wants a job of another machine watches its lease, and takes it when it was not renewed for
LEASE_SECONDS of the watcher's own time. Only owners on the same machine, whose clock is the same, are judged
by the date as well.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Container, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.errors import DiskTrouble, Remedy, disk_trouble
from ..core.messages import Message
from .model import Job, Problem, Step

SCHEMA_VERSION = 2
LEASE_SECONDS = 30.0
TAKEOVER_SECONDS = 1.5 * LEASE_SECONDS
"""By then whoever looks at the ledger as often as an engine does has what nobody renews."""

RELEASED = 0.0
"""End of a lease that was given back."""

SUSPENDED_SECONDS = 3600.0
"""A process that was stopped for a while still has its file open; after these its id may be another's."""

_SCHEMA = """
CREATE TABLE jobs (
    token TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    settled INTEGER NOT NULL,
    owner TEXT NOT NULL,
    lease_until REAL NOT NULL,
    document TEXT NOT NULL
) STRICT;
"""

_MIGRATIONS = {
    1: "ALTER TABLE jobs RENAME COLUMN finished TO settled",  # what was placed then counts as saved
}
"""What makes a ledger of the next version out of one of this version."""

_SEARCHED = 1
"""`application_id` of a ledger after the jobs of one before it have been looked for."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of a file that is broken, or is none of its own."""


_DISK_TROUBLES: dict[int, DiskTrouble] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "forbidden",
    sqlite3.SQLITE_PERM: "forbidden",
    sqlite3.SQLITE_CANTOPEN: "forbidden",
}
"""What the primary result codes of SQLite say of the disk."""

_FIXES: dict[DiskTrouble, Message] = {
    "full": Message("Free some disk space; it goes on by itself."),
    "forbidden": Message("Get the right to write into its folder."),
    "too_long": Message("Choose a folder with a shorter path."),
    "other": Message("Check the disk, or close what uses the file; it goes on by itself."),
}


class LedgerError(Exception):
    """The ledger cannot be used; the text says why. fix, remedy: what to do about it, see `Problem`."""

    def __init__(
        self, message: Message, fix: Message = _FIXES["other"], remedy: Remedy = "open_folder"
    ) -> None:
        super().__init__(message)
        self.problem = Problem("ledger", message, fix, remedy)

    @property
    def fix(self) -> Message:
        """What to do about it, for people."""
        return self.problem.fix


class LedgerBusy(LedgerError):
    """Another process has held the file for longer than there was patience."""


class AlreadyThere(LedgerError):
    """A job with this token is in the ledger, perhaps since a moment ago and from another process."""


class Ledger:
    """The jobs of one user, in one file. All methods may be called from any thread, and raise LedgerError.

    path: the SQLite file, made with its folder when missing. One that was written by a newer version of the
    add-on is left as it is, an older one is brought up to date. One that is damaged is put aside, never
    deleted, and a new one is begun; `set_aside` is then where it is. shared: several machines see the file;
    then there is no write-ahead log, whose index lives in the memory of one machine. patience: seconds to
    wait for another process that writes.
    """

    def __init__(self, path: Path, shared: bool = False, patience: float = 1.0) -> None:
        self.path = path
        self.set_aside: Path | None = None
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
                    self.set_aside = _put_aside(path)
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
            if version == SCHEMA_VERSION:
                db.execute(
                    "SELECT token, created_at, settled, owner, lease_until, document FROM jobs LIMIT 1"
                )
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
            db.execute(_SCHEMA)
        else:
            for older in range(version, SCHEMA_VERSION):
                db.execute(_MIGRATIONS[older])
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @property
    def searched(self) -> bool:
        """Whether the jobs of a ledger before this one have been looked for; see `mark_searched`."""
        with self._transaction() as db:
            return db.execute("PRAGMA application_id").fetchone() == (_SEARCHED,)

    def mark_searched(self) -> None:
        """Note that they have."""
        with self._transaction() as db:
            db.execute(f"PRAGMA application_id = {_SEARCHED}")

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        end = time.monotonic() + self.patience
        if not self._lock.acquire(timeout=self.patience):  # whoever has it waits for the file, too
            raise self.busy()
        try:
            left = max(0.0, end - time.monotonic())
            self._db.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}")
            with _exclusive(self._db):
                yield self._db
        except sqlite3.Error as error:
            raise self._trouble("written", error) from error
        finally:
            self._lock.release()

    def busy(self) -> LedgerBusy:
        """The error where somebody else has the ledger for longer than `patience`."""
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
        fix = _FIXES[_disk_trouble(error)]
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
        """Close the file; the ledger cannot be used afterwards."""
        with self._lock:
            self._db.close()

    def add(self, jobs: Iterable[Job], owner: str, now: float) -> None:
        """Write new jobs, leased to `owner`: all, or none. Raises AlreadyThere."""
        with self._transaction() as db:
            for job in jobs:
                cursor = db.execute(
                    "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (job.token, job.created_at, job.settled, owner, now + LEASE_SECONDS, job.to_json()),
                )
                if cursor.rowcount == 0:
                    raise AlreadyThere(
                        Message(
                            "The job {token} is in the job list {path} already.",
                            token=job.token,
                            path=str(self.path),
                        )
                    )

    def save(self, job: Job, owner: str, now: float) -> bool:
        """Write how far a job has come and renew its lease; False when it no longer belongs to `owner`."""
        with self._transaction() as db:
            cursor = db.execute(
                "UPDATE jobs SET settled = ?, lease_until = ?, document = ? WHERE token = ? AND owner = ?",
                (job.settled, now + LEASE_SECONDS, job.to_json(), job.token, owner),
            )
            return cursor.rowcount == 1

    def jobs(self) -> list[Job]:
        """All jobs, oldest first; those that cannot be read are left out (and left on disk)."""
        try:
            with self._lock:
                documents = self._db.execute("SELECT document FROM jobs ORDER BY created_at").fetchall()
        except sqlite3.Error as error:
            raise self._trouble("read", error) from error
        return [job for (document,) in documents if (job := _read(document)) is not None]

    def job(self, token: str) -> Job | None:
        """One job as it is on disk; None where there is none, or none that can be read."""
        with self._transaction() as db:
            row = db.execute("SELECT document FROM jobs WHERE token = ?", (token,)).fetchone()
        return _read(row[0]) if row else None

    def claim(
        self,
        owner: str,
        now: float,
        tokens: Container[str] | None = None,
        alive: Callable[[str], bool] = lambda _owner: False,
        here: Callable[[str], bool] = lambda _owner: False,
    ) -> list[Job]:
        """Take over unsettled jobs whose lease has run out; returns what was taken, oldest first.

        What was loose is Ready again: the file that had it was open in a process that is no more. To be
        called again and again, since a lease of another machine is watched before it is taken.

        tokens: which of them; None for all. alive: whether an owner is known to live: what is loose in the
        file that it has open stays there for SUSPENDED_SECONDS more. here: whether an owner has our clock.
        """
        with self._transaction() as db:
            rows = db.execute(
                "SELECT token, owner, lease_until FROM jobs WHERE settled = 0 AND owner != ?"
                " ORDER BY created_at",
                (owner,),
            ).fetchall()
            self._watch(rows, now)
            taken: list[Job] = []
            for token, holder, until in rows:
                if not (tokens is None or token in tokens) or not self._has_run_out(token, now, here):
                    continue
                row = db.execute("SELECT document FROM jobs WHERE token = ?", (token,)).fetchone()
                job = _read(row[0])
                if job is None or (job.loose and until > now - SUSPENDED_SECONDS and alive(holder)):
                    continue
                taken.append(job.at(Step.READY) if job.loose else job)
            db.executemany(
                "UPDATE jobs SET owner = ?, lease_until = ?, settled = ?, document = ? WHERE token = ?",
                [(owner, now + LEASE_SECONDS, job.settled, job.to_json(), job.token) for job in taken],
            )
        return taken

    def _watch(self, leases: Iterable[tuple[str, str, float]], now: float) -> None:
        """Note since when the leases of others have been as they are: of each its token, owner and end."""
        if not 0.0 <= now - self._watched_at <= LEASE_SECONDS:
            self._watched = {}  # we slept, as they may have done, or our clock was set
        self._watched_at = now
        before = self._watched
        self._watched = {}
        for token, holder, until in leases:
            seen = before.get(token, ("", 0.0, 0.0))
            self._watched[token] = seen if seen[:2] == (holder, until) else (holder, until, now)

    def _has_run_out(self, token: str, now: float, here: Callable[[str], bool]) -> bool:
        holder, until, since = self._watched[token]
        return until == RELEASED or now - since >= LEASE_SECONDS or (until < now and here(holder))

    def change(
        self, token: str, steps: Container[Step], change: Callable[[Job], Job | None], owner: str, now: float
    ) -> Job | None:
        """Change a finished job that still is at one of `steps`, and make it `owner`'s; returns the new one.

        Looking and writing are one transaction, so of several processes only one gets it. None = another did,
        or `change` did not want it as it is by now.
        """
        with self._transaction() as db:
            row = db.execute("SELECT document FROM jobs WHERE token = ?", (token,)).fetchone()
            job = _read(row[0]) if row else None
            if job is None or job.step not in steps:
                return None
            changed = change(job)
            if changed is None:
                return None
            db.execute(
                "UPDATE jobs SET owner = ?, lease_until = ?, settled = ?, document = ? WHERE token = ?",
                (owner, now + LEASE_SECONDS, changed.settled, changed.to_json(), token),
            )
            return changed

    def renew(self, owner: str, now: float) -> None:
        """Keep the leases of everything that is not settled, and is `owner`'s."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET lease_until = ? WHERE owner = ? AND settled = 0",
                (now + LEASE_SECONDS, owner),
            )

    def owners(self) -> list[str]:
        """Who has jobs that are not settled."""
        with self._transaction() as db:
            rows = db.execute("SELECT DISTINCT owner FROM jobs WHERE settled = 0").fetchall()
        return [owner for (owner,) in rows]

    def holders(self) -> dict[str, str]:
        """Who has which job, or had it when it was settled, by token; also of those that cannot be read."""
        with self._transaction() as db:
            return dict(db.execute("SELECT token, owner FROM jobs").fetchall())

    def release(self, owner: str) -> None:
        """Give back the leases of `owner`, so that the next process need not wait for them to run out."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET lease_until = ? WHERE owner = ?", (RELEASED, owner))

    def remove(self, token: str) -> bool:
        """Forget a job, if it is there; False when it is unfinished."""
        with self._transaction() as db:
            row = db.execute("SELECT settled, document FROM jobs WHERE token = ?", (token,)).fetchone()
            job = _read(row[1]) if row else None
            if row is not None and not (row[0] or (job is not None and job.finished)):
                return False
            db.execute("DELETE FROM jobs WHERE token = ?", (token,))
            return True


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


def _put_aside(path: Path) -> Path:
    """Rename a damaged ledger, with what SQLite keeps beside it; returns its new path."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    path.rename(aside)
    for ending in ("-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return aside


def _read(document: str) -> Job | None:
    try:
        return Job.from_json(document)
    except (ValueError, KeyError, TypeError):
        return None
