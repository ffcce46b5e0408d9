# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit codes of commands, and which problem leads to which code."""

from __future__ import annotations

from ..api import (
    AmbiguousPrompt,
    EmptyPrompt,
    GarbledPrompt,
    TooLarge,
    UnreadableFile,
    UnsupportedFile,
    UnusableModel,
)
from ..jobs import Problem

SUCCESS, SOME_FAILED, USAGE, KEY, NETWORK, NOT_AS_ASKED, UNFINISHED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 75, 130
"""Exit codes. NOT_AS_ASKED: all results are there, but some are over a limit, or far from what was asked.

UNFINISHED is EX_TEMPFAIL of the C header sysexits.h, which means: try again.
"""

BLOCKING_PROBLEMS = {
    "missing_key": KEY,
    "malformed_key": KEY,
    "key_refused": KEY,
    "payment_required": SOME_FAILED,
    "offline": NETWORK,
    "certificate_error": NETWORK,
    "unsafe_address": USAGE,
    "other_service": USAGE,
}
"""Problems that stop every job, and their exit codes."""

INPUT_PROBLEMS = frozenset(
    kind.code
    for kind in (
        *(AmbiguousPrompt, EmptyPrompt, GarbledPrompt, TooLarge),
        *(UnreadableFile, UnsupportedFile, UnusableModel),
    )
)
"""Codes of problems that need another input; trying again does not help."""


class Stopped(Exception):
    """The command has to stop; `code` is its exit code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def problem_text(problem: Problem) -> str:
    """Return a problem and its fix in one line."""
    return f"{problem.message} {problem.fix}".strip()


def exit_code_of(problem: Problem | None) -> int:
    """Return the exit code of a command that gave up because of a problem; None = without any."""
    if problem is None:
        return UNFINISHED
    return SOME_FAILED if problem.code == "ledger" else NETWORK
