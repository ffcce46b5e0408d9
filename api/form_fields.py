# SPDX-License-Identifier: GPL-3.0-or-later
"""One parameter of a template that this version does not know: what it may be, and a value read for it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from ..core.errors import BadParameter
from ..core.messages import EMPTY, Message
from ..core.text import tidy
from .parameters import read_boolean

Kind = Literal["text", "integer", "number", "boolean", "enum", "json"]

LONGEST_VALUE = 100_000
"""Characters of a text that is sent as a parameter."""


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
        number = as_number(text, self.kind)
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


def shown(value: object) -> str:
    """A value of an enum, or a default, as it is written."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def as_number(text: str, kind: str) -> float | None:
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


def _no_number(text: str) -> float:
    raise ValueError(text)
