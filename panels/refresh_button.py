# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that asks the service for a list, and what went wrong when it was asked last."""

from __future__ import annotations

from typing import Any

from ..core.messages import Message
from ..i18n import translated
from ..session.service_list import ServiceList
from .widgets import BUTTON, ICON, first_that_fits, fix_button, room_in, wrapped


def refresh_button(layout: Any, width: int, known: ServiceList, operator: str, text: Message) -> None:
    """Draw the button of `operator`, which asks for the list `known`.

    width: of the region, in pixels. text: what the button says, where it has room for that; its icon tells
    enough.
    """
    shown = translated(Message("Asking the Service") if known.is_waiting else text)
    room = room_in(width) - BUTTON - ICON
    layout.operator(operator, text=first_that_fits(room, shown, ""), translate=False, icon="FILE_REFRESH")
    if known.problem is not None:
        wrapped(layout, translated(known.problem.message), width, "ERROR")
        wrapped(layout, translated(known.problem.fix), width, "BLANK1")
        fix_button(layout, known.problem.remedy)
