# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of one job, each a function: make the file, create, upload, start, ask, download, convert."""

from .failure import decide_after_error
from .files import RESULT_PREFIX, input_path, kept_name, result_path
from .run import NOTHING_NEW
from .runner import advance
from .submit import CLIENT_NAME, prepared
from .turn import Outcome, Turn

__all__ = [
    "CLIENT_NAME",
    "NOTHING_NEW",
    "RESULT_PREFIX",
    "Outcome",
    "Turn",
    "advance",
    "decide_after_error",
    "input_path",
    "kept_name",
    "prepared",
    "result_path",
]
