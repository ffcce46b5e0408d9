"""Three kinds of victims: the engine process, a converter, and Blender itself, killed at random moments.

The worker stands for Blender, with an engine process of its own and converters that copy (see `worker.Plan`).
While it lives, its engine and its converters are killed under it; every now and then it is killed itself, and
another one goes on. Nothing of this may be seen in the end, and no process may be left.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from generio_flows.engine.connection import MOST_STARTS
from generio_flows.engine.converters import KILLED_TRIES

from .processes import finish, last_words, worker
from .service import service
from .table import Report
from .verdict import judge
from .work import samples
from .worker import ENDLESS, FAKE_CONVERTER, Plan

KILLS = 200
"""Of each kind."""

KINDS = ("engine", "converter", "Blender")

LONGEST_DELAY = 0.4
"""Seconds between two deaths at most."""

LEFT_SECONDS = 30.0
"""After these what still runs was left behind; never a measure of speed."""


def run(seed: int, share: float, folder: Path) -> Report:
    """Kill `share` of KILLS of each kind, and see what became of the jobs."""
    report, dice = Report("victims"), random.Random(seed)
    wanted = max(3, math.ceil(KILLS * share))
    killed: Counter[str] = Counter()
    samples(folder / "user")
    with service("reference", "a-key") as sandbox:
        plan = Plan(
            str(folder),
            str(folder / "user"),
            "scene",
            sandbox.url,
            "a-key",
            seed,
            count=ENDLESS,
            own_process=True,
        )
        while any(killed[kind] < wanted for kind in KINDS) and not report.complaints:
            life = replace(plan, seed=dice.randrange(1 << 30))
            with worker(life) as blender:
                report.complaints += _live(blender, life, dice, killed, wanted)
            killed["Blender"] += 1
        report.complaints += finish(replace(plan, count=0))
        verdict = judge(folder, sandbox.stats().values(), ["scene"])
    end = time.monotonic() + LEFT_SECONDS
    while (left := _left(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    report.complaints += [f"left behind: process {pid}, {command}" for pid, command in left]
    for kind in KINDS:
        report.add(f"killed: {kind}", killed[kind])
    report.add("jobs / done", f"{verdict.jobs:,} / {verdict.done:,}")
    report.add("flows that ran", verdict.runs)
    report.complaints += verdict.complaints
    return report


def _live(
    blender: subprocess.Popen[str], plan: Plan, dice: random.Random, killed: Counter[str], wanted: int
) -> list[str]:
    """Kill what Blender has started, a few times, before it is killed itself; what is wrong about it."""
    engines_left = MOST_STARTS - 1  # one that dies more often within a minute is not started again at once
    converters_left = KILLED_TRIES - 1  # a model whose converter dies more often is given up
    for _ in range(dice.randint(1, 8)):
        time.sleep(dice.uniform(0.0, LONGEST_DELAY))
        if blender.poll() is not None:
            return [f"a worker ended by itself with {blender.returncode}: {last_words(plan)}"]
        engines = _children(blender.pid)
        converters = [child for engine in engines for child in _children(engine)]
        kind = min(("engine", "converter"), key=lambda kind: (killed[kind] >= wanted, dice.random()))
        victims = engines if kind == "engine" else converters
        if victims and (engines_left if kind == "engine" else converters_left):
            engines_left -= kind == "engine"
            converters_left -= kind == "converter"
            try:
                os.kill(dice.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed[kind] += 1
    return []


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[1]) == parent:
            found.append(int(path.name))
    return found


def _left(folder: Path) -> list[tuple[int, str]]:
    """The processes that still have to do with this folder, which their environment names."""
    left: list[tuple[int, str]] = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            ours = "--engine" in command or str(FAKE_CONVERTER) in command
            if ours and str(folder / "tmp").encode() in (path / "environ").read_bytes():
                left.append((int(path.name), command))
        except OSError:
            continue
    return left
