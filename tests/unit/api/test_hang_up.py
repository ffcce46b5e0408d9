"""A call that waits for the service ends when it is told to, on each system."""

import socket
import threading
from collections.abc import Iterator

import pytest
from generio_flows.api import FlowsClient, NetworkError, RetryPolicy

from tests.unit.api.scripted import KEY

pytestmark = pytest.mark.slow

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"

LONGEST = 30.0
"""Seconds; much less than the call would wait, and much more than it takes."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("told", [b"", HALF], ids=["head", "body"])
@pytest.mark.parametrize("wakes", [True, False], ids=["as it is here", "as on Windows"])
def test_a_call_that_waits_is_ended(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch, told: bytes, wakes: bool
) -> None:
    if not wakes:  # what shutdown is there for whoever waits for something to read
        monkeypatch.setattr(socket.socket, "shutdown", lambda *_: None)
    errors: list[Exception] = []
    with FlowsClient(
        f"http://127.0.0.1:{silent.getsockname()[1]}", KEY, policy=RetryPolicy(attempts=1), timeout=(5, 600)
    ) as client:

        def ask() -> None:
            try:
                client.flow("f1")
            except NetworkError as error:
                errors.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        peer, _ = silent.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(told)
            client.hang_up()
            thread.join(LONGEST)
            assert not thread.is_alive()
    assert len(errors) == 1
