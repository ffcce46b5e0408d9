# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of the engine: it has threads of its own, which end when the engine does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Part:
    """What starts, stops and is waited for like every other part.

    closing: is set when the engine ends; what a part waits for, it waits for on this event.
    """

    def __init__(self, closing: threading.Event) -> None:
        self.closing = closing
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; parts that only work when they are asked to have nothing to do here."""

    def stop(self) -> None:
        """Wake the threads that wait for something else than `closing`; nobody is waited for."""

    def join(self, end: float) -> None:
        """Wait for the threads until `end`, time.monotonic()."""
        for thread in [*self.threads]:
            thread.join(max(0.0, end - time.monotonic()))

    def run(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        """Have `target` done by a thread; it is forgotten when it ends."""

        def work() -> None:
            target(*arguments)
            self.threads.remove(threading.current_thread())

        thread = threading.Thread(target=work, name=f"generio-{name}", daemon=True)
        self.threads.append(thread)
        thread.start()
