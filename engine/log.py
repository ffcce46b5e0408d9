# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the log: one file, which is replaced when it has grown large, with the one before beside it."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ..core.log import FILE, LOGGER

LARGEST = 1_000_000
"""Bytes, after which a file is put aside and a new one begun."""

FORMAT = "%(asctime)s %(levelname)s %(message)s"


class _File(RotatingFileHandler):
    """A log that goes on in the same file where that cannot be put aside.

    On Windows it cannot as long as another Blender writes into it. Python's own would delete the one before,
    and then lose each record.
    """

    def doRollover(self) -> None:  # noqa: N802 - a method of Python's
        """Put the file aside; a new one is begun with the next record."""
        if self.stream:
            self.stream.close()
            self.stream = None  # type: ignore[assignment] - which is what Python does itself
        with suppress(OSError):
            os.replace(self.baseFilename, f"{self.baseFilename}.1")  # noqa: PTH105 - it may be called often


class Log:
    """Writes the records of LOGGER into FILE in `folder`, and from `level` on to the terminal.

    level: a name of `logging`, such as "WARNING". Raises nothing: a log is nice to have.
    """

    def __init__(self, folder: Path, level: str) -> None:
        self._console = logging.StreamHandler()
        file = _File(folder / FILE, maxBytes=LARGEST, encoding="utf-8", delay=True, errors="replace")
        self._handlers: tuple[logging.Handler, ...] = (file, self._console)
        for handler in self._handlers:
            handler.setFormatter(logging.Formatter(FORMAT))
            LOGGER.addHandler(handler)
        self.set_level(level)

    def set_level(self, level: str) -> None:
        """From which level on the terminal has it, too."""
        self._console.setLevel(level)

    def close(self) -> None:
        """Write no more; to close it again does nothing."""
        for handler in self._handlers:
            LOGGER.removeHandler(handler)
            handler.close()
