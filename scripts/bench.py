# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures beside what users would have without the add-on, in one run; ratios tell more than figures.

`make bench` runs all: how long the window stands still, and the network side. Prints a table and writes
build/bench.json:
{"rows": [{"name", "blender", "triangles", "textures", "unit", "ours", "baseline", "ratio"}]}.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.bench_bakes import bake_rows  # noqa: E402
from scripts.bench_crowd import crowd_rows  # noqa: E402
from scripts.bench_many import many_rows  # noqa: E402
from scripts.bench_network import transfers  # noqa: E402
from scripts.bench_polling import polling_rows  # noqa: E402
from scripts.bench_rows import Row, print_head, print_row, write  # noqa: E402
from scripts.bench_stalls import SUITES, module_rows, window_rows  # noqa: E402

FOLDER = ROOT / "build/bench"
PARTS = ("polling", "network", "many", "crowd", "bakes", "stalls", "window")


def measured(parts: list[str], sizes: list[int]) -> Iterator[Row]:
    """The rows of these parts."""
    if "polling" in parts:
        yield from polling_rows(FOLDER)
    if "network" in parts:
        yield from transfers(sizes, FOLDER)
    if "many" in parts:
        yield from many_rows(FOLDER, SUITES[-1])
    if "crowd" in parts:
        yield from crowd_rows(FOLDER, SUITES[-1])
    if "bakes" in parts:
        yield from bake_rows(FOLDER, SUITES[-1])
    if "stalls" in parts:
        yield from module_rows(FOLDER)
    if "window" in parts:
        for suite in SUITES:
            yield from window_rows(FOLDER, suite)


def main() -> None:
    """Measure what the arguments ask for, print a table, and write build/bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="the parts to measure")
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[10, 200, 1000], help="MB to send and receive"
    )
    options = parser.parse_args()
    print_head()
    rows: list[Row] = []
    part = ROOT / "build/bench.part.json"
    for row in measured(options.only, options.sizes):
        print_row(row)
        rows.append(row)
        write(rows, part)  # it takes long, and may be ended
    part.replace(ROOT / "build/bench.json")


if __name__ == "__main__":
    main()
