"""`python -m tests.sandbox`, as a Makefile or a rig of windows starts it."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sandbox import Sandbox
from tests.systems import needs_proc, needs_signals
from tests.unit.sandbox.caller import OPTIMIZE, Caller, encode, heavy_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def program(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the program; gives its process and its address."""
    command = [sys.executable, "-m", "tests.sandbox", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:")
            yield process, line.split()[-1]
        finally:
            process.kill()


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_quietly_until_told_to_stop(number: int) -> None:
    options = ("--port", "0", "--key", "a-key", "--profile", "quickstart", "--speed", "0.01")
    with program(*options) as (process, url), Caller(url, "a-key") as caller:
        assert caller.call("GET", "/templates").status_code == 404
        process.send_signal(number)
        assert process.communicate() == ("", "")
        assert process.returncode == 0


@needs_proc
@pytest.mark.parametrize("end", [subprocess.Popen.terminate, subprocess.Popen.kill])
def test_its_blender_ends_with_it(end: Callable[[object], None]) -> None:
    with program("--port", "0", "--speed", "0") as (process, url), Caller(url, "demo-key") as caller:
        caller.result(
            caller.create(OPTIMIZE, encode("model/gltf-binary", heavy_model(edge=10)), polygon_count=100)
        )
        (child,) = (
            int(word)
            for children in Path(f"/proc/{process.pid}/task").glob("*/children")
            for word in children.read_text().split()
        )
        end(process)
        process.wait()
        deadline = time.monotonic() + 60
        while runs(child):
            assert time.monotonic() < deadline, "the child outlived its parent"
            time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter where it goes while it is read
        return False


def test_it_listens_on_loopback_only() -> None:
    with Sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match=r"."):
            socket.create_connection(("127.0.0.2", port), timeout=5).close()


def test_a_taken_port_is_said_in_one_line() -> None:
    with Sandbox() as sandbox:
        port = sandbox.url.rpartition(":")[2]
        command = [sys.executable, "-m", "tests.sandbox", "--port", port]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot listen on port {port}: ")
    assert done.stderr.count("\n") == 1
