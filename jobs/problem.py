# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a job waits or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..api import FlowsError
from ..core.errors import Remedy
from ..core.messages import EMPTY, Message
from ..core.text import plain_reason

FLOW_OVER = frozenset({"deleted", "aborted", "flow_failed"})
"""Codes of problems after which the flow is known to be over, without a result."""

FLOW_STILL_RUNNING = "goes_on"
"""Code of the problem of a cancelled job whose flow could not be stopped."""


@dataclass(frozen=True)
class Problem:
    """Why a job waits or failed, in messages for people.

    code: stable slug of the error's class; message: what happened; fix: what to do; remedy: slug of the
    button that does it (see `api.errors`), or "".
    """

    code: str
    message: Message
    fix: Message = EMPTY
    remedy: Remedy = ""

    @classmethod
    def of(cls, error: FlowsError) -> Problem:
        """The problem that an error of the tree describes."""
        return cls(error.code, error.message, error.fix, error.remedy)

    @classmethod
    def of_defect(cls, error: Exception) -> Problem:
        """The problem that an error is which should never have come."""
        what = Message(
            "Internal error in GENERIO Flows: {error}: {reason}",
            error=type(error).__name__,
            reason=plain_reason(error),
        )
        return cls("defect", what, Message("Please report this error."), "report")

    def to_data(self) -> dict[str, Any]:
        """The problem as JSON can keep it."""
        return {**vars(self), "message": self.message.to_data(), "fix": self.fix.to_data()}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Problem:
        """The problem that `to_data` wrote, or an earlier version, which stored sentences."""
        message, fix = Message.from_data(data["message"]), Message.from_data(data["fix"])
        return cls(data["code"], message, fix, data["remedy"])
