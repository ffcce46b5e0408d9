# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store has of a job: columns for what it is asked about, the rest as JSON, and the lease."""

from __future__ import annotations

import json
from typing import NamedTuple

from .model import Job

FIRST_LEASE = 1
"""Number of the lease with which a job comes into the store."""


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


def document_of(job: Job) -> str:
    """What of a job has no column, see `Row.read`."""
    fields = job.to_fields()
    for column in ("token", "step", "created_at"):
        del fields[column]
    return json.dumps(fields, separators=(",", ":"))
