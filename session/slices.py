# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that takes long, done in slices between which the window is drawn."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

import bpy

SLICE_SECONDS = 0.002
"""Of each tick."""

Work = Iterator[None]
"""Yields whenever the window may be drawn."""


class Slices:
    """What is to be done, one thing after the other."""

    def __init__(self) -> None:
        self._work: deque[tuple[Work, Callable[[Exception | None], None]]] = deque()
        self._is_running = False  # a slice is being done, which may add more

    def add(self, work: Work, done: Callable[[Exception | None], None] = lambda _error: None) -> None:
        """Have something done; `done` is called then, with what it raised. Without a window that is now."""
        self._work.append((work, done))
        if bpy.app.background and not self._is_running:
            while self._work:
                self.run()

    def is_busy(self) -> bool:
        """Whether there is something to do."""
        return bool(self._work)

    def run(self) -> None:
        """Do some of it."""
        end = time.perf_counter() + SLICE_SECONDS
        self._is_running = True
        try:
            while self._work and time.perf_counter() < end:
                self._step()
        finally:
            self._is_running = False

    def _step(self) -> None:
        work, done = self._work[0]
        try:
            next(work)
        except StopIteration:
            self._work.popleft()
            done(None)
        except Exception as error:  # whoever wanted it says what that means
            self._work.popleft()
            done(error)
