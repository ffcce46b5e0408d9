# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with the job list, for whoever uses it without opening the file."""

from __future__ import annotations

from ..core.disk_errors import DiskTrouble
from ..core.errors import Remedy
from ..core.messages import Message
from ..core.text import plain_reason
from .problem import Problem

FIXES: dict[DiskTrouble, Message] = {
    "full": Message("Free some disk space; jobs continue by themselves."),
    "forbidden": Message("Get write permission for its folder."),
    "too_long": Message("Choose a folder with a shorter path."),
    "other": Message("Check the disk, or close the program that uses the file; jobs continue by themselves."),
}


class LedgerError(Exception):
    """The store cannot be used; the text says why. fix, remedy: what to do about it, see `Problem`."""

    def __init__(
        self, message: Message, fix: Message = FIXES["other"], remedy: Remedy = "open_folder"
    ) -> None:
        super().__init__(message)
        self.problem = Problem("ledger", message, fix, remedy)

    @property
    def fix(self) -> Message:
        """What to do about it, for people."""
        return self.problem.fix


class LedgerBusy(LedgerError):
    """Another process has held the file for longer than there was patience."""


class AlreadyThere(LedgerError):
    """A job with this token is in the store, perhaps since a moment ago and from another process."""


class EngineDied(LedgerError):
    """The process that has the job list does not answer, or cannot be started."""

    def __init__(self, reason: Message | str = "") -> None:
        why = Message("The process that runs the jobs does not respond.")
        if reason:
            why = Message("The process that runs the jobs cannot be started: {reason}", reason=reason)
        super().__init__(why, Message("Restart Blender. Your jobs go on where they are."), "restart")

    @classmethod
    def because(cls, error: OSError) -> EngineDied:
        """The error where the system does not start it."""
        return cls(plain_reason(error))
