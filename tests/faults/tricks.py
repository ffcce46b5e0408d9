"""What happens to requests and answers on their way, byte by byte: the independent service's tricks."""

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

PAGES = {
    "html": (b"text/html", b"<!doctype html><html><title>Error</title><body>default backend</body></html>"),
    "json": (b"application/json", b'{"message": "no Route matched with those values", "request_id": "1f"}'),
    "text": (b"text/plain", b"upstream connect error or disconnect/reset before headers"),
    "empty": (b"text/plain", b""),
    "not found": (b"application/json", b'{"detail": "Flow not found"}'),
    "own": (b"application/json", b'{"detail": "Not this time"}'),
}
"""What gateways say beside their status, and what the service does that is being restarted, or a replica."""


class Reply(Protocol):
    """What the service says."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True)
class Trick:
    """An order for a trick.

    act: which one, see `play`. calls: on which calls, () = all. after: so many of these go by first. times:
    so often at most, 0 = always. seconds: for so long since the first one, 0 = for ever. chance: of how
    many of them, 0..1. status, page: of an answer that is not the service's, see PAGES. pause: seconds to
    wait where the act has a moment for that.
    """

    act: str
    calls: tuple[str, ...] = ()
    after: int = 0
    times: int = 0
    seconds: float = 0.0
    chance: float = 1.0
    status: int = 0
    page: str = "html"
    pause: float = 0.0

    def begin(self) -> "Playing":
        """The trick, ready to be played."""
        return Playing(self)


class Playing:
    """How often a trick has been played, and since when."""

    def __init__(self, order: Trick) -> None:
        self.order = order
        self._seen = 0
        self._played = 0
        self._since: float | None = None
        self._share = 0.0

    def is_due(self, call: str, now: float) -> bool:
        """Whether it is played on this call, which counts."""
        order = self.order
        if order.calls and call not in order.calls:
            return False
        self._seen += 1
        if self._seen <= order.after or (order.times and self._played >= order.times):
            return False
        if self._since is not None and order.seconds and now - self._since > order.seconds:
            return False
        self._share += order.chance  # every so many, so that there is no luck in it
        if self._share < 1.0:
            return False
        self._share -= 1.0
        self._since = self._since or now
        self._played += 1
        return True


def plain(status: int, body: bytes, kind: bytes = b"application/json", *more: bytes) -> bytes:
    """An answer as it should be."""
    lines = [b"HTTP/1.1 %d As It Is" % status, b"Content-Type: " + kind, b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, *more]) + b"\r\n\r\n" + body


def _chunked(status: int, body: bytes, size: bytes = b"", end: bytes = b"0\r\n\r\n") -> bytes:
    """An answer in two chunks, whose second says `size` of itself, and what ends it."""
    half = len(body) // 2
    parts = [body[:half], body[half:]]
    sizes = [b"%x" % len(parts[0]), size or b"%x" % len(parts[1])]
    chunks = b"".join(b"%s\r\n%s\r\n" % pair for pair in zip(sizes, parts, strict=True) if pair[1])
    head = b"HTTP/1.1 %d As It Is\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head % status + chunks + end


def _until_close(status: int, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %d As It Is\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" % status + body
    )


def _raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


SHAPES: dict[str, Callable[[int, bytes], bytes]] = {
    "chunked": lambda status, body: _chunked(status, body, end=b"0;note=1\r\nX-Trailer: 1\r\n\r\n"),
    "gzip": lambda status, body: plain(
        status, gzip.compress(body), b"application/json", b"Content-Encoding: gzip"
    ),
    "deflate": lambda status, body: plain(
        status, zlib.compress(body), b"application/json", b"Content-Encoding: deflate"
    ),
    "raw deflate": lambda status, body: plain(
        status, _raw_deflate(body), b"application/json", b"Content-Encoding: deflate"
    ),
}
"""Unusual forms of a whole answer, all of them allowed."""

BROKEN: dict[str, Callable[[int, bytes], bytes]] = {
    "chunk without size": lambda status, body: _chunked(status, body, size=b"zz"),
    "chunk below zero": lambda status, body: _chunked(status, body, size=b"-5"),
    "chunk too large": lambda status, body: _chunked(status, body, size=b"ffffffffffffffff"),
    "chunk too short": lambda status, body: _chunked(status, body, size=b"1"),
    "no last chunk": lambda status, body: _chunked(status, body, end=b""),
    "cut": lambda status, body: plain(status, body)[: -max(1, len(body) // 2)],
    "cut head": lambda status, body: plain(status, body)[:20],
    "cut gzip": lambda status, body: plain(
        status, gzip.compress(body)[:-9], b"application/json", b"Content-Encoding: gzip"
    ),
    "no gzip": lambda status, body: plain(status, body, b"application/json", b"Content-Encoding: gzip"),
    "no HTTP": lambda status, body: b"SSH-2.0-OpenSSH_9.6\r\n" + body,
}
"""Answers that nobody can read; the connection ends with each."""


async def play(
    tricks: list[Playing],
    writer: asyncio.StreamWriter,
    read: Callable[[], Awaitable[object]],
    handle: Callable[[], Reply],
    other: Callable[[], Reply | None],
) -> bool:
    """Answer one request with these tricks; whether the connection is good for another.

    read: takes the rest of the request. handle: has the service do what it is asked for. other: gives its
    answer about another flow, if there is one.
    """
    orders = {trick.order.act: trick.order for trick in tricks}
    if stall := orders.get("stall"):
        await asyncio.sleep(stall.pause)
    if "reset" in orders:
        return _reset(writer)
    await read()
    if refusal := orders.get("refuse"):
        kind, body = PAGES[refusal.page]
        return await _send(writer, plain(refusal.status, body, kind))
    reply = handle()
    if "reset after" in orders:
        return _reset(writer)
    if lost := orders.get("answer instead"):
        kind, body = PAGES[lost.page]
        return await _send(writer, plain(lost.status, body, kind))
    if "other flow" in orders:
        reply = other() or reply
    if interim := orders.get("interim"):
        hint = b"HTTP/1.1 %d Early\r\nLink: </style.css>; rel=preload\r\n\r\n"
        await _send(writer, hint % interim.status)
        await asyncio.sleep(interim.pause)
    for act, make in BROKEN.items():
        if act in orders:
            await _send(writer, make(reply.status, reply.body))
            return False
    if "until close" in orders:
        await _send(writer, _until_close(reply.status, reply.body))
        return False
    shape = next((make for act, make in SHAPES.items() if act in orders), plain)
    answer = shape(reply.status, reply.body)
    if slow := orders.get("slow"):
        await _send(writer, answer[: len(answer) // 2])
        await asyncio.sleep(slow.pause)
        answer = answer[len(answer) // 2 :]
    await _send(writer, answer)
    if again := orders.get("twice"):  # the second may come when the client has asked for something else
        await asyncio.sleep(again.pause)
        await _send(writer, answer)
    if late := orders.get("late 408"):  # as servers do that have waited for another request for too long
        await asyncio.sleep(late.pause)
        await _send(writer, plain(408, b"", b"text/plain", b"Connection: close"))
        return False
    return True


async def _send(writer: asyncio.StreamWriter, content: bytes) -> bool:
    writer.write(content)
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> bool:
    """End the connection as a machine does that has forgotten it."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
