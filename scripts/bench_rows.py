# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make bench` has measured: rows, printed as a table and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measured figure; the smaller the better.

    ours: in `unit`. baseline: the same without the add-on, in the same run; None where there is none.
    blender: its version and whether it had a window, "" where none is involved. triangles, textures: of the
    model, the latter 4096 pixels wide and high; 0 where the figure is not about one.
    """

    name: str
    unit: str
    ours: float
    baseline: float | None = None
    blender: str = ""
    triangles: int = 0
    textures: int = 0

    @property
    def ratio(self) -> float | None:
        """How many times less than the baseline ours is."""
        return self.baseline / self.ours if self.baseline is not None and self.ours else None


def print_head() -> None:
    """The line above the rows."""
    print(f"{'':<50}{'Blender':<14}{'triangles':>10}{'4K':>4} {'unit':<9}", end="")
    print(f"{'ours':>10}{'baseline':>10}{'ratio':>8}")


def print_row(row: Row) -> None:
    """One line of the table."""
    triangles, textures = (f"{row.triangles:,}", str(row.textures)) if row.triangles else ("", "")
    baseline = "" if row.baseline is None else f"{row.baseline:.2f}"
    ratio = "" if row.ratio is None else f"{row.ratio:.1f}x"
    print(f"{row.name:<50}{row.blender:<14}{triangles:>10}{textures:>4} {row.unit:<9}", end="")
    print(f"{row.ours:>10.2f}{baseline:>10}{ratio:>8}", flush=True)


def write(rows: Iterable[Row], path: Path) -> None:
    """Write {"rows": [{"name", "blender", "triangles", "textures", "unit", "ours", "baseline", "ratio"}]}."""
    told = {"rows": [{**asdict(row), "ratio": row.ratio} for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")
