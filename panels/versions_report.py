# SPDX-License-Identifier: GPL-3.0-or-later
"""What has become of meshes that were optimized or baked, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.messages import Message
from ..core.text import size_text

SAME_MEAN, SAME_P95 = 2.0, 6.0
"""Degrees by which shading may differ, on average and in the worst places, so that hardly anybody sees it."""

PIXELS_A_METER = 1080 * 50.0 / 20.25
"""How many pixels high a meter is that is one meter away, with a lens of 50 mm, at 1080p."""

MAPS = {
    "normal": Message("normals"),
    "occlusion": Message("ambient occlusion"),
    "orm": Message("occlusion, roughness and metallic in one"),
    "base_color": Message("base color"),
    "roughness": Message("roughness"),
    "metallic": Message("metallic"),
    "emission": Message("emission"),
    "alpha": Message("alpha"),
}
"""What the kinds of baked maps are called."""


def report_lines(report: Any) -> list[Message]:
    """The figures of a comparison, one a line."""
    before, after = report["before"], report["after"]
    lines = [
        Message("Vertices: {before:,} → {after:,}", before=before["vertices"], after=after["vertices"]),
        Message("Materials: {before:,} → {after:,}", before=before["materials"], after=after["materials"]),
        Message(
            "File size: {before} → {after}",
            before=size_text(before["file_bytes"]),
            after=size_text(after["file_bytes"]),
        ),
    ]
    if before["texture_bytes"] or after["texture_bytes"]:
        lines.append(
            Message(
                "Texture memory: {before} → {after}",
                before=size_text(before["texture_bytes"]),
                after=size_text(after["texture_bytes"]),
            )
        )
    lines += _changes(report)
    if "bake" in report:
        lines += _baked(report["bake"])
    lines.append(Message("Bounding box moved by {share:.2%}", share=report["drift"]))
    lines.extend(map(Message.from_data, report.get("told", ())))  # an earlier version told nothing
    lost = [Message.from_data(kind) for kind in report["lost"]]
    lines.append(Message("Lost: {kinds}", kinds=lost) if lost else Message("Lost: none"))
    return lines


def change(reports: Sequence[Any]) -> Message:
    """How many triangles there were and are."""
    before, after = _counts(reports)
    return Message(
        "{before:,} → {after:,} triangles ({change:+.0%})",
        before=before,
        after=after,
        change=total_change(reports),
    )


def _counts(reports: Sequence[Any]) -> tuple[int, int]:
    """How many triangles all had before, and have after."""
    before, after = (sum(report[side]["triangles"] for report in reports) for side in ("before", "after"))
    return before, after


def total_change(reports: Sequence[Any]) -> float:
    """By which share the number of triangles of all has changed, -0.5 for half as many."""
    before, after = _counts(reports)
    return after / max(before, 1) - 1


def _changes(report: Any) -> list[Message]:
    """What was done to have the mesh sent, and to have the result where it belongs."""
    came = report.get("came", {})  # an earlier version noted nothing of this
    lines: list[Message] = []
    if report.get("plain"):
        lines.append(Message("Blender could not export the materials, so the shape was sent without them"))
    if came.get("turned"):
        lines.append(Message("The result had been rotated, and was rotated back"))
    if came.get("scale", 1.0) != 1.0:
        lines.append(
            Message("The result was {scale:.4g} times as large, and was scaled back", scale=came["scale"])
        )
    if came.get("shifted"):
        lines.append(Message("The result had moved, and was moved back"))
    return lines


def _baked(figures: Any) -> list[Message]:
    """What was baked, and how well."""
    without, after, uv = figures["without"], figures["with"], figures["uv"]
    lines = [
        Message(
            "Baked {maps} of {size:,} pixels in {seconds:,.0f} s",
            maps=[MAPS[kind] for kind in figures["maps"]],
            size=figures["size"],
            seconds=figures["seconds"],
        ),
        Message(
            "Shading differs by {mean:.1f}°, in the worst places by {worst:.1f}° and more",
            mean=after["mean"],
            worst=after["p95"],
        ),
        Message(
            "Without the maps: {mean:.1f}°, and {worst:.1f}°", mean=without["mean"], worst=without["p95"]
        ),
        Message(
            "UV map {name}: {density:,.0f} pixels per unit, stretch {stretch:.2f}, {overlap:.1%} overlap,"
            " {flipped:.1%} flipped",
            name=figures["uv_map"],
            **{name: uv[name] for name in ("density", "stretch", "overlap", "flipped")},
        ),
    ]
    if figures["own_uv"] is not None:
        lines.append(
            Message(
                "The mesh's own UV map was kept but not used: {overlap:.1%} overlap, {flipped:.1%} "
                "flipped, {outside:.1%} outside",
                **{name: figures["own_uv"][name] for name in ("overlap", "flipped", "outside")},
            )
        )
    lines.append(Message("Rays that missed: {share:.2%}", share=figures["misses"]))
    lines.append(_verdict(figures))
    return lines


def _verdict(figures: Any) -> Message:
    """What all that amounts to."""
    if not _is_same(figures["with"]):
        if _is_same(figures.get("at_best", figures["with"])):  # an earlier version did not measure that
            return Message("Looks different up close: try larger maps")
        return Message("Looks different up close, however large the maps are: try more triangles")
    return Message(
        "Looks the same from {distance:.2g} m at 1080p", distance=figures["meters"] * PIXELS_A_METER
    )


def _is_same(error: Any) -> bool:
    """Whether hardly anybody sees that shading differs by so much."""
    return error["mean"] <= SAME_MEAN and error["p95"] <= SAME_P95
