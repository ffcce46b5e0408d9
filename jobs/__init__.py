# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a job, from the request to the finished file. Knows no bpy and nothing of scenes."""

from .chosen import kept_picture
from .engine import Engine
from .errors import NoConverter
from .follow import THEN, follower_tokens, followers, is_first, is_in_vain, with_follower
from .model import Delivered, Job, Problem, Result, State, Step
from .settings import Settings
from .store import AlreadyThere, JobStore, LedgerBusy, LedgerError

__all__ = [
    "THEN",
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
    "follower_tokens",
    "followers",
    "is_first",
    "is_in_vain",
    "kept_picture",
    "with_follower",
]
