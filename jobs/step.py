# SPDX-License-Identifier: GPL-3.0-or-later
r"""The steps of a job.

A *step* is what the store remembers. Steps whose names end in -ING are intentions: they are on disk before
the request is sent. After a crash the engine therefore knows that the answer may have been lost, and asks the
service before it repeats anything.

    REQUESTED -> PREPARED -> CREATED -> UPLOADING -> UPLOADED -> STARTING -> STARTED
                     \\-> SUBMITTING (one-shot create) ----------------------^
    STARTED -> COMPLETED -> DOWNLOADED -> READY -> PLACED          any -> FAILED | CANCELLED
    ADOPTED (a flow that no job had) -> STARTED
    REQUESTED -> READY -> PLACED (BAKE, which has no flow)
    REQUESTED -> PLACED (EXPORT, which has none, either)
"""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """The last thing that is known to have happened to a job (or, in -ING, may have)."""

    REQUESTED = "requested"
    PREPARED = "prepared"
    SUBMITTING = "submitting"
    CREATED = "created"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    STARTING = "starting"
    ADOPTED = "adopted"
    STARTED = "started"
    COMPLETED = "completed"
    DOWNLOADED = "downloaded"
    READY = "ready"
    PLACED = "placed"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset({Step.READY, Step.PLACED, Step.FAILED, Step.CANCELLED})
"""Steps after which the engine has nothing left to do."""

UNSENT = frozenset({Step.REQUESTED, Step.PREPARED})
"""Steps before anything has left this computer."""
