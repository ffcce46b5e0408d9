"""A second service, written from the contract alone: it shares no code with the sandbox.

A misunderstanding in one of the two is found by the other. Each key has an account of its own, whose service
has its own manners and plays its own tricks (`tricks.py`); what happened there is its evidence. Every result
says, in the extras of its GLB, of which flow it is and what that was made of, so that a model that came to
the wrong job is found.
"""

import asyncio
import base64
import hashlib
import itertools
import json
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from .tricks import Trick, plain, play

ACCEPTED = {
    "model_generate_fromprompt": ("text/plain",),
    "model_generate_fromimage": ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/tiff"),
    "model_optimize": ("model/gltf-binary",),
}
"""The templates, and the types of what each takes (contract, section 2)."""

ABORTING_SECONDS = 0.1


@dataclass(frozen=True)
class Manners:
    """What an account's service is like, within the contract.

    run_seconds: how long a flow takes. lag: how many seconds its reads are behind its writes. processing: for
    so many seconds after an input came a start is refused with `refusal`. one_shot: it wants the inputs with
    the create. raw: downloads are the GLB itself (V2).
    """

    run_seconds: float = 0.1
    lag: float = 0.0
    processing: float = 0.0
    refusal: int = 409
    one_shot: bool = False
    raw: bool = False


class Reply(NamedTuple):
    """A status, and what to say as JSON, or as it is."""

    status: int
    content: Any = None

    @property
    def body(self) -> bytes:
        """The bytes of the answer; an empty one where there is nothing to say."""
        if isinstance(self.content, bytes):
            return self.content
        return b"" if self.content is None else json.dumps(self.content).encode()


def _refused(status: int, reason: str) -> Reply:
    return Reply(status, {"detail": reason})


UNKNOWN = _refused(404, "Flow not found")


@dataclass
class Flow:
    """One flow. All has a time, in seconds of `time.monotonic`, so that it can be shown as it was."""

    flow_id: str
    template: str
    parameters: dict[str, Any]
    additional: Any
    created_at: float
    started_at: float | None = None
    aborted_at: float | None = None
    deleted_at: float | None = None
    inputs: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    by_hand: bool = True  # made without inputs, so it is started by hand
    starts: int = 0

    def there(self, at: float) -> bool:
        """Whether the flow was there at that time."""
        return self.created_at <= at and (self.deleted_at is None or at < self.deleted_at)

    def state(self, at: float, run_seconds: float) -> str:
        """In which state it was at that time (contract, section 3)."""
        if self.started_at is None or at < self.started_at:
            return "created"
        if self.aborted_at is not None and at >= self.aborted_at:
            return "aborting" if at < self.aborted_at + ABORTING_SECONDS else "aborted"
        ran = at - self.started_at
        if ran >= run_seconds:
            return "completed"
        return "starting" if ran < run_seconds / 10 else "running"

    def arrived(self, at: float) -> list[dict[str, Any]]:
        """The inputs that were there at that time."""
        return [item for when, item in self.inputs if when <= at]

    def start(self, now: float) -> None:
        """Begin to run; this is what costs."""
        self.started_at = now
        self.starts += 1

    def model(self) -> bytes:
        """The result, which says whose it is."""
        token = self.additional.get("token") if isinstance(self.additional, dict) else None
        made_of = [digest(item["data"]) for _, item in self.inputs]
        return _glb({"flow_id": self.flow_id, "token": token, "made_of": made_of})


