"""A server that sends just enough to be alive holds nobody for ever; a slow line is no such server."""

import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from generio_flows.api import FlowsClient, NetworkError, RetryPolicy, pace
from generio_flows.api import transport as transport_module

from tests.unit.api.scripted import KEY, glb

pytestmark = pytest.mark.slow

ONCE = RetryPolicy(attempts=1)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


class Dripping:
    """Answers one request with `reply`, `size` bytes each `seconds`, as long as somebody listens."""

    def __init__(self, reply: bytes, size: int, seconds: float) -> None:
        self._reply, self._size, self._seconds = reply, size, seconds
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.told = False  # the whole reply
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._socket.accept()
        with peer:
            peer.recv(65536)
            for begin in range(0, len(self._reply), self._size):
                try:
                    peer.sendall(self._reply[begin : begin + self._size])
                except OSError:
                    return
                if self._over.wait(self._seconds):
                    return
            self.told = True

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def dripping() -> Iterator[type[Dripping]]:
    made: list[Dripping] = []

    def make(*arguments) -> Dripping:
        made.append(Dripping(*arguments))
        return made[-1]

    yield make  # type: ignore[misc]
    for server in made:
        server.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is the one thing that is not real here."""
    monkeypatch.setattr(pace, "WINDOW_SECONDS", 0.5)
    monkeypatch.setattr(pace, "LEAST_BYTES", 200)


ENDLESS = b" " * 100_000


@pytest.mark.parametrize(
    "reply",
    [
        HEAD % len(ENDLESS) + ENDLESS,
        b"HTTP/1.1 200 OK\r\nX-Long: " + ENDLESS,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 10_000,
        b"HTTP/1.1 500 Oops\r\nContent-Length: 60000\r\n\r\n" + ENDLESS,
        HEAD % len(ENDLESS) + b'{"id": "f1", "' + b"x" * 100_000,
    ],
    ids=["body", "head", "chunks", "complaint", "json"],
)
def test_an_answer_that_drips_ends(dripping, reply: bytes) -> None:
    server = dripping(reply, 1, 0.02)
    with (
        FlowsClient(server.url, KEY, policy=ONCE, timeout=(5, 5)) as client,
        pytest.raises(NetworkError if b"500" not in reply[:12] else Exception) as caught,
    ):
        client.flow("f1")
    assert not server.told
    assert KEY not in str(caught.value)


def test_a_download_that_drips_ends_and_leaves_nothing(dripping, tmp_path: Path) -> None:
    body = glb(binary=b"x" * 50_000)
    server = dripping(HEAD % len(body) + body, 1, 0.02)
    with (
        FlowsClient(server.url, KEY, policy=ONCE, timeout=(5, 5)) as client,
        pytest.raises(NetworkError, match="took too long"),
    ):
        client.download_output("f1", "o1", tmp_path / "result.glb")
    assert list(tmp_path.iterdir()) == []


def test_a_proxy_that_drips_ends(dripping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that a proxy hands on are watched as those are that go there directly."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    proxy = dripping(b"HTTP/1.1 200 OK\r\nX-Long: " + b" " * 400, 1, 0.02)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy.url)
    with (
        FlowsClient("https://flows.invalid", KEY, policy=ONCE, timeout=(5, 5)) as client,
        pytest.raises(NetworkError),
    ):
        client.flow("f1")
    assert not proxy.told


def test_a_slow_line_is_no_dripping_server(dripping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = count()
    # Of what each read has to wait, nobody else's load is a part: ten of them are a window.
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: 0.05 * next(reads)))
    body = glb(binary=b"x" * 3_000)
    server = dripping(HEAD % len(body) + body, 50, 0.02)
    with FlowsClient(server.url, KEY, policy=ONCE, timeout=(5, 5)) as client:
        client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == body


def test_an_answer_has_an_end_however_steadily_it_comes(dripping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "_LONGEST_ANSWER", 1 << 30)
    monkeypatch.setattr(transport_module.Transport.answer.__wrapped__, "__defaults__", (None, 1.0))
    server = dripping(HEAD % len(ENDLESS) + ENDLESS, 50, 0.02)
    with (
        FlowsClient(server.url, KEY, policy=ONCE, timeout=(5, 5)) as client,
        pytest.raises(NetworkError, match="took too long"),
    ):
        client.flows()


def test_our_own_slowness_is_not_held_against_the_service(tmp_path: Path) -> None:
    watched = pace.Pace()
    watched.begin(10.0)
    for _ in range(100):
        watched.received(1, 0.001)  # whatever time we take in between
    with pytest.raises(TimeoutError):
        for _ in range(100):
            watched.received(1, 0.01)
