"""A proxy that dies: it passes connections on to the service, until its hour has come.

Then it hangs up on everybody and listens no more, so that calls are refused; some time later it is there
again, on the same port.
"""

import asyncio
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from .death import pattern

_BLOCK = 1 << 16
_REQUEST = re.compile(rb"([A-Z]+) (/\S*) HTTP/1\.1\r\n")


@dataclass(frozen=True)
class Outage:
    """When a relay dies, and for how long.

    call: which request is its last, "METHOD /path" with "*" for ids; "" = it is dead from the start. after:
    so many of these go by first. when: the request is not passed on, or only its beginning is, or it is and
    the answer is not. seconds: until it listens again.
    """

    call: str
    after: int
    when: Literal["before", "within", "answer"]
    seconds: float


class Relay:
    """One relay, in a running event loop; `url` is to be used in place of the service's."""

    def __init__(self, service: str, outage: Outage) -> None:
        self.died = False
        self._to = ("127.0.0.1", int(service.rpartition(":")[2]))
        self._outage = outage
        self._left = outage.after
        self._server: asyncio.Server | None = None
        self._peers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # Keeps the port while nobody listens there.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._place.getsockname()[1]}"

    async def start(self) -> None:
        """Begin to listen, or to be dead."""
        if self._outage.call:
            await self._listen()
        else:
            self._die()

    async def close(self) -> None:
        """Hang up for good."""
        for task in self._tasks:
            task.cancel()
        self._hang_up()
        self._place.close()

    async def _listen(self) -> None:
        # By default asyncio shares a port on POSIX only, and this one is shared with what keeps it.
        address = self._place.getsockname()
        self._server = await asyncio.start_server(self._serve, *address, reuse_address=True)

    def _die(self) -> None:
        self.died = True
        self._hang_up()
        task = asyncio.get_running_loop().create_task(self._come_back())
        self._tasks.add(task)

    async def _come_back(self) -> None:
        await asyncio.sleep(self._outage.seconds)
        await self._listen()

    def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
        for peer in self._peers:
            peer.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Pass one connection on, in both directions, until one side ends it."""
        service, to_service = await asyncio.open_connection(*self._to)
        self._peers |= {to_client, to_service}
        last = asyncio.Event()  # the answer that comes now is not passed on
        answers = asyncio.create_task(self._answers(service, to_client, last))
        with suppress(OSError):
            while block := await client.read(_BLOCK):
                if self._is_last(block):
                    if self._outage.when == "answer":
                        last.set()
                    else:
                        to_service.write(block[: len(block) // 2 if self._outage.when == "within" else 0])
                        await to_service.drain()
                        self._die()
                        break
                to_service.write(block)
                await to_service.drain()
        to_service.close()
        await answers
        self._peers -= {to_client, to_service}

    async def _answers(
        self, service: asyncio.StreamReader, to_client: asyncio.StreamWriter, last: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while block := await service.read(_BLOCK):
                if last.is_set() and not self.died:
                    self._die()
                    break
                to_client.write(block)
                await to_client.drain()
        to_client.close()

    def _is_last(self, block: bytes) -> bool:
        """Whether a request begins here at which the relay dies; a client waits for each answer."""
        request = _REQUEST.match(block)
        if self.died or not request:
            return False
        if f"{request[1].decode()} {pattern(request[2].decode())}" != self._outage.call:
            return False
        self._left -= 1
        return self._left < 0
