# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns: of those who have to do with the same files, one at a time. Knows no bpy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from ..core.errors import Cancelled

_turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_turns_lock = threading.Lock()


@contextmanager
def alone_with(name: str, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Wait until nobody else of this process has this turn, and have it. Raises Cancelled."""
    turn = _turn(name)
    while not turn.acquire(timeout=0.05):
        if cancelled():
            raise Cancelled
    try:
        yield
    finally:
        turn.release()


def in_thread(name: str, work: Callable[[], None]) -> None:
    """Have this turn, which must be free, and do the work in a thread; returns at once."""
    turn = _turn(name)
    if not turn.acquire(blocking=False):
        raise RuntimeError(f"somebody else has the turn {name}")

    def run() -> None:
        try:
            work()
        finally:
            turn.release()

    threading.Thread(target=run, name=f"generio-{name}", daemon=True).start()


def _turn(name: str) -> threading.Lock:
    with _turns_lock:
        return _turns.setdefault(name, threading.Lock())
