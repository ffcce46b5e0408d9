# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages for people: an id and values, which are put together only where the message is read.

A sentence that is finished can be translated no more. So whoever has something to tell makes a `Message`,
from which comes the English sentence, and the one in any other language (see `i18n`). It keeps id and values
through threads, processes and the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, LiteralString, Self, TypeAlias, cast

Value: TypeAlias = "Message | str | float | Sequence[Message | str]"
"""What fills a gap: another message, which is translated, too; a name or a number, which is not; a list."""

_GAP = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_STOPS = ".。"


class Message(str):
    """A text for people, in English as it stands, which knows what it is made of.

    id: the text as it is in the code and in the translations, with gaps for the values:
    `"{name}" is in the scene`. A gap may say how a number is written, as in `{count:,} triangles`.
    """

    id: str
    values: Mapping[str, Value]

    def __new__(cls, id: LiteralString, /, **values: Value) -> Self:  # noqa: A002 - it is one
        """Make one of an id, which stands in the code as it is, so that it can be found there."""
        return cls._made(id, values)

    @classmethod
    def _made(cls, id: str, values: Mapping[str, Value]) -> Self:  # noqa: A002 - it is one
        message = super().__new__(cls, filled(id, values, str) if values else id)
        message.id, message.values = id, values
        return message

    def __getnewargs__(self) -> tuple[str]:
        """What a copy is made of, before it gets the same id and values."""
        return (str(self),)

    def to_data(self) -> dict[str, Any]:
        """The message as JSON can keep it."""
        return {"id": self.id, "values": {name: _to_data(value) for name, value in self.values.items()}}

    @classmethod
    def from_data(cls, data: object) -> Message:
        """The message that `to_data` wrote, or the finished sentence that an earlier version did.

        Raises KeyError or TypeError where it is neither.
        """
        if isinstance(data, str):
            return verbatim(data)
        made = cast(dict[str, Any], data)
        return cls._made(made["id"], {name: _from_data(value) for name, value in made["values"].items()})


EMPTY = Message("")

LIST = Message(", ")
"""What stands between the parts of a list."""


def verbatim(words: str) -> Message:
    """A message of what others say, or of an earlier version's sentence: the same in each language."""
    return Message("{words}", words=words) if words else EMPTY


def ended(message: Message) -> Message:
    """The message with a full stop, unless it ends like a sentence already."""
    is_ended = not message or message.endswith((".", "!", "?", "…"))
    return message if is_ended else Message("{message}.", message=message)


SENTENCES = "{first} {next}"
"""The id of a message that is several, one after the other."""


def sentences(*messages: Message) -> Message:
    """One message of several, one after the other, without those that are empty."""
    first, *others = [message for message in messages if message] or [EMPTY]
    for message in others:
        first = Message(SENTENCES, first=first, next=message)
    return first


def gaps(text: str) -> set[str]:
    """The names of the values that a text has gaps for."""
    return {found[1] for found in _GAP.finditer(text)}


def filled(text: str, values: Mapping[str, Value], translate: Callable[[Message], str]) -> str:
    """The text with values in its gaps. translate: gives a message among them in the language of the text.

    A sentence that stands inside another one loses its full stop. Raises KeyError for a gap without a value.
    """

    def fill(gap: re.Match[str]) -> str:
        value = values[gap[1]]
        if isinstance(value, Message):
            part = translate(value)
            goes_on = gap.end() < len(text) and not text.startswith(" {", gap.end())
            return part.rstrip(_STOPS) if goes_on else part
        if isinstance(value, str | int | float):
            return format(value, gap[2] or "")
        return translate(LIST).join(translate(part) if isinstance(part, Message) else part for part in value)

    return _GAP.sub(fill, text)


def _to_data(value: Value) -> object:
    if isinstance(value, Message):
        return value.to_data()
    return value if isinstance(value, str | int | float) else [_to_data(part) for part in value]


def _from_data(value: Any) -> Value:
    if isinstance(value, dict):
        return Message.from_data(cast(object, value))
    if isinstance(value, list):
        return [cast("Message | str", _from_data(part)) for part in cast(list[Any], value)]
    return value
