"""Wrong in every way: mutations of bytes, of JSON texts, and of JSON values. Pure; the dice decide."""

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

EDGES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**32, 2**63, -(2**63), 10**30, 1e308, -0.0, 0.5,
    float("nan"), float("inf"), float("-inf"), "", " ", "\u0000", "\ud800", "../../etc/passwd", "data:",
    "data:,x", "data:model/gltf-binary;base64,", "x" * 5000, "\u202e", [], {}, [[]], [{}], [None] * 50,
    {"id": {}},
]  # fmt: skip
NUMBERS = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-0",
    b"0" * 40,
    b"9" * 400,
    b"1" * 5000,
    b"0x10",
    b"--1",
    b"1e",
    b"null",
)
WORDS = (
    b'"',
    b"\\",
    b"\\u12",
    b"\\ud800",
    b"{",
    b"[",
    b"]",
    b"}",
    b",",
    b":",
    b"\x00",
    b"\xff\xfe",
    b"glTF",
    b"data:",
)
LENGTHS = (0, 1, 2, 3, 4, 11, 12, 19, 20, 2**16, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1)


def mutated(dice: random.Random, data: bytes) -> bytes:
    """One to four mutations of bytes."""
    for _ in range(dice.randint(1, 4)):
        data = dice.choice(_ON_BYTES)(dice, data)
    return data


def mutated_value(dice: random.Random, value: Any) -> Any:
    """The same JSON value with one to four of its members wrong."""
    value = copy.deepcopy(value)
    for _ in range(dice.randint(1, 4)):
        places = list(_places(value))
        if not places:
            return dice.choice(EDGES)
        parent, key = dice.choice(places)
        action = dice.random()
        if action < 0.7:
            parent[key] = copy.deepcopy(dice.choice(EDGES))
        elif action < 0.85:
            del parent[key]
        elif isinstance(parent, dict):
            parent[str(dice.choice(list(parent)))] = copy.deepcopy(parent[key])
        else:
            parent.insert(key, copy.deepcopy(parent[key]))
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        found += [(value, key), *_places(member)]
    return found


def _flip(dice: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def _cut(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _remove(dice: random.Random, data: bytes) -> bytes:
    begin = dice.randrange(len(data) + 1)
    return data[:begin] + data[begin + dice.randrange(64) :]


def _repeat(dice: random.Random, data: bytes) -> bytes:
    begin = dice.randrange(len(data) + 1)
    piece = data[begin : begin + dice.randrange(64)]
    return data[:begin] + piece * dice.choice((2, 3, 100)) + data[begin:]


def _insert(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data) + 1)
    piece = dice.choice((dice.randbytes(dice.randrange(16)), dice.choice(WORDS)))
    return data[:at] + piece + data[at:]


def _length(dice: random.Random, data: bytes) -> bytes:
    """Another number in the place of four bytes, among the first where a GLB has its lengths."""
    at = dice.choice((4, 8, 12, 16, dice.randrange(len(data) + 1)))
    return data[:at] + dice.choice(LENGTHS).to_bytes(4, "little") + data[at + 4 :]


def _number(dice: random.Random, data: bytes) -> bytes:
    """Another number in the place of one in a text."""
    found = list(re.finditer(rb"(?<![\w.])-?\d+(?:\.\d+)?", data[:20_000]))
    if not found:
        return data
    match = dice.choice(found)
    return data[: match.start()] + dice.choice(NUMBERS) + data[match.end() :]


_ON_BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _flip,
    _cut,
    _remove,
    _repeat,
    _insert,
    _length,
    _number,
)


def text_of(value: Any) -> bytes:
    """JSON text, of what JSON knows not as well."""
    return json.dumps(value).encode("utf-8", "surrogatepass")
