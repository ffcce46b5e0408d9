"""The service: the sandbox, in a process of its own, over real HTTP."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ("reference", "one-shot", "quickstart")
SPEED = 0.01
"""Of the simulated flows: 8 s become 80 ms."""


@dataclass(frozen=True)
class Service:
    """A running sandbox: where it is, which profile it plays, and its own evidence."""

    url: str
    profile: str

    def stats(self) -> dict[str, Any]:
        """Tell what happened to each flow, by flow id; see `Counts` in the sandbox."""
        return self._call("GET", "stats")["flows"]

    def order(self, faults: Iterable[dict[str, Any]]) -> None:
        """Let these faults happen, and no others; their form is in `tests/sandbox/faults.py`."""
        self._call("PUT", "faults", list(faults))

    def orders_left(self) -> list[dict[str, Any]]:
        """Tell which ordered faults have not happened yet."""
        return self._call("GET", "faults")

    def _call(self, method: str, what: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{what}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def service(profile: str, key: str) -> Iterator[Service]:
    """Start a sandbox that accepts `key` (or all keys that match it), and end it with its Blender."""
    command = [sys.executable, "-m", "tests.sandbox", "--port", "0", "--key", key]
    command += ["--profile", profile, "--speed", str(SPEED)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on "), "the sandbox did not start"
            yield Service(line.split()[-1], profile)
        finally:
            process.terminate()
