"""The command line as a program of its own, and a sandbox for it to talk to."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from generio_flows.cli.job_directory import Host
from generio_flows.cli.main import run
from generio_flows.core.errors import NoChildBlender
from generio_flows.jobs import polling

from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt
from tests.sandbox.optimizer import Optimizer
from tests.systems import LISTENS, WINDOWS

ROOT = Path(__file__).resolve().parents[3]
HURRIED = Path(__file__).with_name("hurried.py")
MODELS = 24
"""Models of a batch, three for each of eight shards."""
LONGEST = 120.0
"""Seconds after which a command that should have ended has failed; never a measure of speed."""


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it told; with slashes in paths on each system."""

    code: int
    told: str
    told_of_errors: str

    @property
    def out(self) -> str:
        return slashed(self.told)

    @property
    def err(self) -> str:
        return slashed(self.told_of_errors)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line, object_hook=_slashed) for line in self.told.splitlines()]

    def states(self, item: str) -> list[str]:
        """The states of one item, without repetitions."""
        states = [event["state"] for event in self.events if event.get("item") == item]
        return [state for number, state in enumerate(states) if states[:number][-1:] != [state]]


def slashed(text: str) -> str:
    return text.replace("\\", "/") if WINDOWS else text


def _slashed(found: dict[str, Any]) -> dict[str, Any]:
    return {name: slashed(value) if isinstance(value, str) else value for name, value in found.items()}


@dataclass(frozen=True)
class Program:
    """Runs the command line in plain Python, in a folder of its own."""

    folder: Path
    sandbox: Sandbox

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GENERIO")}
        return {**kept, "GENERIO_API_KEY": self.sandbox.key}

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """A command that `interrupt` can be called for."""
        command = [sys.executable, str(HURRIED), *words]
        if words and words[0] in ("generate", "optimize", "run", "templates", "doctor"):
            command += ["--service", self.sandbox.url]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **environment, LISTENS: "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __call__(self, *words: str, **environment: str) -> Answer:
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=LONGEST)
        return Answer(process.returncode, out, err)

    def runs(self) -> list[int]:
        """How often each flow was run that was run at all."""
        return [flow["run"] for flow in self.sandbox.stats()["flows"].values() if flow["run"]]


def until_told(process: "subprocess.Popen[str]", begin: str) -> None:
    """Read what a command prints, up to the first line that begins like that."""
    assert process.stdout is not None
    while not slashed(line := process.stdout.readline()).startswith(begin):
        assert line, f"it ended without saying {begin}"


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition` holds."""
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, "this never came"
        time.sleep(0.05)


@dataclass(frozen=True)
class Here:
    """Runs the command line in this process, which is quicker, in a folder of its own."""

    folder: Path
    sandbox: Sandbox
    read: Callable[[], Any]  # what was written since, .out and .err

    def __call__(self, *words: str, key: str = "") -> Answer:
        host = Host("generio", self.sandbox.url, key or self.sandbox.key, True, None, no_converter)
        self.read()
        code = run(host, words)
        told = self.read()
        return Answer(code, told.out, told.err)

    def runs(self) -> list[int]:
        """As of Program."""
        return Program(self.folder, self.sandbox).runs()

    def list(self, *rows: dict[str, Any]) -> str:
        """The name of a list of these rows."""
        (self.folder / "list.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
        return "list.jsonl"


def no_converter() -> None:
    raise NoChildBlender("this test has no Blender")


@pytest.fixture
def here(
    tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Here:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(polling, "SHORTEST", 0.05)
    return Here(tmp_path, sandbox, capsys.readouterr)


@pytest.fixture
def sandbox(optimizer: Optimizer) -> Iterator[Sandbox]:
    with Sandbox(speed=0.01, optimizer=optimizer) as service:
        yield service


@pytest.fixture
def program(tmp_path: Path, sandbox: Sandbox) -> Program:
    return Program(tmp_path, sandbox)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with small models, all different."""
    return write_models(tmp_path / "models", MODELS)


def write_models(folder: Path, count: int) -> Path:
    """Make the folder with that many small models, all different."""
    folder.mkdir()
    glb = from_prompt("ball", quality="low", seed=1, texture=False)
    for number in range(count):
        (folder / f"{number:02d}.glb").write_bytes(renamed(glb, f"{number:02d}"))
    return folder


def renamed(glb: bytes, mark: str) -> bytes:
    """The GLB with other bytes in its JSON's padding-free end: blanks, which mean nothing."""
    length = int.from_bytes(glb[12:16], "little")
    document = json.loads(glb[20 : 20 + length])
    document["asset"]["copyright"] = mark
    content = json.dumps(document).encode()
    content += b" " * (-len(content) % 4)
    rest = glb[20 + length :]
    total = 20 + len(content) + len(rest)
    return (
        glb[:8] + total.to_bytes(4, "little") + len(content).to_bytes(4, "little") + b"JSON" + content + rest
    )
