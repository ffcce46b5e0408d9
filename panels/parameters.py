# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of the templates' parameters, in a panel or a dialog."""

from __future__ import annotations

from typing import Any

from ..api.parameters import EnumParameter, Parameter
from ..i18n import translated
from ..session.parameter_properties import switch_of
from .widgets import NAME_SHARE, values

MOST_BESIDE = 3
"""Values of an enum that fit beside each other."""


def draw_parameter(column: Any, owner: Any, parameter: Parameter, width: int) -> None:
    """The field of a parameter in a column.

    owner: the panel's properties, or an operator. width: of the region or the dialog, pixels.
    """
    switch = switch_of(parameter)
    if switch:
        _draw_number(column, owner, parameter, switch)
    elif isinstance(parameter, EnumParameter) and len(parameter.values) <= MOST_BESIDE:
        values(column, owner, parameter.name, width)
    else:
        column.prop(owner, parameter.name)


def _draw_number(column: Any, owner: Any, parameter: Parameter, switch: str) -> None:
    """A number, and beside it the switch by which the service draws one, where the number is grey."""
    row, is_drawn = column, getattr(owner, switch)
    is_split = column.use_property_split
    if is_split:  # the name by hand: in a row within a row the field would begin further left
        split = column.split(factor=NAME_SHARE)
        split.use_property_split = False
        name = split.row()
        name.alignment = "RIGHT"
        name.active = not is_drawn
        name.label(text=translated(parameter.label), translate=False)
        row = split
    row = row.row(align=True)
    number = row.row(align=True)
    number.active = not is_drawn
    if is_split:
        number.prop(owner, parameter.name, text="")
    else:
        number.prop(owner, parameter.name)
    row.prop(owner, switch, text="", icon="FILE_REFRESH")
