# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes over a connection: how slowly an answer may come, and that it is one answer and no more.

A server that sends a byte now and then would never run into a timeout, so every read of a connection is
measured where it meets the socket, heads included. Only the waiting for the other side counts, so a slow disk
of ours is not held against it. What comes besides the one final answer would be taken for the answer to the
next call: interim answers are skipped, and anything behind an answer spoils its connection.
"""

import math
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.client import BadStatusLine, HTTPResponse, parse_headers
from io import BufferedReader, RawIOBase
from typing import Any, cast
from weakref import ref

from urllib3.util.wait import wait_for_read

SLICE_SECONDS = 0.25
"""So long a read waits before it looks whether it is still wanted: on Windows nothing wakes it."""

WINDOW_SECONDS = 60.0
LEAST_BYTES = 4096
"""In each window of waiting so many bytes have to come: a twentieth of what the slowest modems carried."""

ANSWER_SECONDS = 120.0
"""Waiting for a whole answer that is not a download."""

DOWNLOAD_SECONDS = 24 * 3600.0
"""Waiting for a whole download."""

MOST_INTERIM = 100
"""Interim answers before the final one; whoever sends more will never come to an end."""

_SWITCHING_PROTOCOLS = 101


class Pace:
    """Watches over one answer after the other."""

    def __init__(self) -> None:
        self.spoiled = False  # whether something came that belongs to no answer
        self._socket: Callable[[], socket.socket | None] = lambda: None
        self._ended: Callable[[], socket.socket | None] = lambda: None
        self.begin(ANSWER_SECONDS)

    def begin(self, longest: float) -> None:
        """Another answer, which may take `longest` seconds in all."""
        self._remaining = longest
        self._seconds = 0.0
        self._bytes = 0

    def received(self, count: int, seconds: float) -> None:
        """Note that `count` bytes came after `seconds`. Raises TimeoutError when that is too slow."""
        self._remaining -= seconds
        self._seconds += seconds
        self._bytes += count
        if self._remaining < 0.0:
            raise TimeoutError("the whole answer takes too long")
        if self._seconds >= WINDOW_SECONDS:
            if self._bytes < LEAST_BYTES:
                raise TimeoutError("the answer comes too slowly")
            self._seconds, self._bytes = 0.0, 0

    def watch(self, manager: Any) -> None:
        """Have a pool manager of urllib3 make connections that this watches over."""
        response = staticmethod(partial(_PacedResponse, self))
        pools: dict[str, type] = {}
        for scheme, pool in manager.pool_classes_by_scheme.items():
            members = {"response_class": response, "connect": self._watching(pool.ConnectionCls.connect)}
            connection = type("PacedConnection", (pool.ConnectionCls,), members)
            pools[scheme] = type("PacedPool", (pool,), {"ConnectionCls": connection})
        manager.pool_classes_by_scheme = pools

    def _watching(self, connect: Callable[[Any], None]) -> Callable[[Any], None]:
        def watched(connection: Any) -> None:
            connect(connection)
            # Not the connection, which forgets its socket before the last answer has been read.
            self._socket = ref(connection.sock)

        return watched

    def hang_up(self) -> None:
        """End the connection that was made last; for any thread. Whoever waits for it gets an OSError."""
        sock = self._socket()
        if sock is not None:
            self._ended = self._socket
            with suppress(OSError):
                # Not an SSLSocket's own method, after which it would go on without encryption.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def await_bytes(self, sock: socket.socket) -> None:
        """Wait until there is something to read. Raises TimeoutError, and OSError after `hang_up`."""
        timeout = sock.gettimeout()
        end = time.monotonic() + (math.inf if timeout is None else timeout)
        while self._ended() is not sock:
            remaining = end - time.monotonic()
            if wait_for_read(sock, max(0.0, min(remaining, SLICE_SECONDS))):
                return
            if remaining <= 0.0:
                raise TimeoutError("timed out")
        raise ConnectionAbortedError("the call was ended")


class _PacedResponse(HTTPResponse):
    def __init__(self, pace: Pace, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._pace = pace
        self._pending: Callable[[], int] = getattr(sock, "pending", int)  # what TLS has unpacked already
        # What speaks TLS through a proxy's TLS is no socket, and keeps bytes where nobody sees them.
        wait = partial(self._await, sock) if isinstance(sock, socket.socket) else None
        self._file = _PacedFile(self.fp.detach(), pace.received, wait)
        self.fp = BufferedReader(self._file)

    def _await(self, sock: socket.socket) -> None:
        if not self._pending():
            self._pace.await_bytes(sock)

    def _read_status(self) -> tuple[str, int, str]:
        """Status line of the final answer; Python itself skips 100 alone (RFC 9110, section 15.2)."""
        for _ in range(MOST_INTERIM):
            line = cast(tuple[str, int, str], super()._read_status())  # type: ignore[misc]
            if not 100 <= line[1] < 200:
                return line
            if line[1] == _SWITCHING_PROTOCOLS:  # nobody has asked for that
                break
            parse_headers(self.fp)
        raise BadStatusLine("")

    def _close_conn(self) -> None:
        """Called when the answer has been read, and when nobody wants the rest of it."""
        self._file.ended = True
        if not self.fp.closed and (self.fp.peek(1) or self._pending()):
            self._pace.spoiled = True
        super()._close_conn()  # type: ignore[misc]


class _PacedFile(RawIOBase):
    """The reading end of a socket; what came already can still be read when it has ended.

    wait: returns when there is something to read.
    """

    def __init__(
        self, raw: RawIOBase, received: Callable[[int, float], None], wait: Callable[[], None] | None
    ) -> None:
        self.ended = False
        self._raw = raw
        self._received = received
        self._wait = wait

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ended:
            return 0
        begin = time.monotonic()
        if self._wait is not None:
            self._wait()
        count = self._raw.readinto(buffer)  # type: ignore[attr-defined]
        self._received(count or 0, time.monotonic() - begin)
        return count

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()
