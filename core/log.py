# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: what the add-on did, for whoever looks for a fault.

Each step of a job, each call (method, path, status, seconds), each lease and each background Blender is in
it; never the key, a prompt, a name that users gave, or the body of a call. It is one file, which is replaced
when it has grown large, with the one before beside it. Writing takes place in a thread, so that nobody waits.
"""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Sequence
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path

LOGGER = logging.getLogger("generio_flows")
LOGGER.propagate = False  # what Blender or a script does with the root logger is not about this
LOGGER.addHandler(logging.NullHandler())  # without a log, as on the command line, nothing is printed instead

FILE = "generio.log"
LARGEST = 1_000_000
"""Bytes, after which a file is put aside and a new one begun."""

FORMAT = "%(asctime)s %(levelname)s %(message)s"


class Log:
    """Writes the records of LOGGER into FILE in `folder`, and from `level` on to the terminal.

    level: a name of `logging`, such as "WARNING". Raises nothing: a log is nice to have.
    """

    def __init__(self, folder: Path, level: str = "WARNING") -> None:
        self.path = folder / FILE
        self._console = logging.StreamHandler()
        file = RotatingFileHandler(
            self.path, maxBytes=LARGEST, backupCount=1, encoding="utf-8", delay=True, errors="replace"
        )
        for handler in (file, self._console):
            handler.setFormatter(logging.Formatter(FORMAT))
        records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._handler = QueueHandler(records)  # type: ignore[arg-type] - any queue has put_nowait and get
        self._file = file
        self._listener = QueueListener(records, file, self._console, respect_handler_level=True)  # type: ignore[arg-type]
        self.set_level(level)
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.addHandler(self._handler)
        self._listener.start()

    def set_level(self, level: str) -> None:
        """From which level on the terminal has it, too."""
        self._console.setLevel(level)

    def tail(self, lines: int = 200) -> Sequence[str]:
        """The last lines of the file, oldest first; none where it cannot be read."""
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                return [*deque((line.rstrip("\n") for line in file), maxlen=lines)]
        except OSError:
            return []

    def close(self) -> None:
        """Write what is left, and write no more; to close it again does nothing."""
        if self._handler in LOGGER.handlers:
            LOGGER.removeHandler(self._handler)
            self._listener.stop()
            self._file.close()
