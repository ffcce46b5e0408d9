# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON reader that is fed in blocks and never holds a long string: it hands strings on in pieces.

The standard library reads JSON only as a whole, and a model inside a JSON string may have a gigabyte.
What is long (the pieces of a string) is handled by the C code of `bytes` and `re`, what is short in Python.
"""

import json
import re
from collections.abc import Generator, Iterator
from enum import Enum, auto

DEEPEST = 64  # levels; nothing in the contract has more than a few
_MOST_VALUES = 20_000  # an answer has a few for each asset; they take time, each
_LONGEST_TOKEN = 1024  # bytes of a key, number or word

_SPACE = re.compile(rb"[ \t\r\n]*+")
# Characters and complete escapes: a run ends before the closing quote, or before half an escape. It is not
# possessive, as the others are: Python before 3.11.5 then takes too much (gh-106052); Debian 12 has 3.11.2.
_RUN = re.compile(rb'(?:[^"\\]+|\\(?:[^u]|u[0-9a-fA-F]{4}))*', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LONGEST_ESCAPE = 6  # bytes: backslash, u, four digits
_WORD = re.compile(rb"[-+.0-9A-Za-z]*+")
# NaN and the infinities are no JSON, but common in what calls itself JSON.
_SCALAR = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null|NaN|-?Infinity")


class Event(Enum):
    """What the scanner came upon, at the place that its `path` says."""

    OPEN = auto()  # an object or array begins
    CLOSE = auto()  # an object or array ended
    TEXT = auto()  # a piece of a string, with its escapes resolved, as UTF-8
    TEXT_END = auto()  # the string is complete
    SCALAR = auto()  # a number, true, false or null, as it is written


class _Expect(Enum):
    VALUE = auto()
    VALUE_OR_END = auto()
    KEY = auto()
    KEY_OR_END = auto()
    COLON = auto()
    COMMA_OR_END = auto()
    NOTHING = auto()


_VALUES = (_Expect.VALUE, _Expect.VALUE_OR_END)
_KEYS = (_Expect.KEY, _Expect.KEY_OR_END)
_ENDS = (_Expect.VALUE_OR_END, _Expect.KEY_OR_END, _Expect.COMMA_OR_END)


_Reading = Generator[tuple[Event, bytes], None, int]  # yields events, returns where it stopped


class JsonScanner:
    """Feed it blocks of bytes, and it yields (event, bytes) for what they hold.

    While an event is handled, `path` is where it happened: the keys and indices from the root, [] for the
    root itself. `complete` is True once the whole document was seen. Raises ValueError for what is no JSON,
    is nested deeper than DEEPEST, or holds more values than anybody would send.
    """

    def __init__(self) -> None:
        # Each open container owns one step: the key or index of what is being read inside it.
        self.path: list[str | int] = []
        self._expect = _Expect.VALUE
        self._values = 0
        self._in_text = False
        self._in_key = False
        self._key = b""
        self._rest = b""  # half a token or escape, to be completed by the next block

    @property
    def complete(self) -> bool:
        """Whether the document has ended."""
        return self._expect is _Expect.NOTHING

    def feed(self, block: bytes) -> Iterator[tuple[Event, bytes]]:
        """Yield the events that `block` completes."""
        data, place, before = self._rest + block, 0, -1
        while place < len(data) and place != before:
            before = place
            if self._in_text or self._in_key:
                place = yield from self._string(data, place)
            else:
                place = yield from self._token(data, place)
        self._rest = data[place:]
        if len(self._rest) > _LONGEST_TOKEN:
            raise ValueError("token too long")

    def _string(self, data: bytes, start: int) -> _Reading:
        """Read on inside a string; returns where it stopped."""
        end = data.find(b'"', start)
        piece = data[start : end if end >= 0 else len(data)]
        if b"\\" in piece:  # the quote found may be an escaped one
            end = _end(_RUN, data, start)
            piece = _unescape(data[start:end])
        elif end < 0:
            end = len(data)
        closed = data[end : end + 1] == b'"'
        if not closed and len(data) - end >= _LONGEST_ESCAPE:
            raise ValueError("no such escape")
        if self._in_key:
            self._key += piece
            if len(self._key) > _LONGEST_TOKEN:
                raise ValueError("key too long")
            if closed:
                self.path[-1] = to_text(self._key)
                self._in_key, self._key, self._expect = False, b"", _Expect.COLON
        else:
            if piece:
                yield Event.TEXT, piece
            if closed:
                yield Event.TEXT_END, b""
                self._in_text = False
                self._value_done()
        return end + closed

    def _token(self, data: bytes, start: int) -> _Reading:
        """Read one token outside of strings; returns where it ended, or `start` when it is not complete."""
        start = _end(_SPACE, data, start)
        char = data[start : start + 1]
        if not char:
            return start
        if char == b'"' and self._expect in _VALUES:
            self._in_text = True
        elif char == b'"' and self._expect in _KEYS:
            self._in_key = True
        elif char in b"{[" and self._expect in _VALUES:
            yield Event.OPEN, char
            if len(self.path) == DEEPEST:
                raise ValueError("nested too deeply")
            self.path.append("" if char == b"{" else 0)
            self._expect = _Expect.KEY_OR_END if char == b"{" else _Expect.VALUE_OR_END
        elif char in b"}]" and self._expect in _ENDS and self._is_array() == (char == b"]"):
            self.path.pop()
            yield Event.CLOSE, char
            self._value_done()
        elif char == b":" and self._expect is _Expect.COLON:
            self._expect = _Expect.VALUE
        elif char == b"," and self._expect is _Expect.COMMA_OR_END:
            step = self.path[-1]
            if isinstance(step, int):
                self.path[-1] = step + 1
            self._expect = _Expect.KEY if isinstance(step, str) else _Expect.VALUE
        elif self._expect in _VALUES:
            return (yield from self._scalar(data, start))
        else:
            raise ValueError("not JSON")
        return start + 1

    def _scalar(self, data: bytes, start: int) -> _Reading:
        end = _end(_WORD, data, start)
        word = data[start:end]
        # Only what follows a word says that it has ended. A lone number has no use here.
        if end == len(data) and word:
            return start
        if len(word) > _LONGEST_TOKEN or not _SCALAR.fullmatch(word):
            raise ValueError("not JSON")
        yield Event.SCALAR, word
        self._value_done()
        return end

    def _is_array(self) -> bool:
        return isinstance(self.path[-1], int)

    def _value_done(self) -> None:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise ValueError("too many values")
        self._expect = _Expect.COMMA_OR_END if self.path else _Expect.NOTHING


def to_text(utf8: bytes) -> str:
    """Text of a short string's joined pieces; what is no UTF-8 becomes a replacement character."""
    # An escaped character beyond U+FFFF arrives as two halves, which UTF-16 puts together.
    try:
        halves = utf8.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return utf8.decode("utf-8", "replace")
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _unescape(piece: bytes) -> bytes:
    # Without an escaped backslash, every backslash begins an escape, and those usual in base64 take no time.
    if rb"\\" not in piece:
        piece = piece.replace(rb"\/", b"/").replace(rb"\u002b", b"+").replace(rb"\u002B", b"+")
    return _ESCAPE.sub(_escaped, piece) if b"\\" in piece else piece


def _escaped(match: re.Match[bytes]) -> bytes:
    text: str = json.loads(b'"' + match[0] + b'"')  # ValueError when there is no such escape
    return text.encode("utf-8", "surrogatepass")


def _end(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    match = pattern.match(data, start)
    return match.end() if match else start
