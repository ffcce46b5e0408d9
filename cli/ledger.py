# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of a command, which other processes may hold just now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from ..jobs import LedgerBusy
from ..jobs.store import JobStore
from .exit_codes import INTERRUPTED, Stopped, words_of
from .job_directory import Home

GLANCE = 0.1
"""Seconds between two looks at the jobs under way, or at a store that somebody holds."""

T = TypeVar("T")


def opened(home: Home) -> JobStore:
    """The ledger of a home. Raises LedgerError."""
    return JobStore(home.ledger, shared=home.shared)


@contextmanager
def closing_on_error(ledger: JobStore) -> Generator[JobStore]:
    """The ledger, closed where what is done with it fails."""
    try:
        yield ledger
    except BaseException:
        ledger.close()
        raise


def patiently(
    use: Callable[[], T], patience: float, interrupted: threading.Event, say: Callable[[str], None]
) -> T:
    """What `use` gives that needs a ledger, as soon as nobody else holds that, within `patience` seconds.

    say: is told why it waits. Raises LedgerError, and Stopped where `interrupted` is set.
    """
    end = time.monotonic() + patience
    told = False
    while True:
        try:
            return use()
        except LedgerBusy as error:
            if time.monotonic() > end:
                raise
            if not told:
                say(words_of(error.problem))
            told = True
        if interrupted.wait(GLANCE):
            raise Stopped(INTERRUPTED, "Interrupted.")
