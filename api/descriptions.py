# SPDX-License-Identifier: GPL-3.0-or-later
"""How a service describes a parameter of a template, read as a `Field`.

No document says how a template is described (contract, 4.1): the names of the keys below are those of JSON
Schema, of OpenAPI, and of the example there. What cannot be understood is asked for as JSON. All of it is
untrusted: texts are tidied, and there is a limit to everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, cast

from ..core.errors import BadParameter
from ..core.text import scalar_text, tidy
from .form_fields import Field, Kind, as_number, shown
from .models import as_object

InputKind = Literal["TEXT", "IMAGE", "MODEL"]

MOST_CHOICES = 200
LONGEST_NAME = 80
"""Characters of a parameter's name; with a longer one, or with one that cannot be read, it is left out."""

LONGEST_HELP = 300
LONGEST_DEFAULT = 2000

_KINDS: dict[str, Kind | InputKind] = {
    **dict.fromkeys(("string", "str", "text"), "text"),
    **dict.fromkeys(("integer", "int", "long"), "integer"),
    **dict.fromkeys(("number", "float", "double", "decimal"), "number"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("enum", "choice", "select"), "enum"),
    **dict.fromkeys(("array", "list", "object", "dict"), "json"),
    **dict.fromkeys(("image", "picture"), "IMAGE"),
    **dict.fromkeys(("model", "mesh", "glb"), "MODEL"),
}
FILES = ("IMAGE", "MODEL")

_INPUTS: Sequence[tuple[InputKind, tuple[str, ...]]] = (
    ("TEXT", ("text", "prompt")),
    ("IMAGE", ("image",)),
    ("MODEL", ("model", "glb")),
)
"""What the types of inputs begin with; all pictures and GLB models are sent as the same few types."""

_HELP, _TITLE = ("description", "help"), ("title", "label")
_CHOICES = ("enum", "values", "options", "choices", "allowed_values")
_LEAST, _MOST = (
    ("minimum", "min", "ge", "minLength", "min_length"),
    (
        "maximum",
        "max",
        "le",
        "maxLength",
        "max_length",
    ),
)
_MEDIA = ("contentMediaType", "media_type", "mime_type")
_EITHER = ("anyOf", "oneOf", "allOf")


def field_of(name: str, kind: Kind, description: dict[str, Any], is_required: bool) -> Field:
    """The parameter `name`, which is of `kind`, by its description; see `plain_description`."""
    choices = tuple(_choices_of(description))
    help_ = scalar_text(_first(description, _HELP)) or ""
    title = scalar_text(_first(description, _TITLE)) or name
    least, most = _limit(description, _LEAST, kind), _limit(description, _MOST, kind)
    if kind == "integer":
        least = _beyond(description, "exclusiveMinimum", 1, least)
        most = _beyond(description, "exclusiveMaximum", -1, most)
    if least is not None and most is not None and least > most:
        least = most = None
    field = Field(
        name=name,
        kind=kind,
        label=tidy(title, LONGEST_NAME),
        help=tidy(help_, LONGEST_HELP),
        is_required=is_required,
        choices=choices,
        least=least,
        most=most,
    )
    default = description.get("default")
    if default is None or not _is_text(shown(default)):
        return field
    try:
        typed = default if kind == "json" else field.read(default)
    except BadParameter:  # it contradicts the rest, and is the service's business
        return field
    return replace(field, default=typed)


def plain_description(raw: object, depth: int = 3) -> dict[str, Any]:
    """The description of a parameter as one object, of whatever says it."""
    if isinstance(raw, str) and raw.lower() in _KINDS:
        return {"type": raw}
    if not isinstance(raw, dict):
        return {} if raw is None else {"default": raw}
    entry = cast(dict[str, Any], raw)
    for key in _EITHER:
        parts = entry.get(key)
        if isinstance(parts, list) and depth:
            real = [
                part
                for part in (plain_description(part, depth - 1) for part in cast(list[object], parts)[:8])
                if part.get("type") != "null"
            ]
            if len(real) == 1:  # of a value that may be null, say
                return {**real[0], **{name: value for name, value in entry.items() if name != key}}
    return entry


def kind_of(description: dict[str, Any]) -> Kind | InputKind:
    """What a parameter is: a kind of value, or a file that is sent as an input."""
    word = description.get("type")
    if isinstance(word, list):
        words = [each for each in cast(list[object], word)[:8] if each != "null"]
        word = words[0] if len(words) == 1 else None
    media = scalar_text(_first(description, _MEDIA)) or ""
    if kinds := inputs_of((media,) if media else ()):
        return kinds[0] if kinds[0] in FILES else "text"
    if _choices_of(description):
        return "enum"
    if isinstance(word, str):
        known = _KINDS.get(word.lower(), "json")
        if word.lower().startswith(("image/", "model/")):
            known = inputs_of((word.lower(),))[0]
        return "text" if known == "enum" else known
    match description.get("default"):
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "text"
        case _:
            return "json"


def _choices_of(description: dict[str, Any]) -> list[Any]:
    """The values of an enum; none where they are no plain values."""
    found = _first(description, _CHOICES)
    if not isinstance(found, list):
        return []
    values = [
        as_object(cast(object, value)).get("value", value) for value in cast(list[Any], found)[:MOST_CHOICES]
    ]
    plain = [value for value in values if isinstance(value, str | int | float) and len(shown(value)) <= 200]
    return list({shown(value): value for value in plain}.values())


def inputs_of(types: Sequence[str]) -> tuple[InputKind, ...]:
    """What is sent as inputs of these MIME types, or words for them."""
    words = [word.lower() for word in types]
    return tuple(kind for kind, starts in _INPUTS if any(word.startswith(starts) for word in words))


def _first(description: dict[str, Any], keys: Sequence[str]) -> Any:
    return next((description[key] for key in keys if description.get(key) is not None), None)


def _limit(description: dict[str, Any], keys: Sequence[str], kind: Kind) -> float | None:
    if kind not in ("integer", "number", "text"):
        return None
    wanted = [key for key in keys if ("ength" in key) == (kind == "text")]
    value = _first(description, wanted)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return as_number(str(value), "number" if isinstance(value, float) else "integer") if is_number else None


def _beyond(description: dict[str, Any], key: str, step: int, present: float | None) -> float | None:
    """A limit that is not allowed itself, of whole numbers."""
    value = description.get(key)
    return value + step if isinstance(value, int) and not isinstance(value, bool) else present


def _is_text(text: str) -> bool:
    """Whether a field can hold a text."""
    return len(text) <= LONGEST_DEFAULT and all(char.isprintable() or char in "\n\t" for char in text)


def is_readable(name: str) -> bool:
    """Whether the name of a parameter can be shown."""
    return bool(name.strip()) and name.isprintable() and len(name) <= LONGEST_NAME
