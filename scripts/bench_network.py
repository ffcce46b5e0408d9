# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory and time of transfers, beside the vendor's quickstart; part 2 of `make bench`.

Each is measured in a process of its own, against the sandbox in another.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from scripts.bench_rows import Row

ROOT = Path(__file__).resolve().parents[1]
KEY = "bench-key"
MIB = 1 << 20
POLL_SECONDS = 0.2
BARE_BLOCK = 3 * (1 << 16)  # bytes; a multiple of 3, so that base64 joins without padding


# ---------------------------------------------------------------------- what is measured, each in a child


def client_package(room: str = "api") -> Any:
    """A room of the add-on, imported without Blender."""
    sys.path.insert(0, str(ROOT / "tests"))
    importlib.import_module("conftest")
    return importlib.import_module(f"generio_flows.{room}")


def upload_ours(url: str, path: Path) -> str:
    """Create a flow with `path` as its input, streaming; returns the flow's id."""
    api = client_package()
    with api.FlowsClient(url, KEY) as client:
        source = api.File(path, "model/gltf-binary")
        return client.create_flow("model_optimize", {"polygon_count": 1000}, [source]).flow_id


def upload_quickstart(url: str, path: Path) -> str:
    """The same as the vendor's quickstart does it: the whole file in memory, several times over."""
    encoded = base64.b64encode(path.read_bytes()).decode()
    payload = {
        "template": "model_optimize",
        "parameters": {"polygon_count": 1000},
        "inputs": [{"data": f"data:model/gltf-binary;base64,{encoded}", "additional": None}],
        "additional": None,
    }
    return requests.post(f"{url}/flows", headers=bearer(), json=payload, timeout=600).json()["flow_id"]


def download_ours(url: str, path: Path, flow_id: str) -> None:
    """Fetch and check the only output of a flow, streaming."""
    api = client_package()
    with api.FlowsClient(url, KEY) as client:
        (output,) = client.outputs(flow_id)
        client.download_output(flow_id, output.asset_id, path)


def download_quickstart(url: str, path: Path, flow_id: str) -> None:
    """The same as the vendor's quickstart does it; where the answer is JSON, JSON is what it saves."""
    outputs = requests.get(f"{url}/flows/{flow_id}/outputs", headers=bearer(), timeout=600).json()["outputs"]
    asset_id = outputs[0].get("id") or outputs[0]["asset_id"]
    answer = requests.get(f"{url}/flows/{flow_id}/outputs/{asset_id}", headers=bearer(), timeout=600)
    path.write_bytes(answer.content)


def upload_bare(url: str, path: Path) -> str:
    """The least that any client does: a socket, and base64 by a function written in C."""
    value = {"template": "model_optimize", "parameters": {"polygon_count": 1000}, "additional": None}
    item = {"additional": None, "data": "data:model/gltf-binary;base64,"}
    head, tail = json.dumps({**value, "inputs": [item]}).encode().split(b"base64,")
    head += b"base64,"
    length = len(head) + (path.stat().st_size + 2) // 3 * 4 + len(tail)
    with _bare_socket(url) as connection, path.open("rb") as file:
        connection.sendall(_bare_head("POST", "/flows", f"Content-Length: {length}\r\n") + head)
        while block := file.read(BARE_BLOCK):
            connection.sendall(binascii.b2a_base64(block, newline=False))
        connection.sendall(tail)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])["flow_id"]


def download_bare(url: str, path: Path, flow_id: str) -> None:
    """The same the other way; this profile of the sandbox sends the model as it is."""
    outputs = requests.get(f"{url}/flows/{flow_id}/outputs", headers=bearer(), timeout=600).json()["outputs"]
    with _bare_socket(url) as connection, path.open("wb") as file:
        connection.sendall(_bare_head("GET", f"/flows/{flow_id}/outputs/{outputs[0]['id']}"))
        block = b""
        while b"\r\n\r\n" not in block:
            block += connection.recv(BARE_BLOCK)
        file.write(block.partition(b"\r\n\r\n")[2])
        while block := connection.recv(BARE_BLOCK):
            file.write(block)


def _bare_socket(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)))


def _bare_head(method: str, path: str, more: str = "") -> bytes:
    always = f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{always}{more}\r\n".encode()


def idle(_url: str, _path: Path) -> None:
    """Only what importing costs."""
    client_package()


