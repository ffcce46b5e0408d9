# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer: a thread that writes for those who must not wait for a disk, one thing after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from . import limits
from .part import Part
from .problem import Problem
from .registry import JobRegistry
from .store_errors import LedgerError


class Writer(Part):
    """Writes are functions; one that the store does not take is repeated until it does."""

    def __init__(self, registry: JobRegistry, closing: threading.Event) -> None:
        super().__init__(closing)
        self._registry = registry
        self._writes: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin to write."""
        self.run("writer", self._run)

    def stop(self) -> None:
        """End after what there is to write."""
        self._writes.put(None)

    def _run(self) -> None:
        while (write := self._writes.get()) is not None:
            write()

    def write_soon(self, write: Callable[[], object], token: str = "") -> None:
        """Write something when all before it is written; if `token` is named, while there is such a job."""

        def if_there() -> object:
            return write() if not token or self._registry.job(token) is not None else None

        self._writes.put(lambda: self.write_now(if_there, token))

    def write_now(self, write: Callable[[], object], token: str = "") -> None:
        """Write something as soon as the store takes it; until then the job of `token` says why not."""
        shown: Problem | None = None
        while True:
            try:
                write()
                break
            except LedgerError as error:
                shown = self._show_problem(token, shown, error.problem)
                if self.closing.wait(limits.BUSY_DISK_SECONDS):
                    return
        self._show_problem(token, shown, None)

    def _show_problem(self, token: str, before: Problem | None, now: Problem | None) -> Problem | None:
        """Report what holds up a write about a job, in memory only, in place of what was reported `before`.

        Returns what is reported of it by now.
        """
        with self._registry.lock:
            job = self._registry.job(token)
            if job is None or before == now or job.status.problem != before:
                return before  # it has a problem of its own to report
            self._registry.show(token, problem=now)
        return now
