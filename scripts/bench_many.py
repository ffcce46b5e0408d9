# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs and many bytes at once, beside what they would take one by one; part of `make bench`.

What is measured, and how, is in tests/gui/bench_many.py.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.bench_network import padded_model
from scripts.bench_rows import Row
from scripts.bench_stalls import SLOW, Measure, in_module, in_window, named, percentile
from scripts.gui_root import RootError
from tests.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[1]
BATCH = 300
HANDED_OVER = 3_000
HEAVY = 400_000_000
"""Bytes of a large model."""

FAST = 0.01
"""Speed of the sandbox where flows are not what is measured."""


def many_rows(folder: Path, suite: str) -> Iterator[Row]:
    """What is measured of many jobs, in the module and, where there can be one, in a window of `suite`."""
    with in_module() as measure:
        yield from _batches(measure)
        yield from _sending(measure, folder)
    try:
        with in_window(folder, suite) as measure:
            yield from _hand_over(measure)
    except RootError as reason:
        print(f"No window to measure in: {reason}")


def _batches(measure: Measure) -> Iterator[Row]:
    starts = _cpu_of_two_starts()
    for thumbnails in ("off", "on"):
        with Sandbox(speed=FAST) as service:
            told = measure("optimize_many", service.url, service.key, str(BATCH), thumbnails)
        times = told["times"]
        blender = named(told, "module")
        parts = {process: times[f"CPU: {process}"][0] for process in ("Blender", "engine", "converters")}
        spent = sum(parts.values())
        what = f"one of {BATCH} small meshes, thumbnails {thumbnails}"
        yield Row(f"{what}: CPU", "s", spent, starts if thumbnails == "off" else None, blender=blender)
        for process, seconds in parts.items():
            yield Row(f"{what}: CPU of {process}", "s", seconds, blender=blender)
        yield Row(f"{what}: longest tick", "ms", max(times["tick"]) * 1000, blender=blender)
        yield Row(f"{what}: 99th percentile of ticks", "ms", _p99(times["tick"]) * 1000, blender=blender)
        # What a tick itself takes: on a machine with few cores the rest is waiting for one.
        yield Row(f"{what}: longest tick, CPU", "ms", max(times["tick, CPU"]) * 1000, blender=blender)
        for process in ("engine", "converter"):
            memory = max(times[f"memory: {process}"])
            yield Row(f"{what}: most memory of the {process}", "MiB", memory, blender=blender)


def _cpu_of_two_starts() -> float:
    """CPU seconds that Blender takes to start for each of two conversions, which do nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", "import bpy, io_scene_gltf2"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _sending(measure: Measure, folder: Path) -> Iterator[Row]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        model = Path(place, "heavy.glb")
        padded_model(model, HEAVY)
        with Sandbox(speed=SLOW, body_limit=2 << 30) as service:
            told = measure("uploads", service.url, service.key, str(model))
    times = told["times"]
    blender = named(told, "module")
    ours, alone = (_p99(times[name]) * 1000 for name in ("while sending", "alone"))
    yield Row("a small task while four are sent: 99th percentile", "ms", ours, alone, blender=blender)
    ours, alone = (statistics.median(times[name]) * 1000 for name in ("while sending", "alone"))
    yield Row("a small task while four are sent: median", "ms", ours, alone, blender=blender)


def _hand_over(measure: Measure) -> Iterator[Row]:
    with Sandbox(speed=SLOW) as service:
        told = measure("hand_over", service.url, service.key, str(HANDED_OVER))
    blender = named(told, "window")
    times, pauses = told["times"], told["pauses"]
    at_once = pauses["hand over at once"] * 1000
    what = f"hand over {HANDED_OVER:,} meshes"
    yield Row(
        f"{what}: main loop's longest pause",
        "ms",
        pauses["hand over in slices"] * 1000,
        at_once,
        blender=blender,
    )
    yield Row(f"{what}: longest slice", "ms", max(times["slice"]) * 1000, at_once, blender=blender)
    yield Row(f"{what}: 99th percentile of slices", "ms", _p99(times["slice"]) * 1000, blender=blender)


def _p99(spent: Sequence[float]) -> float:
    return percentile(spent, 0.99)
