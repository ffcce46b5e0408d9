# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks for jobs, and where reports about them go."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ...core.messages import Message

Level = Literal["INFO", "WARNING"]
"""How serious a report is, in the words of Blender's own reports."""


@dataclass(frozen=True)
class Requester:
    """Who asks.

    report: takes a message that the user should see and that stops nothing. by_hand: whether a user has
    clicked, who is kept from asking twice for the same. token: gives the token of each job.
    """

    report: Callable[[Level, Message], object]
    by_hand: bool = False
    token: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)
