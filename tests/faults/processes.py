"""Workers as child processes: started, killed, and waited for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .service import ROOT
from .worker import Plan

PATIENCE = 300.0
"""Seconds for a worker to end that nobody kills; never a measure of speed."""


@contextmanager
def worker(plan: Plan, *, up: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Start a worker, with temporary files of its own; with `up` it is at work when it is given, or dead."""
    folder = Path(plan.folder)
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    path = plan.write(folder / f"plan-{plan.scene}.json")
    with (
        (folder / f"errors-{plan.scene}.txt").open("w+") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", str(path)],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            if up:
                process.stdout.readline()
            yield process
        finally:
            process.kill()


def last_words(plan: Plan) -> str:
    """The last line that a worker said about its end, and where that was."""
    lines = (Path(plan.folder) / f"errors-{plan.scene}.txt").read_text().strip().splitlines()
    if not lines:
        return "it said nothing"
    places = [line.strip() for line in lines if line.strip().startswith("File ")]
    return "; ".join([lines[-1], *places[-3:]])


def finish(plan: Plan) -> list[str]:
    """Let a worker live until everything is done; what is wrong about its end."""
    with worker(plan) as process:
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return ["the last worker never came to an end"]
    return [f"the last worker ended with {code}: {last_words(plan)}"] if code else []
