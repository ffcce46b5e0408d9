# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that asks the service for a list, and what went wrong when it was asked last."""

from __future__ import annotations

from typing import Any

from ..i18n import translated
from ..session.service_list import ServiceList
from .widgets import fix_button, wrapped


def refresh_button(layout: Any, width: int, known: ServiceList, operator: str) -> None:
    """Draw the button of `operator`, which asks for the list `known`. width: of the region, in pixels."""
    if known.is_waiting:
        layout.operator(operator, text="Asking the Service", icon="FILE_REFRESH")
    else:
        layout.operator(operator, icon="FILE_REFRESH")
    if known.problem is not None:
        wrapped(layout, translated(known.problem.message), width, "ERROR")
        wrapped(layout, translated(known.problem.fix), width, "BLANK1")
        fix_button(layout, known.problem.remedy)
