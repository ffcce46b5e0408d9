"""A scripted HTTP server on loopback: it answers what a test tells it to, and records what it was asked."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

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

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.abandoned = False  # whether a connection stayed open that nobody used
        self._scripts: dict[tuple[str, str], list[Script]] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._http.daemon_threads = False
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def on(self, method: str, path: str, *scripts: Script) -> None:
        self._scripts[method, path] = list(scripts)

    def calls(self, method: str | None = None) -> list[str]:
        return [f"{a.method} {a.path}" for a in self.asked if method in (None, a.method)]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()  # waits for the connections to end
        self._thread.join(10)
        assert not self.abandoned, "the client has left a connection open"

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
            disable_nagle_algorithm = True
            timeout = 10  # seconds that a connection may be silent

            def log_error(self, *_: Any) -> None:
                server.abandoned = True  # http.server reports nothing else here: no test sends a bad request

            def log_message(self, *_: Any) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except (ConnectionError, ssl.SSLError):  # the client hung up, which tests make it do
                    self.close_connection = True

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # nobody could act on half a request
                    self.close_connection = True
                    return
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

            do_CONNECT = do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815  # as http.server wants

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


class RawServer:
    """Sends the same bytes to whoever has sent the head of a request, then hangs up."""

    def __init__(self, reply: bytes) -> None:
        self.connections = 0
        self._reply = reply
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            peer, _ = self._socket.accept()
            with peer:
                peer.settimeout(10)
                head = b""
                while b"\r\n\r\n" not in head and (block := peer.recv(65536)):
                    head += block
                if head.startswith(b"QUIT"):
                    return
                self.connections += 1
                try:
                    peer.sendall(self._reply)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65536):  # hanging up with something unread would be a reset
                        pass
                except OSError:
                    pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with socket.create_connection(self._socket.getsockname()) as stop:
            stop.sendall(b"QUIT\r\n\r\n")
        self._thread.join(10)
        self._socket.close()


def closed_port() -> int:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as briefly:
        return briefly.getsockname()[1]
