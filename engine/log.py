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
    """A log that continues in a file that is too large, if the file cannot be renamed.

    Windows renames no file into which another Blender writes. Python's own handler would then delete the file
    of the rotation before, and lose each record.
    """

    def doRollover(self) -> None:  # noqa: N802 - a method of Python's
        """Rename the file to the one of the rotation before; the next record begins a new file."""
        if self.stream:
            self.stream.close()
            self.stream = None  # type: ignore[assignment] - as Python itself does
        with suppress(OSError):
            os.replace(self.baseFilename, f"{self.baseFilename}.1")  # noqa: PTH105 - a plain path is enough


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
