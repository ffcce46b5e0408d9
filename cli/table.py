# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of models as a table for people, and as CSV for spreadsheets and scripts."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..formats.figures import Box, Figures
from .measures import Measurement

HEAD = ("", "triangles", "vertices", "materials", "textures", "size", "extent in m")

LABEL = 24
"""Characters of a name that may stand before its figures; a longer one has a line of its own."""

_FIGURES = (
    "triangles",
    "vertices",
    "materials",
    "textures",
    "largest_texture",
    "bytes",
    "width",
    "height",
    "depth",
)
COLUMNS = (
    "file",
    "asked_triangles",
    *(f"before_{name}" for name in _FIGURES),
    *(f"after_{name}" for name in _FIGURES),
    "deviation_mean",
    "deviation_largest",
    "warnings",
)
"""Those of the CSV. Deviations are parts of the diagonal of what was sent, extents meters."""


def table(rows: Iterable[Measurement]) -> list[str]:
    """The lines of a table: under the name of each file what it was, what it is, and how far it has come."""
    rows = list(rows)
    lines: list[tuple[str, ...] | str] = [HEAD] if rows else []
    for row in rows:
        if row.before is None and row.after is not None and len(row.file) <= LABEL:
            lines.append((row.file, *_cells(row.after)))
            continue
        lines.append(row.file)
        if row.before is not None:
            lines.append(("  before", *_cells(row.before)))
        if row.after is not None:
            lines.append(("  after" if row.before is not None else "", *_cells(row.after)))
        if row.deviation is not None:
            mean, largest = row.deviation
            lines.append(f"  deviation {100 * mean:.2f} %, at most {100 * largest:.2f} % of the diagonal")
    cells = [line for line in lines if isinstance(line, tuple)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [line if isinstance(line, str) else _line(line, widths) for line in lines]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    aligned = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return "  ".join((first.ljust(widths[0]), *aligned))


def _cells(figures: Figures) -> tuple[str, ...]:
    side = figures.largest_texture
    return (
        f"{figures.triangles:,}",
        f"{figures.vertices:,}",
        f"{figures.materials:,}",
        f"{len(figures.textures)}" + (f" to {side:,}" if side else ""),
        _size(figures.bytes),
        " x ".join(f"{side:.3g}" for side in figures.box.extent) if figures.box else "?",
    )


def _size(count: int) -> str:
    """A number of bytes in the unit that suits it, each a thousand of the one before."""
    size, units = float(count), ["B", "kB", "MB", "GB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000.0
        units.pop(0)
    return f"{size:.3g} {units[0]}"


def write_csv(path: Path, rows: Iterable[Measurement]) -> None:
    """Write the figures of `rows` as CSV in UTF-8. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            apart = row.deviation or ("", "")
            writer.writerow(
                (
                    row.file,
                    row.asked or "",
                    *_values(row.before),
                    *_values(row.after),
                    *apart,
                    " ".join(row.warnings),
                )
            )


def _values(figures: Figures | None) -> Sequence[object]:
    if figures is None:
        return ("",) * len(_FIGURES)
    return (
        figures.triangles,
        figures.vertices,
        figures.materials,
        len(figures.textures),
        figures.largest_texture,
        figures.bytes,
        *_extent(figures.box),
    )


def _extent(box: Box | None) -> Sequence[object]:
    return box.extent if box else ("", "", "")
