# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ctrl-C, Ctrl-Break, and the SIGTERM of a cluster do to a command."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGBREAK) if sys.platform == "win32" else (signal.SIGINT,)
"""The signals of Ctrl-C and Ctrl-Break."""


@contextmanager
def ending_on_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end every command, even one that a script started in the background, ignoring it.

    Ctrl-Break does the same on Windows, where it would otherwise kill the process.
    """
    defaults = (signal.SIG_IGN, signal.SIG_DFL)
    before = {
        number: handler for number in INTERRUPT_SIGNALS if (handler := signal.getsignal(number)) in defaults
    }
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, or SIGTERM from a cluster, sets instead of ending the process.

    A second signal interrupts whatever the process waits for.
    """
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    numbers = (*INTERRUPT_SIGNALS, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield interrupted
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
