# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen for a request: by an operator's properties or a script's arguments, and in the panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from ...api import BadParameter
from ...api.parameters import PARAMETERS, POLYGON_COUNT, parameters_of, read_boolean, read_choice, read_number
from ...core.messages import Message
from ...scene.export.selection import BUDGET, COUNT, PERCENT, Target
from ..options import AS_NEEDED, carried
from ..parameter_properties import names_of, touched
from ..properties import GenerioProperties, properties

PERCENT_NAME = "percent"
"""The property with the share of its triangles that a mesh keeps."""


class Choice:
    """The options of a request, as attributes named like the panel's properties.

    An option is as the caller gives it, or else as it is in the panel.
    """

    def __init__(self, given: Mapping[str, Any], panel: GenerioProperties) -> None:
        """given: values by the names of properties, as Blender has them, or as the API does."""
        self._given = given
        self._panel = panel

    @classmethod
    def of_operator(cls, operator: Any, context: bpy.types.Context) -> Choice:
        """What an operator was given; its other properties have defaults that nobody chose."""
        own = operator.properties
        names = [name for name in own.bl_rna.properties.keys() if name != "rna_type"]  # noqa: SIM118
        given = {name: getattr(operator, name) for name in names if own.is_property_set(name)}
        return cls(given, properties(context))

    @classmethod
    def of_script(cls, given: Mapping[str, Any], options: type, context: bpy.types.Context) -> Choice:
        """The choice of a script, with checked values: no Blender property has seen them. None = not given.

        options: the mixin whose properties there are. Raises BadParameter.
        """
        panel = properties(context)
        known = names_of(options)
        values = {
            name: _checked(name, value, known, panel) for name, value in given.items() if value is not None
        }
        return cls(values, panel)

    def __getattr__(self, name: str) -> Any:
        return self._given[name] if name in self._given else getattr(self._panel, name)

    def parameters(self, template: str) -> dict[str, Any]:
        """The parameters to send to a template, by the API's names: those given, or touched in the panel."""
        offered = parameters_of(template)
        given = {
            parameter.name: parameter.read(self._given[parameter.name])
            for parameter in offered
            if parameter.name in self._given
        }
        return touched(self._panel, offered) | given

    @property
    def goal(self) -> Target:
        """The target of optimizing. A number that the caller gives counts, whatever the panel shows."""
        kind = self.target
        if "target" not in self._given and PERCENT_NAME in self._given:
            kind = PERCENT
        elif "target" not in self._given and POLYGON_COUNT.name in self._given and kind == PERCENT:
            kind = BUDGET
        return Target(kind, self.polygon_count, self.percent)

    @property
    def then_goal(self) -> tuple[int | None, float]:
        """How light a new model is to become: a number of triangles, or else a share of its own."""
        kind = self.then_target
        if "then_target" not in self._given and ("then_count" in self._given) != (
            "then_percent" in self._given
        ):
            kind = COUNT if "then_count" in self._given else PERCENT
        return (None, self.then_percent) if kind == PERCENT else (self.then_count, 0.0)

    @property
    def apply(self) -> bool:
        """Whether modifiers are applied."""
        return self.modifier_mode == "APPLY"

    @property
    def texture_side(self) -> int:
        """Pixels that the longest side of a texture may have, see `textures.TextureLimit`."""
        return 0 if self.texture_limit == AS_NEEDED else int(self.texture_limit)

    @property
    def carry(self) -> list[str]:
        """The data that the result gets from the mesh that was sent, of `losses.CARRIED`."""
        return carried(self)


def _checked(name: str, value: object, known: list[str], panel: GenerioProperties) -> Any:
    """The value as the property has it. Raises BadParameter for an unknown option or a wrong value."""
    if name not in known:
        raise BadParameter(
            Message("There is no option {name}; the options are {known}.", name=name, known=", ".join(known))
        )
    for parameter in PARAMETERS:
        if parameter.name == name:
            return parameter.read(value)
    rule: Any = panel.bl_rna.properties[name]
    match rule.type:
        case "ENUM":
            return read_choice(name, value, rule.enum_items.keys())
        case "BOOLEAN":
            return read_boolean(name, value)
        case "INT":
            return read_number(name, value, int, rule.hard_min, rule.hard_max)
        case _:
            least, most = (round(limit, 6) for limit in (rule.hard_min, rule.hard_max))  # of 32 bits
            return read_number(name, value, float, least, most)
