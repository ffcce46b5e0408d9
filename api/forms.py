# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a template that this version does not know: what the template asks for, of `form_fields`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from ..core.errors import BadParameter
from ..core.messages import EMPTY, Message
from ..core.text import tidy
from .descriptions import FILES, InputKind, field_of, inputs_of, is_readable, kind_of, plain_description
from .form_fields import Field, Kind
from .models import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL, Template

KNOWN = (TEXT_TO_MODEL, IMAGE_TO_MODEL, OPTIMIZE)
"""The templates that this version knows; each has a panel of its own."""

MOST_FIELDS = 64


@dataclass(frozen=True)
class TemplateForm:
    """What a template asks for.

    name: by which a flow is made of it. inputs: what it takes, one of which is sent; all, where it does not
    say. left_out: the names of optional parameters that cannot be asked for. obstacle: why no flow can be
    made of it here, or empty.
    """

    name: str
    description: str = ""
    inputs: tuple[InputKind, ...] = ()
    fields: tuple[Field, ...] = ()
    left_out: tuple[str, ...] = ()
    obstacle: Message = EMPTY

    @classmethod
    def of(cls, template: Template) -> Self:
        """The form of a template that the service describes."""
        files: dict[str, bool] = {}  # names of parameters that are files, and whether they are required
        kinds: list[InputKind] = []
        fields: list[Field] = []
        out: dict[str, bool] = {}
        for name, raw in template.parameters.items():
            description = plain_description(raw)
            is_required = description.get("required") is True
            kind = kind_of(description)
            if kind in FILES:
                files[name] = is_required
                kinds.append(cast(InputKind, kind))
            elif len(fields) == MOST_FIELDS or not is_readable(name):
                out[name] = is_required
            else:
                fields.append(field_of(name, cast(Kind, kind), description, is_required))
        inputs = inputs_of(template.input_types)
        unknown = template.input_types and not inputs
        for (name, is_required), kind in zip(files.items(), kinds, strict=True):
            if not inputs and not unknown:
                inputs = (kind,)  # binary data travel as inputs, whatever calls them a parameter (4.8)
            elif kind not in inputs or kind in kinds[: list(files).index(name)]:
                out[name] = is_required
        obstacle = EMPTY
        needed = [name for name, is_required in out.items() if is_required]
        if unknown:
            types = [tidy(each, 40) for each in template.input_types[:4]]
            obstacle = Message("The template takes {types}, which this version cannot send", types=types)
        elif needed:
            names = [tidy(name, 40) for name in needed[:4]]
            obstacle = Message("The template needs {names}, which this version cannot send", names=names)
        return cls(
            name=template.name,
            description=template.description,
            inputs=inputs or ("TEXT", "IMAGE", "MODEL"),
            fields=tuple(fields),
            left_out=tuple(tidy(name, 40) for name in list(out)[:8]),
            obstacle=obstacle,
        )

    def to_data(self) -> dict[str, Any]:
        """The form as JSON can keep it."""
        fields = [{**vars(field), "choices": [*field.choices]} for field in self.fields]
        return {**vars(self), "fields": fields, "obstacle": self.obstacle.to_data()}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """The form that `to_data` gave."""
        fields: list[Field] = []
        for each in data["fields"]:
            values: dict[str, Any] = {**each, "choices": tuple(each["choices"])}
            fields.append(Field(**values))
        made: dict[str, Any] = {
            **data,
            "inputs": tuple(data["inputs"]),
            "left_out": tuple(data["left_out"]),
            "fields": tuple(fields),
            "obstacle": Message.from_data(data["obstacle"]),
        }
        return cls(**made)

    def read(self, given: Mapping[str, object]) -> dict[str, Any]:
        """The parameters to send, of those that are given by their names; what is left out is the service's.

        Raises BadParameter, also for what is needed and not given.
        """
        known = {field.name: field for field in self.fields}
        for name in given:
            if name not in known:
                raise BadParameter(
                    Message(
                        "There is no option {name}; the options are {known}.",
                        name=tidy(name, 40),
                        known=", ".join(field.label for field in self.fields[:16]),
                    )
                )
        for field in self.fields:
            if field.is_required and field.default is None and field.name not in given:
                raise BadParameter(Message("{name} is required.", name=field.label))
        return {name: known[name].read(value) for name, value in given.items()}
