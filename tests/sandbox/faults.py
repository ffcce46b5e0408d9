"""Faults to order, and the gate in front of the service that carries them out.

`PUT /_sandbox/faults` with a JSON list, or `Sandbox.order(*faults)`, replaces all orders; `GET` tells which
are left. Each is an object:

    {"method": "GET", "path": "/flows/*/outputs/*", "after": 2, "times": 1, "action": "cut", "at": 1000}
    {"flow": {"template": "model_optimize", "outcome": "fail", "reason": "too thin"}, "times": -1}

Which requests: `method` (default "*") and `path` (default "*" = every path; otherwise a pattern for each
segment, so that "/flows/*" is one flow and not its outputs), `key` (default "*"; a pattern for the API key,
so that each of many clients has faults of its own). `after` matches go by unharmed (default 0), then `times`
are hit (default 1; -1 = all). The first order that hits wins. `/_sandbox/...` is never hit.

`action`, and what else it takes:

    status    answer `status` (default 503) with `body` (text or JSON; default {"detail": ...}) of
              `content_type`, and with `retry_after` (seconds, or the text of an HTTP date) as Retry-After
    garbage   answer 200 with `body`, or `size` random bytes, or (default) an HTML page
    empty     answer `status` (default 200) with no body; by default the request has been processed
    redirect  answer `status` (default 307) towards `location`
    drop      close the connection without an answer; "reset": true sends a TCP reset;
              with `at`, only once that many bytes of the request's body have arrived
    cut       send the real answer's head with its full Content-Length, `at` bytes of its body, then close
    stall     the same, but say nothing for `seconds` instead of closing, then send the rest;
              with "drip": true single bytes come every 50 ms meanwhile
    delay     wait `seconds`, then answer as usual

`when` is "before" (the request is not processed) or "after" (it is processed, and its real answer is lost);
it applies to status, garbage, empty, redirect and drop.

`flow` orders the fate of a flow, when it starts; `template` is a pattern (default "*"). `outcome` is one of:

    fail            ends `failed` with `reason` (where a profile says it: in the outputs, or in the flow)
    fail_silently   ends `failed` and never says why
    asset_error     ends `completed`, with its outputs in error for `reason`
    unknown_state   is "postprocessing" while it runs, then ends well
    not_a_glb       ends well, but the output is an HTML page
    truncated_glb   ends well, but the output lacks its last third
    external_uri    ends well, but the output refers to a file outside itself
    slow_outputs    ends well, but its first `reads` (default 2) lists of outputs are empty, or with
                    "conflict": true refused with a 409
    vanish          is gone from the server while it runs
    hang            runs until it is aborted
"""

import asyncio
import json
import random
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from enum import StrEnum
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_HTML = "<!doctype html><title>Welcome</title><h1>Welcome to this network</h1><p>Please sign in."
_DRIP = 0.05
_GLANCE = 0.05  # seconds between looks at whether the client is still there


class Outcome(StrEnum):
    """What may happen to a flow; see the module."""

    FAIL = "fail"
    FAIL_SILENTLY = "fail_silently"
    UNKNOWN_STATE = "unknown_state"
    ASSET_ERROR = "asset_error"
    NOT_A_GLB = "not_a_glb"
    TRUNCATED_GLB = "truncated_glb"
    EXTERNAL_URI = "external_uri"
    VANISH = "vanish"
    SLOW_OUTPUTS = "slow_outputs"
    HANG = "hang"


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class FlowFault(_Order):
    """The `flow` part of an order."""

    template: str = "*"
    outcome: Outcome
    reason: str = "The service was ordered to fail"
    reads: int = 2
    conflict: bool = False


class Fault(_Order):
    """One order; the module says what its fields mean."""

    after: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=-1)
    flow: FlowFault | None = None
    method: str = "*"
    path: str = "*"
    key: str = "*"
    action: Literal["status", "garbage", "empty", "redirect", "drop", "cut", "stall", "delay"] | None = None
    when: Literal["before", "after"] | None = None
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: Any = None
    content_type: str | None = None
    retry_after: float | int | str | None = None
    size: int | None = None
    location: str = ""
    at: int = Field(default=0, ge=0)
    seconds: float = Field(default=1.0, ge=0)
    drip: bool = False
    reset: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> "Fault":
        if (self.action is None) == (self.flow is None):
            raise ValueError("order either an `action` or a `flow`")
        return self

    @property
    def processed(self) -> bool:
        """Whether the service does what was asked although its answer is lost."""
        return (self.when or ("after" if self.action == "empty" else "before")) == "after"

    def matches(self, method: str, path: str, key: str) -> bool:
        """Whether a request is one of those that the order is about."""
        if self.action is None or not fnmatchcase(key, self.key):
            return False
        if not fnmatchcase(method, self.method.upper()):
            return False
        if self.path == "*":
            return True
        wanted, found = self.path.split("/"), path.split("/")
        return len(wanted) == len(found) and all(map(fnmatchcase, found, wanted))


_FAULTS = TypeAdapter(list[Fault])


