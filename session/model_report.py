# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a finished model, as typed data for scripts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.messages import Message


@dataclass(frozen=True)
class Figures:
    """A mesh in numbers. texture_bytes: that its textures take in memory."""

    triangles: int
    vertices: int
    materials: int
    texture_bytes: int


@dataclass(frozen=True)
class Comparison:
    """An optimized mesh beside the one that was sent.

    deviation_mean, deviation_max: the distance between both surfaces, and drift: how far the bounds have
    moved, as parts of the diagonal of the bounds. lost: what the optimized mesh does not have, in words.
    """

    before: Figures
    after: Figures
    deviation_mean: float
    deviation_max: float
    drift: float
    lost: tuple[str, ...]


@dataclass(frozen=True)
class ModelReport:
    """A finished model in numbers.

    textures: width and height of each, in pixels. size: along X, Y and Z, Blender units. comparison: with
    what was sent, None where that was no mesh.
    """

    triangles: int
    vertices: int
    materials: int
    textures: tuple[tuple[int, int], ...]
    uv_maps: int
    size: tuple[float, float, float]
    comparison: Comparison | None = None


def read_report(path: Path) -> ModelReport | None:
    """The report that a converter has written, see `make_blend.report`; None where there is none."""
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        x, y, z = report["size"]
        return ModelReport(
            triangles=report["triangles"],
            vertices=report["vertices"],
            materials=report["materials"],
            textures=tuple((width, height) for width, height in report["textures"]),
            uv_maps=report["uv_maps"],
            size=(x, y, z),
            comparison=_comparison(report["fit"]) if "fit" in report else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _comparison(report: dict[str, Any]) -> Comparison:
    before, after = (
        Figures(side["triangles"], side["vertices"], side["materials"], side["texture_bytes"])
        for side in (report["before"], report["after"])
    )
    deviation = report["deviation"]
    lost = tuple(str(Message.from_data(kind)) for kind in report["lost"])
    return Comparison(before, after, deviation["mean"], deviation["max"], report["drift"], lost)
