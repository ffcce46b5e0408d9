"""Runs the double on a free loopback port, in a thread of this process."""

import asyncio
import contextlib
import dataclasses
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import Service, create_app
from .faults import App, Gate, Message, Orders, Receive, Send
from .flows import Store
from .optimizer import Optimizer
from .profiles import PROFILES

_T = TypeVar("_T")
_IDS = re.compile(r"^/flows/[^/]+(/(?:inputs?|outputs)(/[^/]+)?)?$")


class Sandbox:
    """The service double, as a context manager.

    `profile` is the name of one of PROFILES; `variants` changes single answers of it (fields of `Profile`).
    `speed` multiplies the simulated durations: at 1 a flow takes 8 s ("low"), 20 s ("high") or 6 s
    (optimise), or so: `vary` is the standard deviation of the natural logarithm of what it takes. Requests
    need `key`, which may be a pattern ("demo-*"); `expired_key` gets a 403. Bodies over
    `body_limit` bytes get a 413. `port` 0 takes a free one; OSError when the port is taken. `optimizer` is a
    warm Blender that several sandboxes share, one after the other.
    """

    def __init__(
        self,
        profile: str = "reference",
        speed: float = 0.05,
        key: str = "demo-key",
        *,
        port: int = 0,
        expired_key: str | None = None,
        body_limit: int = 1 << 30,
        vary: float = 0.0,
        variants: Mapping[str, Any] | None = None,
        optimizer: Optimizer | None = None,
    ) -> None:
        self.key = key
        self.url = ""
        self._port = port
        self._service = Service(
            profile=dataclasses.replace(PROFILES[profile], **(variants or {})),
            store=Store(speed, vary, optimizer),
            orders=Orders(),
            key=key,
            expired_key=expired_key,
            body_limit=body_limit,
        )

    def __enter__(self) -> "Sandbox":
        self._socket = socket.create_server(("127.0.0.1", self._port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        gate = Gate(create_app(self._service), self._service.orders)
        config = uvicorn.Config(
            _Counting(gate, self._service.requests),
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()
        self._server.up.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.end()
        self._thread.join()

    def stats(self) -> dict[str, Any]:
        """Count what was created, uploaded, started, run and downloaded; see `Service.stats`."""
        return self._on_loop(self._service.stats)

    def order(self, *faults: dict[str, Any]) -> None:
        """Replace the ordered faults; their form is in `faults.py`."""
        self._on_loop(lambda: self._service.orders.replace(faults))

    def clear_faults(self) -> None:
        """Let nothing more go wrong."""
        self.order()

    def _serve(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._server.up.set()  # also when it never came up: nobody shall wait for it

    def _on_loop(self, function: Callable[[], _T]) -> _T:
        """Run `function` where the service's own code runs, or here once that has ended."""
        loop = self._server.loop
        if loop is None or not self._thread.is_alive():
            return function()

        async def call() -> _T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), loop).result()


class _Server(uvicorn.Server):
    """Says when it listens, and hangs up on everybody when it ends: a double owes nobody a graceful exit.

    It ends at once, since every test waits for that. uvicorn itself looks every tenth of a second whether it
    should end, and then sleeps for as long again.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Let it end; from any thread, and also when it never came up."""
        self.should_exit = True
        if self.loop is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended already
                self.loop.call_soon_threadsafe(self._ending.set)

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # which also sets the date that answers carry
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 1.0)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.loop = asyncio.get_running_loop()
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            assert isinstance(connection, _Protocol)
            connection.transport.abort()
        while tasks := list(self.server_state.tasks):  # they learn that nobody listens to them any more
            await asyncio.wait(tasks)
            await asyncio.sleep(0)  # until what takes them off the list has run
        await self.lifespan.shutdown()


class _Protocol(H11Protocol):
    """Hands its transport to the application, since faults need to hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        # As asyncio does for sockets of its own; else an answer waits 40 ms for an acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


class _Counting:
    """ASGI middleware that counts what arrives, whatever becomes of it."""

    def __init__(self, app: App, requests: Counter[str]) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_sandbox/"):
            self._requests[f"{scope['method']} {_route(scope['path'])}"] += 1
        await self._app(scope, receive, send)


def _route(path: str) -> str:
    """Put names in place of the path's ids."""
    found = _IDS.match(path)
    if not found:
        return path
    tail, asset = found.groups()
    if asset:
        tail = tail.removesuffix(asset) + "/{asset_id}"
    return "/flows/{flow_id}" + (tail or "")
