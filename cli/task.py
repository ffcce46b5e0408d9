# SPDX-License-Identifier: GPL-3.0-or-later
"""One item that a batch works on, and what the batch remembers of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..jobs import Job
from .job_runner import JobRunner


@dataclass
class Task:
    """An item under way, from its job until its files are written."""

    name: str
    """What events call the item."""

    start: Callable[[JobRunner], str]
    """Makes sure that the engine has the item's job, and returns the job's token.

    Raises FlowsError, and LedgerError when the call has to be repeated.
    """

    source: str = ""
    """The file that the item is made from; empty if it is made from a prompt."""

    allow_rerun: bool = False
    """Whether the user accepts that the flow may run, and cost, a second time."""

    token: str = ""
    """The token of the current job; empty before the job is started."""

    job_at_start: Job | None = None
    """The current job as it was when this command started or resumed it."""

    is_refetched: bool = False
    """Whether the results of the current job were already downloaded a second time."""

    last_reported: tuple[object, ...] = ()
    """What the last event said."""

    last_progress: tuple[object, ...] = ()
    """How far the job was when the batch last checked it."""
