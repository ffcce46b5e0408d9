# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the store, and what brings those of an older version up to date."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from .model import Job
from .store_rows import FIRST_LEASE, document_of

SCHEMA_VERSION = 3

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


INSERT = (
    "INSERT INTO jobs (token, step, created_at, final, owner, lease, lease_until, document)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
"""Writes a new job: its columns in the order of `_SCHEMA`, without the revision, which a trigger sets."""


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
            step, document = job.status.step, document_of(job)
        db.execute(INSERT, (token, step, created_at, settled, owner, FIRST_LEASE, until, document))
    db.execute("DROP TABLE jobs_before")


_MIGRATIONS = {1: _rename_finished, 2: _add_columns}
"""What makes a store of the next version out of one of this version."""

TABLES = {
    1: "SELECT token, created_at, finished, owner, lease_until, document FROM jobs LIMIT 1",
    2: "SELECT token, created_at, settled, owner, lease_until, document FROM jobs LIMIT 1",
    3: "SELECT token, step, created_at, final, owner, lease, lease_until, revision, document, last, removal"
    " FROM jobs, revisions LIMIT 1",
}
"""What a file of each version has; else it is somebody else's."""


def bring_up_to_date(db: sqlite3.Connection, version: int) -> None:
    """Make the tables of this version out of those of `version`; 0 = of an empty file. In a transaction."""
    if version == SCHEMA_VERSION:
        return
    if version == 0:
        for statement in _SCHEMA:
            db.execute(statement)
    else:
        for older in range(version, SCHEMA_VERSION):
            _MIGRATIONS[older](db)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
