# SPDX-License-Identifier: GPL-3.0-or-later
"""What drawing and ticking take in a crowded file with a long list of jobs; part of `make bench`.

What is measured, and how, is in tests/gui/bench_crowd.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from scripts.bench_rows import Row
from scripts.bench_stalls import SLOW, in_window, named, percentile
from scripts.gui_root import RootError
from tests.sandbox import Sandbox

OBJECTS = 10_000
JOBS = 300


def crowd_rows(folder: Path, suite: str) -> Iterator[Row]:
    """What is measured in a window of `suite`, or nothing where there can be none."""
    try:
        with in_window(folder, suite) as measure, Sandbox(speed=SLOW) as service:
            told = measure("crowd", service.url, service.key, str(OBJECTS), str(JOBS))
    except RootError as reason:
        print(f"No window to measure in: {reason}")
        return
    blender = named(told, "window")
    for what, spent in told["times"].items():
        name = f"{OBJECTS:,} objects, {JOBS} jobs: {what}"
        yield Row(f"{name}: median", "ms", statistics.median(spent) * 1000, blender=blender)
        yield Row(f"{name}: 99th percentile", "ms", percentile(spent, 0.99) * 1000, blender=blender)
