# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of one job, each a function: make the file, create, upload, start, ask, download, convert."""

from .failure import decide_after_error
from .run import NOTHING_NEW
from .runner import advance
from .submit import CLIENT_NAME, prepared
from .turn import Outcome, Turn

__all__ = [
    "CLIENT_NAME",
    "NOTHING_NEW",
    "Outcome",
    "Turn",
    "advance",
    "decide_after_error",
    "prepared",
]