class Account:
    """What belongs to one key."""

    def __init__(self, manners: Manners, tricks: list[Trick]) -> None:
        self.manners = manners
        self.tricks = [trick.begin() for trick in tricks]
        self.flows: dict[str, Flow] = {}
        self.played = Counter[str]()
        self._numbers = itertools.count(1)

    def evidence(self) -> list[dict[str, Any]]:
        """What was done to each flow, how often."""
        return [
            {
                "flow_id": flow.flow_id,
                "additional": flow.additional,
                "uploaded": len(flow.inputs),
                "started": flow.starts,
                "run": flow.starts,
            }
            for flow in self.flows.values()
        ]

    def answer(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> Reply:
        """What the service itself says to a request, once it is there."""
        now = time.monotonic()
        seen = now - self.manners.lag if method == "GET" else now
        match method, path:
            case "GET", ["templates"]:
                names = [{"template_id": f"t{at}", "template_name": name} for at, name in enumerate(ACCEPTED)]
                return Reply(200, {"templates": names})
            case "GET", ["flows"]:
                shown = [self._shown(flow, seen) for flow in self.flows.values() if flow.there(seen)]
                return Reply(200, {"flows": shown})
            case "POST", ["flows"]:
                return self._create(body, now)
            case _, ["flows", flow_id, *rest] if flow_id in self.flows and self.flows[flow_id].there(seen):
                return self._of_flow(method, self.flows[flow_id], rest, query, body, seen)
            case _, ["flows", _, *_]:
                return UNKNOWN
        return _refused(404, "Not Found")

    def mixed_up(self, path: list[str]) -> Reply | None:
        """What it would say about another flow of the account, None where it would say nothing of one."""
        asked = path[1] if path[1:] else next(reversed(self.flows), "")  # a create is about the last one
        replies = (
            self.answer("GET", ["flows", other, *path[2:3]], {}, None)
            for other in self.flows
            if other != asked
        )
        return next((reply for reply in replies if reply.status == 200), None)

    def _of_flow(
        self, method: str, flow: Flow, rest: list[str], query: dict[str, list[str]], body: Any, at: float
    ) -> Reply:
        state = flow.state(at, self.manners.run_seconds)
        with_data = query.get("include_data") == ["true"]
        over = state in ("completed", "aborted")
        match method, rest:
            case "GET", []:
                return Reply(200, self._shown(flow, at))
            case "PATCH", []:
                return self._change(flow, body, state, at)
            case "DELETE", []:
                if state in ("starting", "running", "aborting"):
                    return _refused(409, f"The flow is {state}")
                flow.deleted_at = at
                return Reply(200)
            case "POST", ["inputs"]:
                return self._add_input(flow, body, state, at)
            case "GET", ["inputs"]:
                items = [self._input(flow, number, with_data, at) for number in range(len(flow.arrived(at)))]
                return Reply(200, {"flow_id": flow.flow_id, "inputs": items})
            case "GET", ["inputs", asset] if asset.isdecimal() and int(asset) < len(flow.arrived(at)):
                return Reply(200, self._input(flow, int(asset), True, at))
            case "GET", ["outputs", *_] if not over:
                return _refused(409, f"The flow is {state}")
            case "GET", ["outputs"]:
                outputs = self._outputs(flow, state, with_data)
                return Reply(200, {"flow_id": flow.flow_id, "outputs": outputs})
            case "GET", ["outputs", "model"] if state == "completed":
                return Reply(200, flow.model() if self.manners.raw else {"data": _uri(flow.model())})
            case _, ["inputs" | "outputs", _]:
                return _refused(404, "Asset not found")
        return _refused(405, "Method Not Allowed")

    def _create(self, body: Any, now: float) -> Reply:
        if not isinstance(body, dict) or body.get("template") not in ACCEPTED:
            return _refused(422, "template: unknown")
        inputs = body.get("inputs")
        if inputs == [] or (inputs is None and self.manners.one_shot):
            missing = {"loc": ["body", "inputs"], "msg": "field required", "type": "missing"}
            return Reply(422, {"detail": [missing]})
        for item in inputs or ():
            if not _acceptable(item, body["template"]):
                return _refused(422, "inputs: not acceptable")
        flow = Flow(
            f"{next(self._numbers):08x}{id(self) & 0xFFFFFFFFFFFFFFFF:016x}",
            body["template"],
            body.get("parameters") or {},
            body.get("additional"),
            now,
            inputs=[(now, item) for item in inputs or ()],
            by_hand=not inputs,
        )
        if inputs:
            flow.start(now)
        self.flows[flow.flow_id] = flow
        return Reply(200, self._shown(flow, now))

    def _change(self, flow: Flow, body: Any, state: str, now: float) -> Reply:
        match body:
            case {"action": "start"}:
                if state != "created" or not flow.by_hand:
                    return _refused(409, f"The flow is {state}")
                if not flow.inputs:
                    return _refused(422, "The flow has no inputs")
                if now - flow.inputs[-1][0] < self.manners.processing:
                    return _refused(self.manners.refusal, "The input is still being processed")
                flow.start(now)
                return Reply(200)
            case {"action": "abort"}:
                if state not in ("starting", "running"):
                    return _refused(409, f"The flow is {state}")
                flow.aborted_at = now
                return Reply(200)
        return _refused(422, "action: start or abort")

    def _add_input(self, flow: Flow, body: Any, state: str, now: float) -> Reply:
        if state != "created":
            return _refused(409, f"The flow is {state}")
        if not _acceptable(body, flow.template):
            return _refused(422, "data: not acceptable")
        flow.inputs.append((now, body))
        return Reply(200, {"asset_id": str(len(flow.inputs) - 1)})

    def _shown(self, flow: Flow, at: float) -> dict[str, Any]:
        state = flow.state(at, self.manners.run_seconds)
        return {
            "flow_id": flow.flow_id,
            "template": flow.template,
            "state": state,
            "progress": 1.0 if state == "completed" else 0.0,
            "parameters": flow.parameters,
            "additional": flow.additional,
        }

    def _input(self, flow: Flow, number: int, with_data: bool, at: float) -> dict[str, Any]:
        when, item = flow.inputs[number]
        status = "processing" if at - when < self.manners.processing else "available"
        shown = {"asset_id": str(number), "status": status, "additional": item.get("additional")}
        return {**shown, "data": item["data"]} if with_data else shown

    def _outputs(self, flow: Flow, state: str, with_data: bool) -> list[dict[str, Any]]:
        if state != "completed":
            return []
        shown = {"asset_id": "model", "status": "ready", "additional": flow.inputs[0][1].get("additional")}
        return [{**shown, "data": _uri(flow.model())} if with_data else shown]


def digest(data: str) -> str:
    """What tells one input from another: of the bytes of a data URI, else of the text."""
    head, comma, payload = data.partition(",")
    content = base64.b64decode(payload) if comma and head.startswith("data:") else data.encode()
    return hashlib.sha256(content).hexdigest()


def _acceptable(item: Any, template: str) -> bool:
    data = item.get("data") if isinstance(item, dict) else None
    if not isinstance(data, str) or not data:
        return False
    kind = data[5:].partition(";")[0] if data.startswith("data:") else "text/plain"
    return kind in ACCEPTED[template]


def _uri(model: bytes) -> str:
    return "data:model/gltf-binary;base64," + base64.b64encode(model).decode()


def _glb(extras: dict[str, Any]) -> bytes:
    """One triangle, with something to say."""
    corners = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
    places = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}
    document = {
        "asset": {"version": "2.0", "extras": extras},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{**places, "min": [0, 0, 0], "max": [1, 1, 0]}],
        "bufferViews": [{"buffer": 0, "byteLength": len(corners)}],
        "buffers": [{"byteLength": len(corners)}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(corners), b"BIN\0") + corners
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def called(method: str, path: list[str]) -> str:
    """The name of a call, as tricks are ordered for it."""
    match method, path:
        case "GET", ["templates"]:
            return "templates"
        case "GET", ["flows"]:
            return "list"
        case "POST", ["flows"]:
            return "create"
        case "GET", ["flows", _]:
            return "poll"
        case "PATCH", ["flows", _]:
            return "patch"
        case "DELETE", ["flows", _]:
            return "delete"
        case "POST", ["flows", _, "inputs"]:
            return "input"
        case "GET", ["flows", _, "inputs", *_]:
            return "inputs"
        case "GET", ["flows", _, "outputs"]:
            return "outputs"
        case "GET", ["flows", _, "outputs", _]:
            return "download"
    return "unknown"


