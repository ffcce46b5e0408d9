# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a job, from the request to the finished file. Knows no bpy and nothing of scenes."""

from .chain import THEN_OPTIMIZE, followup_failed, followup_jobs, followup_tokens, has_followup, with_followup
from .engine import Engine
from .errors import NoConverter
from .input_copy import input_copy_path
from .model import Delivered, Job, Problem, Result, State, Step
from .settings import Settings
from .store import AlreadyThere, JobStore, LedgerBusy, LedgerError

__all__ = [
    "THEN_OPTIMIZE",
    "AlreadyThere",
    "Delivered",
    "Engine",
    "Job",
    "JobStore",
    "LedgerBusy",
    "LedgerError",
    "NoConverter",
    "Problem",
    "Result",
    "Settings",
    "State",
    "Step",
    "followup_failed",
    "followup_jobs",
    "followup_tokens",
    "has_followup",
    "input_copy_path",
    "with_followup",
]
