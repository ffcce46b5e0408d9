# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLite file of the store: how it is opened, put aside where it is damaged, and shared with others."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core import files
from ..core.disk_errors import DiskTrouble, disk_trouble
from ..core.messages import Message
from .store_errors import FIXES, LedgerBusy, LedgerError
from .store_schema import SCHEMA_VERSION, TABLES, bring_up_to_date

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


class StoreFile:
    """A file with the tables of the store. All methods may be called from any thread, and raise LedgerError.

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
                db.execute(TABLES[version])
            db.execute(f"PRAGMA journal_mode = {self._journal}")
            db.execute("PRAGMA synchronous = FULL")  # a step must survive a power cut, too
            with _exclusive(db):
                bring_up_to_date(db, self._version(db))
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

    @property
    def recovery_done(self) -> bool:
        """Whether the jobs of a store before this one have been looked for; see `mark_recovery_done`."""
        with self.transaction() as db:
            return db.execute("PRAGMA application_id").fetchone() == (_RECOVERY_DONE,)

    def mark_recovery_done(self) -> None:
        """Note that they have."""
        with self.transaction() as db:
            db.execute(f"PRAGMA application_id = {_RECOVERY_DONE}")

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """The open file, for statements that others see all at once, or none of them."""
        with self.connection("written") as db, _exclusive(db):
            yield db

    @contextmanager
    def connection(self, use: str) -> Generator[sqlite3.Connection]:
        """The open file, for one thread at a time; `use`: what cannot be done where it fails."""
        end = time.monotonic() + self.patience
        if not self._lock.acquire(timeout=self.patience):  # whoever has it waits for the file, too
            raise self.busy()
        try:
            remaining = max(0.0, end - time.monotonic())
            self._db.execute(f"PRAGMA busy_timeout = {remaining * 1000:.0f}")
            yield self._db
        except sqlite3.Error as error:
            raise self._trouble(use, error) from error
        finally:
            self._lock.release()

    def busy(self) -> LedgerBusy:
        """The error where somebody else has the store for longer than `patience`."""
        return LedgerBusy(
            Message("Another program holds the job list {path}.", path=str(self.path)),
            Message("Try again in a moment; jobs under way continue by themselves."),
            "",
        )

    def _trouble(self, what: str, error: OSError | sqlite3.Error) -> LedgerError:
        if _is_damage(error):
            return LedgerError(
                Message("The job list {path} is damaged.", path=str(self.path)),
                Message(
                    "Restart Blender. The damaged file is kept, a new one is created, and your jobs are "
                    "recovered."
                ),
                "restart",
            )
        if _code(error) == sqlite3.SQLITE_BUSY:
            return self.busy()
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
            return LedgerError(
                Message("The job list {path} was moved or deleted while it was in use.", path=str(self.path)),
                Message("Restart Blender, or run the command again; your jobs will be recovered."),
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
