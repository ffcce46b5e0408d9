"""What the tests of `api` share: a scripted server, a client that never really waits, and a small model."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from generio_flows.api import FlowsClient, RetryPolicy

from tests.unit.api.scripted import KEY, Server, answer, glb


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


@pytest.fixture
def secure_server(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """An https server, and the certificate that it made for itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program, to make a certificate")
    certificate, private = tmp_path / "certificate.pem", tmp_path / "private.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", private, "-out", certificate]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    server = Server(context)
    server.url = server.url.replace("http://127.0.0.1", "https://localhost")
    yield server, certificate
    server.close()


@pytest.fixture
def secure(secure_server: tuple[Server, Path]) -> tuple[str, Path]:
    """Its address, and the certificate."""
    server, certificate = secure_server
    server.on("GET", "/flows", answer([]))
    return server.url, certificate
