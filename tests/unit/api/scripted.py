"""A scripted HTTP server on loopback: it answers what a test tells it to, and records what it was asked."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "a-secret-key-0123456789"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """One answer. `cut` announces the whole body and sends only that many bytes of it; -1 sends no answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    chunked: bool = False


Script = Answer | Callable[[Asked], Answer]


def answer(value: Any = None, status: int = 200, **headers: str) -> Answer:
    """JSON answer; bytes are sent as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


class Server:
    """`on("GET", "/flows", first, second)` answers in turn and then with the last; others get a 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._scripts: dict[tuple[str, str], list[Script]] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def on(self, method: str, path: str, *scripts: Script) -> None:
        self._scripts[method, path] = list(scripts)

    def calls(self, method: str | None = None) -> list[str]:
        return [f"{a.method} {a.path}" for a in self.asked if method in (None, a.method)]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    def _answer(self, asked: Asked) -> Answer:
        scripts = self._scripts.get((asked.method, asked.path))
        if not scripts:
            return answer({"detail": "Not Found"}, 404)
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script if isinstance(script, Answer) else script(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:  # the client hung up, which tests make it do
                    self.close_connection = True

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                peer = {"X-Peer": str(self.client_address[1])}  # tells connections apart
                asked = Asked(self.command, self.path, dict(self.headers) | peer, body)
                server.asked.append(asked)
                reply = server._answer(asked)
                if reply.cut == -1:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                elif reply.status != 204 and "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                whole = reply.body if reply.cut is None else reply.body[: reply.cut]
                if reply.chunked:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(reply.body), whole) if whole else b"")
                    if reply.cut is None:
                        self.wfile.write(b"0\r\n\r\n")
                else:
                    self.wfile.write(whole)
                if reply.cut is not None:
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = do_DELETE = _any

        return Handler


def glb(document: dict[str, Any] | None = None, binary: bytes = b"", *, version: int = 2) -> bytes:
    """A GLB that is right, unless told otherwise."""
    text = json.dumps(document if document is not None else {"asset": {"version": "2.0"}}).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        binary += b"\0" * (-len(binary) % 4)
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", version, 12 + len(chunks)) + chunks
