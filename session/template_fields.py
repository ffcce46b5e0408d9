# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a template that this version does not know: rows with a value of each type.

Blender has no way to make properties at run time that a panel can show with its own choices and checks, but
for custom properties, which it would save in the .blend. So each parameter is a row of one class, and uses
the one of its properties that its kind needs.
"""

import json
import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import bpy

from ..api import BadParameter
from ..api.form_fields import Field, shown
from ..api.forms import TemplateForm
from ..core.text import tidy

LARGEST = 2**31 - 1
"""Of the whole numbers that a property can have."""

NO_CHOICE = "NONE"
"""The identifier of "nothing is chosen", where the service has its own default."""

LONGEST_CHOICE = 60
"""Characters of a choice that are shown."""

MOST_MEMORIZED = 256


@lru_cache(maxsize=MOST_MEMORIZED)
def _items(choices: str) -> tuple[tuple[str, str, str], ...]:
    """The items of a row's choices. Blender keeps no strings of its own, so they are kept here."""
    return (
        (NO_CHOICE, "Service's Default", "Let the service choose"),
        *(
            (f"CHOICE_{number}", tidy(text, LONGEST_CHOICE), "")
            for number, text in enumerate(json.loads(choices or "[]"))
        ),
    )


def _items_of(row: Any, _context: bpy.types.Context | None) -> Any:
    return _items(row.choices)


class GenerioField(bpy.types.PropertyGroup):
    """A parameter of the chosen template; `name` is its own."""

    if TYPE_CHECKING:
        choices: str
        text: str
        integer: int
        number: float
        boolean: bool
        choice: str
    else:
        choices: bpy.props.StringProperty()
        text: bpy.props.StringProperty(name="Value", description="What is sent")
        integer: bpy.props.IntProperty(name="Value", description="What is sent")
        number: bpy.props.FloatProperty(name="Value", description="What is sent", precision=3)
        boolean: bpy.props.BoolProperty(name="Value", description="What is sent")
        choice: bpy.props.EnumProperty(name="Value", description="What is sent", items=_items_of)


@lru_cache(maxsize=8)
def form_of(text: str) -> TemplateForm:
    """The form that a row of the panel has as text."""
    return TemplateForm.from_data(json.loads(text))


def chosen_form(panel: Any) -> TemplateForm | None:
    """The form of the template that is chosen in the panel, if one is."""
    if 0 <= panel.active_template < len(panel.templates):
        return form_of(panel.templates[panel.active_template].form)
    return None


def property_for(field: Field) -> str:
    """Which of a row's properties a parameter uses.

    A number without a default is a text, since it may be left out.
    """
    match field.kind:
        case "enum":
            return "choice"
        case "boolean":
            return "choice" if field.default is None else "boolean"
        case "integer" if field.default is not None and abs(field.default) <= LARGEST:
            return "integer"
        case "number" if field.default is not None:
            return "number"
        case _:
            return "text"


def make_rows(rows: Any, form: TemplateForm) -> None:
    """Let the panel have the fields of a form, with the service's defaults."""
    rows.clear()
    for field in form.fields:
        row = rows.add()
        row.name = field.name
        if property_for(field) == "choice":
            choices = [shown(choice) for choice in _choices(field)]
            row.choices = json.dumps(choices)
        if field.default is not None:
            _put(row, field, field.default)


def fill_rows(rows: Any, form: TemplateForm, sent: Mapping[str, Any]) -> None:
    """Let the fields have what was sent of a job; what was not is the service's choice again."""
    make_rows(rows, form)
    for row, field in zip(rows, form.fields, strict=True):
        with suppress(KeyError, BadParameter):
            _put(row, field, field.read(sent[field.name]))


def entered(rows: Any, form: TemplateForm) -> dict[str, object]:
    """What the user has entered, and what is needed; all else is left to the service."""
    given: dict[str, object] = {}
    for row, field in zip(rows, form.fields, strict=False):
        if row.name != field.name:  # the rows of another form
            return {}
        value = _get(row, field)
        is_default = field.default is not None and value == _as_stored(field, field.default)
        if value is not None and (field.is_required or not is_default):
            given[field.name] = field.default if is_default else value
    return given


def _choices(field: Field) -> tuple[Any, ...]:
    return (True, False) if field.kind == "boolean" else field.choices


def _put(row: Any, field: Field, value: Any) -> None:
    name = property_for(field)
    if name == "choice":
        texts = [shown(choice) for choice in _choices(field)]
        row.choice = f"CHOICE_{texts.index(shown(value))}"
    elif name == "text":
        row.text = value if field.kind == "text" else json.dumps(value, ensure_ascii=False)
    else:
        setattr(row, name, max(-LARGEST, min(LARGEST, value)) if name == "integer" else value)


def _get(row: Any, field: Field) -> object:
    """What a row has, None where that is nothing."""
    name = property_for(field)
    if name == "choice":
        number = row.choice.removeprefix("CHOICE_")
        return _choices(field)[int(number)] if number.isdecimal() else None
    if name == "text":
        is_empty = not row.text.strip() and (field.kind != "text" or field.default is None)
        return None if is_empty else row.text
    if name == "number":
        return float(f"{row.number:.7g}")  # what was typed, and not the nearest of 32 bits
    return getattr(row, name)


def _as_stored(field: Field, value: Any) -> object:
    """A default as `_get` gives it."""
    match property_for(field):
        case "number":
            (stored,) = struct.unpack("f", struct.pack("f", value))
            return float(f"{stored:.7g}")
        case "text":
            return value if field.kind == "text" else json.dumps(value, ensure_ascii=False)
        case _:
            return value
