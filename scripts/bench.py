"""Measures beside what users would have without the add-on, in one run; ratios tell more than figures.

`make bench` runs all; each row is measured in a process of its own, against the sandbox in another.
Writes build/bench.json:
{"rows": [{"name", "blender", "triangles", "textures", "unit", "ours", "baseline", "ratio"}]}.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import json
import os
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"
KEY = "bench-key"
MIB = 1 << 20
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Row:
    """One measured pair; the smaller figure is the better one."""

    name: str
    unit: str
    ours: float
    baseline: float
    blender: str = ""
    triangles: int = 0
    textures: int = 0


# ---------------------------------------------------------------------- what is measured, each in a child


def ours() -> Any:
    """The add-on's client, imported without Blender."""
    sys.path.insert(0, str(ROOT / "tests"))
    importlib.import_module("conftest")
    return importlib.import_module("generio_flows.api")


def upload_ours(url: str, path: Path) -> str:
    """Create a flow with `path` as its input, streaming; returns the flow's id."""
    api = ours()
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
    api = ours()
    with api.FlowsClient(url, KEY) as client:
        (output,) = client.outputs(flow_id)
        client.download_output(flow_id, output.asset_id, path)


def download_quickstart(url: str, path: Path, flow_id: str) -> None:
    """The same as the vendor's quickstart does it; where the answer is JSON, JSON is what it saves."""
    outputs = requests.get(f"{url}/flows/{flow_id}/outputs", headers=bearer(), timeout=600).json()["outputs"]
    asset_id = outputs[0].get("id") or outputs[0]["asset_id"]
    answer = requests.get(f"{url}/flows/{flow_id}/outputs/{asset_id}", headers=bearer(), timeout=600)
    path.write_bytes(answer.content)


def idle(_url: str, _path: Path) -> None:
    """Only what importing costs."""
    ours()


MEASURED: dict[str, Callable[..., str | None]] = {
    call.__name__: call for call in (upload_ours, upload_quickstart, download_ours, download_quickstart, idle)
}


def bearer() -> dict[str, str]:
    """The header that carries the key."""
    return {"Authorization": f"Bearer {KEY}"}


def in_child(name: str, *arguments: str) -> dict[str, Any]:
    """Run one of MEASURED in a process of its own: {"seconds", "peak" (MiB, whole process), "answer"}."""
    command = [sys.executable, __file__, "--measure", name, *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(name: str, url: str, path: str, *more: str) -> None:
    """The child's side of `in_child`."""
    started = time.perf_counter()
    answer = MEASURED[name](url, Path(path), *more)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "answer": answer}))


# ---------------------------------------------------------------------- the network side


@contextmanager
def sandbox(profile: str) -> Iterator[str]:
    """The service double in a process of its own; yields its address."""
    command = [sys.executable, "-m", "tests.sandbox", "--port", "0", "--key", KEY, "--profile", profile]
    process = subprocess.Popen([*command, "--speed", "0.01"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.wait(30)


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


def transfers(sizes: list[int]) -> Iterator[Row]:
    """Upload and download of `sizes` (MB), ours beside the quickstart's way, where that works."""
    for size in sizes:
        model = BUILD / f"model-{size}.glb"
        padded_model(model, size * 1_000_000)
        with sandbox("quickstart") as url:
            theirs = in_child("upload_quickstart", url, str(model))
            mine = in_child("upload_ours", url, str(model))
            yield Row(f"upload {size} MB", "MiB peak", mine["peak"], theirs["peak"])
            yield Row(f"upload {size} MB", "s", mine["seconds"], theirs["seconds"])
            flow_id = str(mine["answer"])
            finished(url, flow_id)
            got = BUILD / "got.glb"
            theirs = in_child("download_quickstart", url, str(got), flow_id)
            mine = in_child("download_ours", url, str(got), flow_id)
            if got.read_bytes() != model.read_bytes():
                raise SystemExit("What came back is not what was sent.")
            yield Row(f"download {size} MB", "MiB peak", mine["peak"], theirs["peak"])
            yield Row(f"download {size} MB", "s", mine["seconds"], theirs["seconds"])
            got.unlink()
        model.unlink()


# ---------------------------------------------------------------------- the table


def main() -> None:
    """Measure what the arguments ask for, print a table, and write build/bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[10, 200, 1000], help="MB to send and receive"
    )
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    BUILD.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    print(f"{'':<24}{'unit':<10}{'ours':>10}{'baseline':>10}{'ratio':>8}")
    for row in transfers(options.sizes):
        ratio = row.baseline / row.ours
        rows.append({**asdict(row), "ratio": ratio})
        print(f"{row.name:<24}{row.unit:<10}{row.ours:>10.2f}{row.baseline:>10.2f}{ratio:>7.1f}x", flush=True)
    (ROOT / "build" / "bench.json").write_text(json.dumps({"rows": rows}, indent=1))


if __name__ == "__main__":
    main()
