# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sees of a job: its state, and how lists show each of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from ..core.messages import Message

Filter = Literal["OPEN", "READY", "OVER", "TROUBLE"]
"""What a job list can be narrowed down to: what goes on, is to be imported, is over, or has a problem."""


class State(StrEnum):
    """What a user sees of a job; how it is called on screen is in `STATES`."""

    QUEUED = "queued"
    PREPARING = "preparing"
    UPLOADING = "uploading"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    READY = "ready"
    DONE = "done"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    WAITING = "waiting"


class Appearance(NamedTuple):
    """How a state is shown.

    label: what it is called. icon: Blender's name of its icon. filters: those that let it through.
    """

    label: Message
    icon: str
    filters: tuple[Filter, ...]


STATES: dict[State, Appearance] = {
    State.QUEUED: Appearance(Message("Queued"), "SORTTIME", ("OPEN",)),
    State.PREPARING: Appearance(Message("Preparing"), "FILE_REFRESH", ("OPEN",)),
    State.UPLOADING: Appearance(Message("Uploading"), "EXPORT", ("OPEN",)),
    State.RUNNING: Appearance(Message("Running"), "PLAY", ("OPEN",)),
    State.DOWNLOADING: Appearance(Message("Downloading"), "IMPORT", ("OPEN",)),
    State.READY: Appearance(Message("Ready"), "CHECKMARK", ("READY",)),
    State.DONE: Appearance(Message("Done"), "CHECKMARK", ("OVER",)),
    State.FAILED: Appearance(Message("Failed"), "ERROR", ("TROUBLE",)),
    State.CANCELLING: Appearance(Message("Canceling"), "CANCEL", ("OPEN",)),
    State.CANCELLED: Appearance(Message("Canceled"), "CANCEL", ("OVER",)),
    State.WAITING: Appearance(Message("Waiting"), "PAUSE", ("OPEN", "TROUBLE")),
}
