# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the user's window stands still, beside direct import and export; part 1 of `make bench`.

Measured in the bpy module of this Python, and in a real window of Blender where there can be one (see
`gui_root.py`). What is measured, and how, is in tests/gui/bench_tasks.py.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.bench_models import QUADS, paint_textures, write_model
from scripts.bench_rows import Row
from scripts.gui_root import RootError
from scripts.package import build
from tests.gui.rig import rig
from tests.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[1]
SUITES = ("trixie", "sid")
"""Debian's releases with the two Blenders that have a window here."""

TIMEOUT = 900.0
STARTS = 5
"""How often Blender is started to register the add-on."""

SLOW = 100.0
"""How much slower than usual the sandbox is, so that no job ends while jobs are measured."""

INSIDE = Path("/tmp/bench")
"""Where the models are for the windowed Blender."""

Measure = Callable[..., dict[str, Any]]
"""(task, arguments): what the task of tests/gui/bench_tasks.py has measured; see bench.py there."""


def module_rows(folder: Path) -> Iterator[Row]:
    """What is measured in the bpy module; the models are made in `folder`."""
    _make_models(folder)
    with in_module() as measure:
        yield from _rows(measure, "module", folder)


def window_rows(folder: Path, suite: str) -> Iterator[Row]:
    """What is measured in a window of that suite, or nothing where there can be none; models as above."""
    _make_models(folder)
    try:
        with in_window(folder, suite) as measure:
            yield from _rows(measure, "window", INSIDE)
    except RootError as reason:
        print(f"No window to measure in: {reason}")


def _model(folder: Path, triangles: int, textures: int) -> Path:
    return folder / f"sheet-{triangles}-{textures}.glb"


def _make_models(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    painted = paint_textures()
    for triangles in QUADS:
        for textures in ([], painted):
            write_model(_model(folder, triangles, len(textures)), triangles, textures)


# ---------------------------------------------------------------------- the rows


def _rows(measure: Measure, place: str, folder: Path) -> Iterator[Row]:
    """What is measured in one place; the models are in `folder` there."""
    warm_up = str(_model(folder, min(QUADS), 0))
    for triangles in QUADS:
        for textures in (0, 3):
            told = measure("model", str(_model(folder, triangles, textures)), warm_up)
            about = {"blender": named(told, place), "triangles": triangles, "textures": textures}
            for name, unit, ours, baseline in _model_figures(told):
                yield Row(name, unit, ours, baseline, **about)
    measure("register")  # compiles it, as the first start of Blender after installing does
    starts = [measure("register") for _ in range(STARTS)]
    told = starts[-1]
    blender = named(told, place)
    typical = statistics.median(start["times"]["register"][0] for start in starts)
    yield Row("register the add-on: median", "ms", typical * 1000, blender=blender)
    yield Row("register: files, threads, connections", "", len(told["notes"]), blender=blender)
    for note in told["notes"]:
        print(f"  while registering: {note}")
    with Sandbox(speed=SLOW) as service:
        told = measure("jobs", service.url, service.key)
    for name, what in (
        ("submit", "submit a job"),
        ("tick", "tick, 100 live jobs"),
        ("draw", "draw, 200 jobs"),
    ):
        if name in told["times"]:
            spent = told["times"][name]
            yield Row(f"{what}: median", "ms", statistics.median(spent) * 1000, blender=blender)
            yield Row(f"{what}: 99th percentile", "ms", percentile(spent, 0.99) * 1000, blender=blender)


def _model_figures(told: dict[str, Any]) -> Iterator[tuple[str, str, float, float | None]]:
    """Name, unit, ours and baseline of each row about one model."""
    times: dict[str, list[float]] = told["times"]
    typical = {name: statistics.median(spent) * 1000 for name, spent in times.items()}
    direct = {"place": "direct import", "swap": "direct import", "snapshot": "direct export"}
    for name, baseline in direct.items():
        yield f"{name}: stall", "ms", typical[name], typical[baseline]
        yield (
            f"{name}: longest stall of {len(times[name])}",
            "ms",
            max(times[name]) * 1000,
            max(times[baseline]) * 1000,
        )
    pauses: dict[str, float] = told["pauses"]
    if pauses:
        for name, baseline in direct.items():
            longest = pauses[name] * 1000, pauses[baseline] * 1000
            yield f"{name}: main loop's longest pause, with redraw", "ms", *longest
        yield "Blender's own: main loop's longest pause, redraw", "ms", pauses["redraw"] * 1000, None
        for name in ("place's undo step", "swap's undo step"):
            yield f"Blender's own: {name}", "ms", typical[name], None
    yield "make room before: longest stall", "ms", max(times["make room"]) * 1000, None
    yield "The machine's own: memory for the model", "ms", typical["memory"], None
    if "pack" in times:
        yield "pack one picture afterwards: stall", "ms", max(times["pack"]) * 1000, None
    added = {
        name: (typical[name] + typical["place"] - typical["direct import"]) / 1000
        for name in ("convert", "convert, cold")
    }
    yield "until the model stands, added to a direct import", "s", added["convert"], added["convert, cold"]


def named(told: dict[str, Any], place: str) -> str:
    """The Blender that has measured, and whether that was in a window."""
    return f"{told['blender'].partition(' ')[0]} {place}"


def percentile(spent: Sequence[float], part: float) -> float:
    """The figure that this part of all does not exceed."""
    ordered = sorted(spent)
    return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)]


# ---------------------------------------------------------------------- the two places to measure in


@contextmanager
def in_module() -> Iterator[Measure]:
    """Tasks run in this Python's bpy, where the checkout stands as an extension."""
    with tempfile.TemporaryDirectory(prefix="generio-bench-") as home:
        extensions = Path(home, "extensions/user_default")
        extensions.mkdir(parents=True)
        (extensions / "generio_flows").symlink_to(ROOT)
        out = Path(home, "out.json")
        environment = {
            **os.environ,
            "BLENDER_USER_RESOURCES": home,
            "PYTHONPYCACHEPREFIX": f"{home}/compiled",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def measure(task: str, *arguments: str) -> dict[str, Any]:
            script = str(ROOT / "tests/gui/bench.py")
            return _told([sys.executable, script, "--", task, str(out), *arguments], out, environment)

        yield measure


@contextmanager
def in_window(folder: Path, suite: str) -> Iterator[Measure]:
    """Tasks run in a window on a screen nobody sees. Raises RootError where there cannot be one."""
    with rig(suite) as blender:
        blender.install(build(blender.tmp / "package"), "", "")
        inside = blender.tmp / INSIDE.name
        inside.mkdir()
        for model in folder.glob("sheet-*.glb"):
            shutil.copy(model, inside)
        out = inside / "out.json"

        def measure(task: str, *arguments: str) -> dict[str, Any]:
            # An add-on can be registered for the first time only where the preferences have not done it.
            fresh = ("--background", "--factory-startup") if task == "register" else ()
            script = ("--python", "/rig/tests/gui/bench.py", "--", task, str(INSIDE / out.name), *arguments)
            return _told(blender.command("blender", "--online-mode", *fresh, *script), out)

        yield measure


def _told(command: list[str], out: Path, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run it, and return what it wrote to `out`. Raises SystemExit with its words where it failed."""
    out.unlink(missing_ok=True)
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT
    )
    told = json.loads(out.read_text()) if out.exists() else {"error": "Nothing was measured."}
    if told["error"]:
        raise SystemExit(f"{done.stdout[-3000:]}\n{told['error']}")
    return told
