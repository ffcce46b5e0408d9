# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender wants to know of the templates' parameters, made of their one description.

Blender reads the properties of a class from its annotations. It is not to remember them for the next time
(SKIP_SAVE): it would show values that are not sent, as only what was chosen is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from inspect import get_annotations
from typing import Any

import bpy

from ..api import BadParameter
from ..api.parameters import POLYGON_COUNT, BooleanParameter, EnumParameter, IntegerParameter, Parameter


def property_of(parameter: Parameter, **changes: Any) -> Any:
    """The property of one parameter. changes: what is said of it otherwise, as `bpy.props` calls that."""
    options: dict[str, Any] = {
        "name": parameter.label,
        "description": parameter.help,
        "default": parameter.default,
        "options": {"SKIP_SAVE"},
    }
    match parameter:
        case EnumParameter():
            options["items"] = [(value.identifier, value.label, value.help) for value in parameter.values]
            options["default"] = parameter.default.upper()
            kind = bpy.props.EnumProperty
        case BooleanParameter():
            kind = bpy.props.BoolProperty
        case IntegerParameter():
            options |= {"min": parameter.least, "max": parameter.most, "soft_min": parameter.soft_least}
            kind = bpy.props.IntProperty
        case _:
            raise TypeError(parameter)
    options |= changes
    return kind(**options)


def properties_of(parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The annotations of a class whose properties are these parameters, as operators have them."""
    return {parameter.name: property_of(parameter) for parameter in parameters}


def panel_properties_of(parameters: Iterable[Parameter]) -> dict[str, Any]:
    """Those of the panel, where a switch says that the service draws a number."""
    made: dict[str, Any] = {}
    for parameter in parameters:
        if isinstance(parameter, IntegerParameter) and (drawn := parameter.drawn):
            made[switch_of(parameter)] = bpy.props.BoolProperty(
                name=drawn.label, description=drawn.help, default=True, options={"SKIP_SAVE"}
            )
            least = drawn.value + 1
            made[parameter.name] = property_of(parameter, min=least, soft_min=least, default=least)
        else:
            made[parameter.name] = property_of(parameter)
    return made


def switch_of(parameter: Parameter) -> str:
    """The panel's property that says whether the service draws the number, or "" where it does not."""
    return f"random_{parameter.name}" if isinstance(parameter, IntegerParameter) and parameter.drawn else ""


def touched(panel: Any, parameters: Iterable[Parameter]) -> dict[str, Any]:
    """What the user has chosen in the panel, as the API wants it; all else is the service's choice."""
    chosen: dict[str, Any] = {}
    for parameter in parameters:
        switch = switch_of(parameter)
        if not getattr(panel, switch) if switch else panel.is_property_set(parameter.name):
            chosen[parameter.name] = parameter.read(getattr(panel, parameter.name))
    return chosen


def fill_in(panel: Any, parameters: Iterable[Parameter], sent: Mapping[str, Any]) -> None:
    """Let the panel have what was sent; what was not is the service's choice again.

    Other programs may have sent what no property can be, which is left out.
    """
    for parameter in parameters:
        switch = switch_of(parameter)
        if switch:
            setattr(panel, switch, True)
        elif parameter.name != POLYGON_COUNT.name:  # which is never the service's choice
            panel.property_unset(parameter.name)
        with suppress(KeyError, BadParameter):
            given = sent[parameter.name]
            value = parameter.read(given)
            if type(value) is not type(given):  # as the command line may say it, and the service does not
                continue
            if isinstance(parameter, IntegerParameter) and parameter.drawn:
                if value == parameter.drawn.value:
                    continue
                setattr(panel, switch, False)
            setattr(panel, parameter.name, value.upper() if isinstance(value, str) else value)


def names_of(options: type) -> list[str]:
    """The names of the properties that a class and its bases have."""
    return [name for base in reversed(options.__mro__) for name in get_annotations(base)]
