# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the store of a command, which another process may hold at that moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from ..jobs import LedgerBusy
from ..jobs.store import JobStore
from .exit_codes import INTERRUPTED, Stopped, problem_text
from .job_directory import JobDirectory

POLL_SECONDS = 0.1
"""Seconds between two checks of the jobs under way, or of a store that another process holds."""

T = TypeVar("T")


def open_store(directory: JobDirectory) -> JobStore:
    """Open the store in a job directory. Raises LedgerError."""
    return JobStore(directory.store_path, shared=directory.shared)


@contextmanager
def closing_on_error(store: JobStore) -> Generator[JobStore]:
    """Yield the store, and close it if the block fails."""
    try:
        yield store
    except BaseException:
        store.close()
        raise


def retry_while_busy(
    use: Callable[[], T], patience: float, interrupted: threading.Event, show_message: Callable[[str], None]
) -> T:
    """Call `use`, which needs a store, until no other process holds the store, and return its result.

    patience: after how many seconds to give up. show_message: receives why the command waits. Raises
    LedgerError, and Stopped if `interrupted` is set.
    """
    end = time.monotonic() + patience
    is_reported = False
    while True:
        try:
            return use()
        except LedgerBusy as error:
            if time.monotonic() > end:
                raise
            if not is_reported:
                show_message(problem_text(error.problem))
            is_reported = True
        if interrupted.wait(POLL_SECONDS):
            raise Stopped(INTERRUPTED, "Interrupted.")
