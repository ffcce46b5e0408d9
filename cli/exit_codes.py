# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command ends: its exit code, and which problem has which."""

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
"""Exit codes. NOT_AS_ASKED: all is there, and some of it is over a limit, or far from what was asked.

That of what is only not finished yet is EX_TEMPFAIL of the C header sysexits.h: try again.
"""

FOR_THE_USER = {
    "missing_key": KEY,
    "malformed_key": KEY,
    "key_refused": KEY,
    "payment_required": SOME_FAILED,
    "offline": NETWORK,
    "certificate_error": NETWORK,
    "unsafe_address": USAGE,
    "other_service": USAGE,
}
"""Problems that would stop every other job as well, and the exit code that says so."""

OF_THE_INPUT = frozenset(
    kind.code
    for kind in (
        *(AmbiguousPrompt, EmptyPrompt, GarbledPrompt, TooLarge),
        *(UnreadableFile, UnsupportedFile, UnusableModel),
    )
)
"""Problems that trying again does not mend, but another input."""


class Stopped(Exception):
    """Nothing more can be done; `code` is the exit code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def words_of(problem: Problem) -> str:
    """What a problem says, in one line."""
    return f"{problem.message} {problem.fix}".strip()


def code_of(problem: Problem | None) -> int:
    """The exit code where a problem did not go away."""
    if problem is None:
        return UNFINISHED
    return SOME_FAILED if problem.code == "ledger" else NETWORK