MEASURED: dict[str, Callable[..., str | None]] = {
    call.__name__: call
    for call in (
        upload_ours,
        upload_quickstart,
        upload_bare,
        download_ours,
        download_quickstart,
        download_bare,
        idle,
    )
}


def bearer() -> dict[str, str]:
    """The header that carries the key."""
    return {"Authorization": f"Bearer {KEY}"}


def in_child(name: str, *arguments: str) -> dict[str, Any]:
    """Run one of MEASURED in a process of its own: {"seconds", "peak" (MiB, whole process), "answer"}."""
    command = [sys.executable, "-m", "scripts.bench_network", name, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(name: str, url: str, path: str, *more: str) -> None:
    """The child's side of `in_child`."""
    client_package("api.transport")  # what importing costs is no part of a transfer
    started = time.perf_counter()
    answer = MEASURED[name](url, Path(path), *more)
    seconds = time.perf_counter() - started
    # Not by getrusage: its peak is that of the process that started this one, where that was larger.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "answer": answer}))


# ---------------------------------------------------------------------- the network side


@contextmanager
def sandbox(profile: str, speed: float = 0.01, vary: float = 0.0) -> Iterator[str]:
    """The service double in a process of its own; yields its address. speed, vary: as for `Sandbox`."""
    command = [sys.executable, "-m", "tests.sandbox", "--port", "0", "--key", KEY, "--profile", profile]
    options = ["--speed", str(speed), "--vary", str(vary), "--body-limit", str(2 << 30)]
    with subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


def padded_model(path: Path, size: int) -> None:
    """A GLB of one triangle and `size` bytes that nothing refers to: the optimizer gives it back as it is."""
    points = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
    binary = size - size % 4
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": 3,
                "type": "VEC3",
                "min": [0, 0, 0],
                "max": [1, 1, 0],
            }
        ],
        "bufferViews": [{"buffer": 0, "byteLength": len(points)}],
        "buffers": [{"byteLength": binary}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    with path.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + binary))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", binary, b"BIN\0") + points)
        block = os.urandom(MIB)
        left = binary - len(points)
        while left:
            left -= file.write(block[:left])


def finished(url: str, flow_id: str) -> None:
    """Wait until a flow is over. Raises SystemExit where it does not end well."""
    while True:
        state = requests.get(f"{url}/flows/{flow_id}", headers=bearer(), timeout=60).json()["state"]
        if state in ("completed", "failed", "aborted"):
            break
        time.sleep(POLL_SECONDS)
    if state != "completed":
        raise SystemExit(f"The flow ended {state}.")


def transfers(sizes: list[int], folder: Path) -> Iterator[Row]:
    """Upload and download of `sizes` (MB), ours beside the quickstart's way; files are made in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for size in sizes:
        model = folder / f"model-{size}.glb"
        padded_model(model, size * 1_000_000)
        with sandbox("quickstart") as url:
            theirs = in_child("upload_quickstart", url, str(model))
            mine = in_child("upload_ours", url, str(model))
            yield Row(f"upload {size} MB", "MiB peak", mine["peak"], theirs["peak"])
            yield Row(f"upload {size} MB", "s", mine["seconds"], theirs["seconds"])
            bare = in_child("upload_bare", url, str(model))
            yield Row(f"upload {size} MB, beside a bare socket", "s", mine["seconds"], bare["seconds"])
            flow_id = str(mine["answer"])
            finished(url, flow_id)
            got = folder / "got.glb"
            theirs = in_child("download_quickstart", url, str(got), flow_id)
            mine = in_child("download_ours", url, str(got), flow_id)
            if got.read_bytes() != model.read_bytes():
                raise SystemExit("What came back is not what was sent.")
            yield Row(f"download {size} MB", "MiB peak", mine["peak"], theirs["peak"])
            yield Row(f"download {size} MB", "s", mine["seconds"], theirs["seconds"])
            bare = in_child("download_bare", url, str(got), flow_id)
            if got.read_bytes() != model.read_bytes():
                raise SystemExit("The bare socket got something else.")
            yield Row(f"download {size} MB, beside a bare socket", "s", mine["seconds"], bare["seconds"])
            got.unlink()
        model.unlink()


if __name__ == "__main__":
    measure(*sys.argv[1:])
