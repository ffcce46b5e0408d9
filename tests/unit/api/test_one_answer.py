"""One connection, one answer: what a gateway adds to it, or breaks in it, never reaches another call."""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from gzip import compress
from pathlib import Path

import pytest
from generio_flows.api import FlowsClient, NetworkError, RetryPolicy, UnexpectedAnswer
from generio_flows.api.coding import codings_of, decoded

pytestmark = pytest.mark.slow

Wire = Callable[[socket.socket, bytes], None]
"""Puts the answer to one request, its JSON given, onto the wire in a way of its own."""


def http(body: bytes, *headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def plainly(connection: socket.socket, body: bytes) -> None:
    connection.sendall(http(body))


class Service:
    """Names in each answer the flow that was asked about; `wires` are used in turn, and then the last."""

    def __init__(self, *wires: Wire) -> None:
        self.wires = [*wires]
        self.connections = 0
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):  # Windows has nothing to end here
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests:
            try:
                while line := requests.readline():
                    path = line.split()[1].decode()
                    length = 0
                    while (header := requests.readline().lower()) not in (b"\r\n", b""):
                        if header.startswith(b"content-length:"):
                            length = int(header.partition(b":")[2])
                    sent = json.loads(requests.read(length) or b"{}")
                    self.asked.append(path)
                    answer = {
                        "flow_id": path.split("/")[2] if path.count("/") > 1 else "new",
                        "state": "running",
                    }
                    wire = self.wires.pop(0) if len(self.wires) > 1 else self.wires[0]
                    wire(connection, json.dumps({**answer, "additional": sent.get("additional")}).encode())
            except OSError:
                pass


@pytest.fixture
def serving() -> Iterator[Callable[..., tuple[Service, FlowsClient]]]:
    made: list[tuple[Service, FlowsClient]] = []

    def make(*wires: Wire) -> tuple[Service, FlowsClient]:
        service = Service(*wires)
        client = FlowsClient(service.url, "key", policy=RetryPolicy(attempts=1), timeout=(5, 5))
        made.append((service, client))
        return made[-1]

    yield make
    for service, client in made:
        client.close()
        service.close()


@pytest.mark.parametrize("status", [100, 102, 103, 199])
@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_interim_answers_are_skipped(
    serving: Callable[..., tuple[Service, FlowsClient]], status: int, pause: float
):
    def early(connection: socket.socket, body: bytes) -> None:
        for _ in range(3):
            connection.sendall(f"HTTP/1.1 {status} Wait\r\nLink: </x>; rel=preload\r\n\r\n".encode())
            time.sleep(pause)
        plainly(connection, body)

    service, client = serving(early)
    assert [client.flow(name).flow_id for name in ("a", "b", "c")] == ["a", "b", "c"]
    assert service.connections == 1, "an interim answer is nothing unexpected"


def test_interim_answers_without_end_are_none(serving: Callable[..., tuple[Service, FlowsClient]]):
    def chatter(connection: socket.socket, body: bytes) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    _service, client = serving(chatter, plainly)
    with pytest.raises(NetworkError):
        client.flow("a")
    assert client.flow("b").flow_id == "b"


def test_nobody_asked_to_switch_protocols(serving: Callable[..., tuple[Service, FlowsClient]]):
    def switch(connection: socket.socket, body: bytes) -> None:
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + http(body))

    _service, client = serving(switch, plainly)
    with pytest.raises(NetworkError):
        client.flow("a")
    assert client.flow("b").flow_id == "b"


@pytest.mark.parametrize("late", [0.0, 0.05])
def test_an_answer_that_comes_twice_spoils_its_connection(
    serving: Callable[..., tuple[Service, FlowsClient]], late: float
):
    def twice(connection: socket.socket, body: bytes) -> None:
        if not late:
            connection.sendall(2 * http(body))
            return
        plainly(connection, body)
        time.sleep(late)
        plainly(connection, body)

    service, client = serving(twice)
    for name in ("a", "b", "c"):
        assert client.flow(name).flow_id == name
        time.sleep(2 * late)
    assert service.connections == 3


def test_what_is_behind_a_chunked_answer_spoils_its_connection(
    serving: Callable[..., tuple[Service, FlowsClient]],
):
    def chunked(connection: socket.socket, body: bytes) -> None:
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + http(b"{}"))

    service, client = serving(chunked)
    assert [client.flow(name).flow_id for name in ("a", "b")] == ["a", "b"]
    assert service.connections == 2


def test_an_answer_about_another_flow_is_none(
    serving: Callable[..., tuple[Service, FlowsClient]], tmp_path: Path
):
    def crossed(connection: socket.socket, body: bytes) -> None:
        plainly(
            connection,
            json.dumps({**json.loads(body), "flow_id": "other", "outputs": [], "inputs": []}).encode(),
        )

    _service, client = serving(crossed)
    for call in (
        lambda: client.flow("a"),
        lambda: client.start_flow("a"),
        lambda: client.abort_flow("a"),
        lambda: client.delete_flow("a"),
        lambda: client.inputs("a"),
        lambda: client.outputs("a"),
        lambda: client.input("a", "i"),
    ):
        with pytest.raises(UnexpectedAnswer, match="a different job"):
            call()


