# SPDX-License-Identifier: GPL-3.0-or-later
"""A list in a panel that is closed until the user opens it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.messages import Message
from ..i18n import translated
from .widgets import wrapped

MANY = 20
"""Lines of a list that are shown."""


def closed_list(
    layout: Any, name: str, title: Message, lines: Sequence[Message], width: int, icon: str = "NONE"
) -> Any:
    """A line that opens to a list, grey for an empty one; returns where more can be drawn, None if closed."""
    header, body = layout.panel(name, default_closed=True)
    header.active = bool(lines)
    header.label(text=translated(title), translate=False, icon=icon)
    if body is not None:
        column = body.column(align=True)
        for line in lines[:MANY]:
            wrapped(column, translated(line), width)
        if len(lines) > MANY:
            column.label(
                text=translated(Message("and {count:,} more", count=len(lines) - MANY)), translate=False
            )
    return body
