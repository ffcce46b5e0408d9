# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template asks for that this version does not know, as the service describes it.

No document says how a template is described (contract, 4.1): the names of the keys below are those of JSON
Schema, of OpenAPI, and of the example there. What cannot be understood is asked for as JSON. All of it is
untrusted: texts are tidied, and there is a limit to everything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, cast

from ..core.errors import BadParameter
from ..core.messages import EMPTY, Message
from ..core.text import scalar_text, tidy
from .models import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL, Template, as_object
from .parameters import read_boolean

KNOWN = (TEXT_TO_MODEL, IMAGE_TO_MODEL, OPTIMIZE)
"""The templates that this version knows; each has a panel of its own."""

Kind = Literal["text", "integer", "number", "boolean", "enum", "json"]
InputKind = Literal["TEXT", "IMAGE", "MODEL"]

MOST_FIELDS = 64
MOST_CHOICES = 200
LONGEST_NAME = 80
"""Characters of a parameter's name; with a longer one, or with one that cannot be read, it is left out."""

LONGEST_HELP = 300
LONGEST_DEFAULT = 2000
LONGEST_VALUE = 100_000
"""Characters of a text that is sent as a parameter."""

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
_FILES = ("IMAGE", "MODEL")

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


@dataclass(frozen=True)
class Field:
    """One parameter.

    name: as the API names it. label, help: tidy texts of the service. default: the service's, None where it
    has none. choices: of an enum, the values as they are sent. least, most: of a number, or of how many
    characters a text has; None = no limit.
    """

    name: str
    kind: Kind
    label: str
    help: str = ""
    default: Any = None
    is_required: bool = False
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None

    def read(self, value: object) -> Any:
        """The value as the API wants it, of what a script, a command or a field has. Raises BadParameter."""
        match self.kind:
            case "integer" | "number":
                return self._number(value)
            case "boolean":
                return read_boolean(self.label, value)
            case "enum":
                return self._choice(value)
            case "json":
                return self._json(value)
            case "text":
                return self._text(str(value))

    @property
    def limits(self) -> Message:
        """From where to where a number, or the length of a text, may be; empty where it is free."""
        if self.least is not None and self.most is not None:
            return Message("{least} to {most}", least=_as_text(self.least), most=_as_text(self.most))
        if self.least is not None:
            return Message("{least} or more", least=_as_text(self.least))
        return _at_most(self.most) if self.most is not None else EMPTY

    def _number(self, value: object) -> float:
        text = str(value)
        if isinstance(value, float) and value.is_integer() and self.kind == "integer":
            text = str(int(value))
        number = _as_number(text, self.kind)
        if number is None:
            form = (
                Message("{name} must be a whole number, not {value}.", name=self.label, value=tidy(text, 80))
                if self.kind == "integer"
                else Message("{name} must be a number, not {value}.", name=self.label, value=tidy(text, 80))
            )
            raise BadParameter(form)
        if self._is_outside(number):
            raise BadParameter(
                Message(
                    "{name} is {value}; it must be {limits}.",
                    name=self.label,
                    value=_as_text(number),
                    limits=self.limits,
                )
            )
        return number

    def _is_outside(self, number: float) -> bool:
        below = self.least is not None and number < self.least
        return below or (self.most is not None and number > self.most)

    def _choice(self, value: object) -> Any:
        for choice in self.choices:
            if shown(choice).lower() == shown(value).lower():
                return choice
        known = [tidy(shown(choice), 40) for choice in self.choices[:8]]
        raise BadParameter(
            Message(
                "{name} must be one of {choices}, not {value}.",
                name=self.label,
                choices=known,
                value=tidy(shown(value), 80),
            )
        )

    def _json(self, value: object) -> Any:
        if not isinstance(value, str):
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                words = Message("{name} cannot be written as JSON.", name=self.label)
                raise BadParameter(words) from None
            return value
        try:
            return json.loads(value, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise BadParameter(
                Message(
                    '{name} must be JSON, such as 1.5, "text" or [1, 2], not {value}.',
                    name=self.label,
                    value=tidy(value, 80),
                )
            ) from None

    def _text(self, text: str) -> str:
        if len(text) > LONGEST_VALUE or self._is_outside(len(text)):
            limits = self.limits or _at_most(LONGEST_VALUE)
            raise BadParameter(
                Message(
                    "{name} has {count:,} characters; it must have {limits}.",
                    name=self.label,
                    count=len(text),
                    limits=limits,
                )
            )
        return text


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
            description = _plain(raw)
            is_required = description.get("required") is True
            kind = _kind_of(description)
            if kind in _FILES:
                files[name] = is_required
                kinds.append(cast(InputKind, kind))
            elif len(fields) == MOST_FIELDS or not _is_readable(name):
                out[name] = is_required
            else:
                fields.append(_field(name, cast(Kind, kind), description, is_required))
        inputs = _inputs_of(template.input_types)
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


def shown(value: object) -> str:
    """A value of an enum, or a default, as it is written."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _field(name: str, kind: Kind, description: dict[str, Any], is_required: bool) -> Field:
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


def _plain(raw: object, depth: int = 3) -> dict[str, Any]:
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
                for part in (_plain(part, depth - 1) for part in cast(list[object], parts)[:8])
                if part.get("type") != "null"
            ]
            if len(real) == 1:  # of a value that may be null, say
                return {**real[0], **{name: value for name, value in entry.items() if name != key}}
    return entry


def _kind_of(description: dict[str, Any]) -> Kind | InputKind:
    word = description.get("type")
    if isinstance(word, list):
        words = [each for each in cast(list[object], word)[:8] if each != "null"]
        word = words[0] if len(words) == 1 else None
    media = scalar_text(_first(description, _MEDIA)) or ""
    if kinds := _inputs_of((media,) if media else ()):
        return kinds[0] if kinds[0] in _FILES else "text"
    if _choices_of(description):
        return "enum"
    if isinstance(word, str):
        known = _KINDS.get(word.lower(), "json")
        if word.lower().startswith(("image/", "model/")):
            known = _inputs_of((word.lower(),))[0]
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


def _inputs_of(types: Sequence[str]) -> tuple[InputKind, ...]:
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
    return _as_number(str(value), "number" if isinstance(value, float) else "integer") if is_number else None


def _beyond(description: dict[str, Any], key: str, step: int, present: float | None) -> float | None:
    """A limit that is not allowed itself, of whole numbers."""
    value = description.get(key)
    return value + step if isinstance(value, int) and not isinstance(value, bool) else present


def _as_number(text: str, kind: str) -> float | None:
    """The number that a text is, as long as a service could have it, too; else None."""
    try:
        number = int(text) if kind == "integer" else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 1 << 63 else None


def _at_most(most: float) -> Message:
    return Message("{most} or less", most=_as_text(most))


def _as_text(number: float) -> str:
    """A number as it is read."""
    return f"{int(number):,}" if number == int(number) else f"{number:.6g}"


def _is_text(text: str) -> bool:
    """Whether a field can hold a text."""
    return len(text) <= LONGEST_DEFAULT and all(char.isprintable() or char in "\n\t" for char in text)


def _is_readable(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and len(name) <= LONGEST_NAME


def _no_number(text: str) -> float:
    raise ValueError(text)