def test_a_create_that_is_answered_with_another_token_has_no_answer(
    serving: Callable[..., tuple[Service, FlowsClient]],
):
    def crossed(connection: socket.socket, body: bytes) -> None:
        plainly(connection, json.dumps({**json.loads(body), "additional": {"token": "theirs"}}).encode())

    def silent(connection: socket.socket, body: bytes) -> None:
        plainly(connection, b'{"flow_id": "new"}')

    _service, client = serving(plainly, crossed, silent)
    assert client.create_flow("t", additional={"token": "ours"}).flow_id == "new"
    with pytest.raises(UnexpectedAnswer, match="a different job"):
        client.create_flow("t", additional={"token": "ours"})
    assert client.create_flow("t", additional={"token": "ours"}).flow_id == "new", (
        "not every service repeats it"
    )


BROKEN = {
    "negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}",
    "no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "huge chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n{}",
    "chunk without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5",
    "long chunk line": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}",
    "status of letters": b"HTTP/1.1 OK OK\r\n\r\n{}",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "long status": b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n{  }",
    "cut gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n"
    + compress(b"{}")[:12],
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{}",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_bytes_are_the_networks_fault_and_of_one_call(
    serving: Callable[..., tuple[Service, FlowsClient]], kind: str, tmp_path: Path
):
    def broken(connection: socket.socket, body: bytes) -> None:
        connection.sendall(BROKEN[kind])
        connection.shutdown(socket.SHUT_RDWR)

    _service, client = serving(broken, broken, plainly)
    with pytest.raises(NetworkError) as caught:
        client.flow("a")
    assert type(caught.value) is NetworkError
    assert caught.value.sent
    with pytest.raises(NetworkError):
        client.download_output("a", "o", tmp_path / "result.glb")
    assert client.flow("b").flow_id == "b"
    assert list(tmp_path.iterdir()) == []


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": compress,
    "x-gzip": compress,
    "deflate": zlib.compress,
    "Deflate": lambda body: zlib.compress(body, wbits=-15),
    "gzip, identity": lambda body: compress(body[:3]) + compress(body[3:]) + bytes(8),
    "deflate, gzip": lambda body: compress(zlib.compress(body)),
}


@pytest.mark.parametrize("coding", PACKINGS)
def test_what_comes_packed_is_unpacked(serving: Callable[..., tuple[Service, FlowsClient]], coding: str):
    def packed(connection: socket.socket, body: bytes) -> None:
        connection.sendall(http(PACKINGS[coding](body), f"Content-Encoding: {coding}"))

    service, client = serving(packed)
    assert [client.flow(name).flow_id for name in ("a", "b")] == ["a", "b"]
    assert service.connections == 1


def test_a_packing_that_is_not_known_is_named(serving: Callable[..., tuple[Service, FlowsClient]]):
    def packed(connection: socket.socket, body: bytes) -> None:
        connection.sendall(http(body, "Content-Encoding: br"))

    _service, client = serving(packed)
    with pytest.raises(UnexpectedAnswer, match="unknown compression: br"):
        client.flow("a")


def test_unpacking_keeps_to_its_blocks():
    bomb = compress(bytes(50 << 20))
    sizes = [len(block) for block in decoded([bomb[:7], bomb[7:]], ["gzip"], 1 << 16)]
    assert sum(sizes) == 50 << 20
    assert max(sizes) <= 1 << 16


def test_the_limit_of_an_answer_holds_for_what_is_unpacked(
    serving: Callable[..., tuple[Service, FlowsClient]],
):
    def bomb(connection: socket.socket, body: bytes) -> None:
        connection.sendall(http(compress(b"[" + b" " * (17 << 20) + b"]"), "Content-Encoding: gzip"))

    _service, client = serving(bomb)
    with pytest.raises(UnexpectedAnswer, match="far too long"):
        client.flows()


@pytest.mark.parametrize("header", ["br", "gzip, zstd", "gzip, gzip, gzip, gzip", "compress"])
def test_codings_that_cannot_be_undone(header: str):
    with pytest.raises(ValueError, match=header):
        codings_of(header)


def test_cookies_are_not_kept(serving: Callable[..., tuple[Service, FlowsClient]]):
    sent: list[bytes] = []

    def baker(connection: socket.socket, body: bytes) -> None:
        connection.sendall(http(body, "Set-Cookie: session=somebody-elses; Path=/"))

    _service, client = serving(baker)
    session = client._transport._session
    client.flow("a")
    client.flow("b")
    sent += [cookie.name.encode() for cookie in session.cookies]
    assert sent == []
