# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks for jobs, and how he is told about them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ...core.messages import Message

Level = Literal["INFO", "WARNING"]
"""How much is to be made of what is told, as Blender's reports name it."""


@dataclass(frozen=True)
class Requester:
    """Who asks.

    tell: takes what there is to know that stops nothing. by_hand: whether a user has clicked, who is kept
    from asking twice for the same. token: gives the token of each job.
    """

    report: Callable[[Level, Message], object]
    by_hand: bool = False
    token: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)
