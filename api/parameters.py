# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of the templates, each described once (contract, section 2).

The fields of the panel, the properties of the operators, the options of the command line, the columns of its
lists, what `flows` takes, the words of the job list and what is sent are all made from this. Whoever adds a
parameter adds it to `PARAMETERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..core.errors import BadParameter
from ..core.messages import Message, verbatim
from .models import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL

GENERATORS = (TEXT_TO_MODEL, IMAGE_TO_MODEL)
"""The templates that make new models."""

Number = TypeVar("Number", int, float)

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What every parameter has.

    name: as the API names it; panel, operators and command line do the same. templates: which of them take
    it. label, help: its name and its tooltip. default: the service's, which the tooltip names, since nothing
    is sent of what nobody touched.
    """

    name: str
    templates: tuple[str, ...]
    label: Message
    help: Message
    default: Any

    @property
    def default_text(self) -> str:
        """The service's default, as the command line says it."""
        raise NotImplementedError

    def read(self, value: object, name: str = "") -> Any:
        """The value as the API wants it, of what a script, a list or a property has.

        name: what whoever gave it calls the parameter. Raises BadParameter.
        """
        raise NotImplementedError

    def value_text(self, value: object) -> Message:
        """A value that was sent, in the words of the job list; any value, as other programs send others."""
        return verbatim(f"{self.name} {value}")


@dataclass(frozen=True)
class Value:
    """One value of an enum. value: as the API names it. label, help: on screen. words: in the job list."""

    value: str
    label: Message
    help: Message
    words: Message

    @property
    def identifier(self) -> str:
        """What Blender's enums call it."""
        return self.value.upper()


@dataclass(frozen=True, kw_only=True)
class EnumParameter(Parameter):
    """One of several values."""

    values: tuple[Value, ...]
    default: str

    @property
    def default_text(self) -> str:
        """See `Parameter`."""
        return self.default

    def read(self, value: object, name: str = "") -> str:
        """See `Parameter`."""
        return read_choice(name or self.name, value, [each.value for each in self.values])

    def value_text(self, value: object) -> Message:
        """See `Parameter`."""
        return next((each.words for each in self.values if each.value == value), super().value_text(value))


@dataclass(frozen=True, kw_only=True)
class BooleanParameter(Parameter):
    """Yes or no. words: of no and of yes, in the job list."""

    default: bool
    words: tuple[Message, Message]

    @property
    def default_text(self) -> str:
        """See `Parameter`."""
        return "yes" if self.default else "no"

    def read(self, value: object, name: str = "") -> bool:
        """See `Parameter`."""
        return read_boolean(name or self.name, value)

    def value_text(self, value: object) -> Message:
        """See `Parameter`."""
        return self.words[value] if isinstance(value, bool) else super().value_text(value)


@dataclass(frozen=True)
class Drawn:
    """That the service may draw the number. value: what asks for it. label, help: of the panel's switch."""

    value: int
    label: Message
    help: Message


@dataclass(frozen=True, kw_only=True)
class IntegerParameter(Parameter):
    """A whole number.

    least, most: the range that Blender, too, can hold. soft_least: where a slider
    begins. drawn: whether the service may choose, which the panel has a switch for. words: of a number, in
    the job list.
    """

    default: int
    least: int
    most: int
    soft_least: int
    words: Callable[[int], Message]
    drawn: Drawn | None = None

    @property
    def default_text(self) -> str:
        """See `Parameter`."""
        return f"{self.default}, which picks a random seed" if self.drawn else f"{self.default:,}"

    def read(self, value: object, name: str = "") -> int:
        """See `Parameter`."""
        return read_number(name or self.name, value, int, self.least, self.most)

    def value_text(self, value: object) -> Message:
        """See `Parameter`."""
        return self.words(value) if type(value) is int else super().value_text(value)


def read_choice(name: str, value: object, choices: Sequence[str]) -> str:
    """The one of the choices that `value` is, in whatever case. Raises BadParameter."""
    for choice in choices:
        if choice.lower() == str(value).lower():
            return choice
    listed = " or ".join([", ".join(choices[:-1]), *choices[-1:]])
    raise BadParameter(
        Message("{name} must be {choices}, not {value}.", name=name, choices=listed, value=str(value))
    )


def read_boolean(name: str, value: object) -> bool:
    """Yes or no, as Python or a list says it. Raises BadParameter."""
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise BadParameter(Message("{name} must be yes or no, not {value}.", name=name, value=str(value)))
    return word in _TRUE


def read_number(name: str, value: object, kind: type[Number], least: Number, most: Number) -> Number:
    """The number that `value` is. kind: int or float. Raises BadParameter."""
    try:
        number = kind(str(value))
    except ValueError:
        raise BadParameter(
            Message("{name} must be a number, not {value}.", name=name, value=str(value))
        ) from None
    if not least <= number <= most:
        raise BadParameter(
            Message(
                "{name} is {value:,}; it must be from {least:,} to {most:,}.",
                name=name,
                value=number,
                least=least,
                most=most,
            )
        )
    return number


QUALITY = EnumParameter(
    name="quality",
    templates=GENERATORS,
    label=Message("Quality"),
    help=Message("Level of detail of the model. The service's default is High"),
    values=(
        Value("low", Message("Low"), Message("Faster, and with fewer polygons"), Message("low quality")),
        Value(
            "high", Message("High"), Message("More detail (the service's default)"), Message("high quality")
        ),
    ),
    default="high",
)

TEXTURE = BooleanParameter(
    name="texture",
    templates=GENERATORS,
    label=Message("Texture"),
    help=Message("Also generate physically based textures. The service's default is yes"),
    default=True,
    words=(Message("without texture"), Message("with texture")),
)

SEED = IntegerParameter(
    name="seed",
    templates=GENERATORS,
    label=Message("Seed"),
    help=Message(
        "The same seed and input give the same model again. The service's default, -1, picks a random seed"
    ),
    default=-1,
    least=-1,
    most=2**31 - 1,
    soft_least=-1,
    words=lambda seed: Message("seed {seed}", seed=str(seed)),
    drawn=Drawn(
        -1, Message("Random Seed"), Message("Use a different seed each time (the service's default)")
    ),
)

POLYGON_COUNT = IntegerParameter(
    name="polygon_count",
    templates=(OPTIMIZE,),
    label=Message("Triangles"),
    help=Message("Number of triangles for each mesh, or for all together. The service's default is 100,000"),
    default=100_000,
    least=1,
    most=100_000_000,
    soft_least=100,
    words=lambda count: Message("{count:,} triangles", count=count),
)

PARAMETERS: tuple[Parameter, ...] = (QUALITY, TEXTURE, SEED, POLYGON_COUNT)
"""All of them, in the order in which they are drawn."""


def parameters_of(*templates: str) -> tuple[Parameter, ...]:
    """Those that any of these templates takes."""
    return tuple(parameter for parameter in PARAMETERS if {*templates} & {*parameter.templates})


def parameter_words(name: str, value: object) -> Message:
    """A parameter that was sent, in the words of the job list; also one that is unknown here."""
    found = next((parameter for parameter in PARAMETERS if parameter.name == name), None)
    return found.value_text(value) if found is not None else verbatim(f"{name} {value}")
