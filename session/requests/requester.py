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
    """Who asks for jobs.

    report: receives messages that the user should see and that stop nothing. by_hand: whether the user has
    clicked; then the same is not asked for twice. token: gives the token of each new job.
    """

    report: Callable[[Level, Message], object]
    by_hand: bool = False
    token: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)
