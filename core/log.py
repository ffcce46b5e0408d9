# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: what the add-on did, for whoever looks for a fault.

Each step of a job, each call (method, path, status, seconds), each lease and each background Blender is in
it; never the key, a prompt, a name that users gave, or the body of a call. The engine process writes it (see
`engine.log`), also what Blender's side has to say.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path

LOGGER = logging.getLogger("generio_flows")
LOGGER.propagate = False  # what Blender or a script does with the root logger is not about this
LOGGER.setLevel(logging.DEBUG)
LOGGER.addHandler(logging.NullHandler())  # without a log, as on the command line, nothing is printed instead

FILE = "generio.log"
"""The log's name in the extension's folder."""


def log_tail(path: Path, lines: int = 200) -> Sequence[str]:
    """The last lines of a log, oldest first; none where it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [*deque((line.rstrip("\n") for line in file), maxlen=lines)]
    except OSError:
        return []
