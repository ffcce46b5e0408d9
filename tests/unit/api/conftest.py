"""What the tests of `api` share: a scripted server, a client that never really waits, and a small model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from generio_flows.api import FlowsClient, RetryPolicy

from tests.unit.api.scripted import KEY, Server, glb


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the client wanted to wait."""
    return []


@pytest.fixture
def client(server: Server, waits: list[float]) -> Iterator[FlowsClient]:
    with FlowsClient(
        server.url, KEY, timeout=(5, 10), wait=waits.append, policy=RetryPolicy(attempts=4)
    ) as client:
        yield client


@pytest.fixture
def model() -> bytes:
    """A small whole GLB, whose base64 has all characters of the alphabet."""
    return glb(binary=bytes(range(256)) * 3)


@pytest.fixture
def model_file(tmp_path: Path, model: bytes) -> Path:
    path = tmp_path / "model.glb"
    path.write_bytes(model)
    return path