class Service:
    """All accounts, behind one port of loopback; served by a thread of its own, see `running`."""

    def __init__(self) -> None:
        self.url = ""
        self._accounts: dict[str, Account] = {}

    def open(self, key: str, manners: Manners, tricks: list[Trick]) -> Account:
        """An account for a new key."""
        self._accounts[key] = account = Account(manners, tricks)
        return account

    async def serve(self, listening: threading.Event) -> None:
        """Serve until `end` is called; sets `listening` as soon as `url` is known."""
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        listening.set()
        await self._ended.wait()
        server.close()

    def end(self) -> None:
        """Serve no more; for any thread."""
        self._loop.call_soon_threadsafe(self._ended.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side has enough of it."""
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it; whether the connection is good for another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
        }
        address = urlsplit(target)
        path = [unquote(word) for word in address.path.strip("/").split("/")]

        content = b""

        async def read() -> None:
            nonlocal content
            content = await reader.readexactly(int(headers.get("content-length", 0)))

        account = self._accounts.get(headers.get("authorization", "").removeprefix("Bearer "))
        if account is None:
            await read()
            writer.write(plain(401, b'{"detail": "Who are you?"}'))
            return True

        def handle() -> Reply:
            with suppress(ValueError):
                return account.answer(method, path, parse_qs(address.query), json.loads(content or b"null"))
            return _refused(422, "This is no JSON")

        call = called(method, path)
        now = time.monotonic()
        due = [trick for trick in account.tricks if trick.is_due(call, now)]
        account.played.update(trick.order.act for trick in due)
        return await play(due, writer, read, handle, lambda: account.mixed_up(path))


@contextmanager
def running() -> Iterator[Service]:
    """A service that is served from a thread."""
    service, listening = Service(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(service.serve(listening)), daemon=True)
    thread.start()
    listening.wait()
    try:
        yield service
    finally:
        service.end()
        thread.join()
