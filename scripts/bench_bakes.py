# SPDX-License-Identifier: GPL-3.0-or-later
"""How long baking takes, how much memory, and whether the window stands still; part of `make bench`.

What is measured, and how, is in tests/gui/bench_bakes.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scripts.bench_rows import Row
from scripts.bench_stalls import Measure, in_module, in_window, named
from scripts.gui_root import RootError

TRIANGLES = (10_000, 100_000, 1_000_000)
SIZES = (1024, 2048, 4096)


def bake_rows(folder: Path, suite: str) -> Iterator[Row]:
    """What is measured of bakes, in the module and, where there can be one, in a window of `suite`."""
    with in_module() as measure:
        yield from _rows(measure, "module")
    try:
        with in_window(folder, suite) as measure:
            yield from _rows(measure, "window")
    except RootError as reason:
        print(f"No window to measure in: {reason}")


def _rows(measure: Measure, place: str) -> Iterator[Row]:
    for triangles in TRIANGLES:
        for size in SIZES:
            told = measure("bake", str(triangles), str(size))
            times, what = told["times"], f"bake normals, {size} pixels"
            blender = named(told, place)
            yield Row(f"{what}: time", "s", times["bake"][0], blender=blender, triangles=triangles)
            yield Row(f"{what}: memory", "MiB", times["memory"][0], blender=blender, triangles=triangles)
            longest = max(times["window"]) * 1000
            yield Row(f"{what}: longest call", "ms", longest, blender=blender, triangles=triangles)
            if told["pauses"]:
                pause = told["pauses"]["window"] * 1000
                yield Row(f"{what}: longest pause", "ms", pause, blender=blender, triangles=triangles)