class Orders:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def replace(self, orders: Iterable[dict[str, Any]]) -> None:
        """Forget the former orders. pydantic's ValidationError when one is not understood."""
        self._faults = _FAULTS.validate_python(list(orders))

    def left(self) -> list[dict[str, Any]]:
        """Tell which orders still wait for what they are about."""
        return [fault.model_dump(exclude_defaults=True) for fault in self._faults if fault.times]

    def for_request(self, method: str, path: str, key: str) -> Fault | None:
        """Find the fault that hits this request."""
        return self._take(lambda fault: fault.matches(method, path, key))

    def for_flow(self, template: str) -> FlowFault | None:
        """Find the fault that hits a flow which starts now."""
        fault = self._take(
            lambda fault: fault.flow is not None and fnmatchcase(template, fault.flow.template)
        )
        return fault.flow.model_copy() if fault and fault.flow else None

    def _take(self, matches: Callable[[Fault], bool]) -> Fault | None:
        for fault in filter(matches, self._faults):
            if fault.after:
                fault.after -= 1
            elif fault.times:
                fault.times -= fault.times > 0
                return fault
        return None


class Gate:
    """ASGI middleware that lets requests through, or lets happen to them what was ordered.

    `scope["state"]["transport"]` must be the connection's asyncio transport: ASGI knows no way to hang up.
    """

    def __init__(self, app: App, orders: Orders) -> None:
        self._app = app
        self._orders = orders

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox/"):
            await self._app(scope, receive, send)
            return
        fault = self._orders.for_request(scope["method"], scope["path"], _key(scope))
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.action == "delay":
            await _wait(fault.seconds, scope["state"]["transport"])
            await self._app(scope, receive, send)
        elif fault.action in ("cut", "stall"):
            await self._app(scope, receive, _Interrupted(fault, scope["state"]["transport"], receive, send))
        else:
            await self._instead(fault, scope, receive, send)

    async def _instead(self, fault: Fault, scope: Message, receive: Receive, send: Send) -> None:
        """Lose the answer, of a request that may have been processed."""
        if fault.processed:
            await self._app(scope, receive, _nowhere)
        elif fault.action != "drop":
            await _read(
                receive, None
            )  # else the client may be stopped in its sending, and never look for an answer
        elif fault.at:
            await _read(receive, fault.at)
        if fault.action == "drop":
            await _hang_up(scope["state"]["transport"], receive, reset=fault.reset)
            return
        status, headers, body = _answer(fault)
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Interrupted:
    """A `send` that lets `at` bytes of the body pass, and then cuts the connection or stalls."""

    def __init__(self, fault: Fault, transport: asyncio.Transport, receive: Receive, send: Send) -> None:
        self._fault = fault
        self._transport = transport
        self._receive = receive
        self._send = send
        self._left = fault.at
        self._over = False

    async def __call__(self, message: Message) -> None:
        body: bytes = message.get("body", b"")
        if self._over and self._fault.action == "cut":
            return
        last = not message.get("more_body", False)
        if message["type"] != "http.response.body" or self._over or (len(body) <= self._left and not last):
            self._left -= len(body)
            await self._send(message)
            return
        self._over = True
        head, rest = body[: self._left], body[self._left :]
        await self._send({"type": "http.response.body", "body": head, "more_body": True})
        if self._fault.action == "cut":
            await _hang_up(self._transport, self._receive)
            return
        rest = await self._drip(rest) if self._fault.drip else await self._silence(rest)
        await self._send({**message, "body": rest})

    async def _silence(self, rest: bytes) -> bytes:
        await _wait(self._fault.seconds, self._transport)
        return rest

    async def _drip(self, rest: bytes) -> bytes:
        end = time.monotonic() + self._fault.seconds
        while len(rest) > 1 and time.monotonic() < end and not self._transport.is_closing():
            await self._send({"type": "http.response.body", "body": rest[:1], "more_body": True})
            rest = rest[1:]
            await asyncio.sleep(_DRIP)
        return rest


def _key(scope: Message) -> str:
    """The API key that a request carries, or ""."""
    return dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")[2]


def _answer(fault: Fault) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body to send instead of the real ones."""
    headers: list[tuple[bytes, bytes]] = []
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode()))
    match fault.action:
        case "empty":
            return fault.status or 200, headers, b""
        case "redirect":
            return fault.status or 307, [*headers, (b"location", fault.location.encode())], b""
        case "garbage":
            status, body = fault.status or 200, _HTML if fault.body is None else fault.body
            if fault.size is not None:
                body = random.Random(fault.size).randbytes(fault.size)
        case _:
            status = fault.status or 503
            body = {"detail": HTTPStatus(status).phrase} if fault.body is None else fault.body
    kind = "application/json"
    if isinstance(body, bytes):
        kind = "application/octet-stream"
    elif isinstance(body, str):
        kind, body = "text/html" if body.lstrip().startswith("<") else "text/plain", body.encode()
    else:
        body = json.dumps(body).encode()
    return status, [*headers, (b"content-type", (fault.content_type or kind).encode())], body


async def _nowhere(_: Message) -> None:
    """Send an answer that nobody gets."""


async def _read(receive: Receive, at_most: int | None) -> None:
    """Take the request's body off the wire, all of it or a beginning."""
    got = 0
    while at_most is None or got < at_most:
        message = await receive()
        got += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message["more_body"]:
            return


async def _wait(seconds: float, transport: asyncio.Transport) -> None:
    """Wait as long as the connection lives: there is no point in keeping a dead one waiting."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not transport.is_closing():
        await asyncio.sleep(min(left, _GLANCE))


async def _hang_up(transport: asyncio.Transport, receive: Receive, *, reset: bool = False) -> None:
    """Close the connection after what was written so far, and wait until the server has noticed."""
    if reset:  # closing with no time to linger is what makes the kernel send a reset
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
