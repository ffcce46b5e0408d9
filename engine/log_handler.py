# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's side logs goes through the engine, which writes the file."""

from __future__ import annotations

import logging
from collections import deque

from .client import EngineClient

MOST_LINES = 200
"""Lines for the log that are kept until there is an engine to write them."""


class LogHandler(logging.Handler):
    """Has the engine write what Blender's side logs; until there is one, the last lines are kept."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[tuple[int, str]] = deque(maxlen=MOST_LINES)
        self._client: EngineClient | None = None

    def use(self, client: EngineClient | None) -> None:
        """Write through this client from now on."""
        self._client = client
        while client is not None and self._lines:
            self._put(client, *self._lines.popleft())

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record on."""
        line = (record.levelno, self.format(record))
        if self._client is None:
            self._lines.append(line)
        else:
            self._put(self._client, *line)

    def _put(self, client: EngineClient, level: int, text: str) -> None:
        client.ask("log", level=level, text=text)
