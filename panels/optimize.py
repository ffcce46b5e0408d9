# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduce the selected meshes, and look at what has become of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ..options import carried
from ..properties import GenerioProperties, properties
from ..scene import versions
from ..scene.meshes import COLOR_ATTRIBUTES, CUSTOM_NORMALS, triangle_count, unsent
from ..scene.selection import PERCENT, Selection, Target
from ..translations import translated
from .tab import ReadyTab, choice, fields, is_narrow, object_mode_button, wrapped

MANY = 20
"""Lines of a list that are shown."""


class GENERIO_PT_optimize(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_optimize"
    bl_label = "Optimize"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        panel = properties(context)
        width = context.region.width
        selection = Selection.of(context.selected_objects)
        _headline(layout, selection)
        if selection.refused:
            lines = [f"{item.name}: {translated(reason)}" for item, reason in selection.refused]
            _list(layout, "generio_left_out", f"{len(lines)} left out", lines, width)
            row = layout.column(align=True) if is_narrow(context) else layout.row(align=True)
            if selection.convertible:
                row.operator("generio.convert_left_out", icon="OUTLINER_OB_MESH")
            row.operator("generio.deselect_left_out", icon="RESTRICT_SELECT_ON")
        column = fields(layout, context)
        _target(column, panel, selection)
        choice(column, panel, "placement")
        if selection.has_modifiers():
            choice(column, panel, "modifier_mode")
        kinds = {kind for mesh in selection.groups for kind in unsent(mesh)}
        if kinds & {COLOR_ATTRIBUTES, CUSTOM_NORMALS}:
            bring = column.column(heading="Bring Over")
            if COLOR_ATTRIBUTES in kinds:
                bring.prop(panel, "carry_colors")
            if CUSTOM_NORMALS in kinds:
                bring.prop(panel, "carry_normals")
        if losses := selection.losses(carried(panel)):
            _list(layout, "generio_losses", "Losses", losses, width, "ERROR")
        button = layout.row()
        button.scale_y = 1.4
        several = len(selection.groups) > 1
        text = f"Optimize {len(selection.groups)} Meshes" if several else "Optimize Selected"
        button.operator("generio.optimize_selected", text=translated(text), translate=False, icon="MOD_DECIM")
        layout.operator("generio.make_lods", text="Make LODs…", icon="MOD_ARRAY")


class GENERIO_PT_versions(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_versions"
    bl_parent_id = "GENERIO_PT_optimize"
    bl_label = "Before and After"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(versions.with_reports(context.selected_objects))

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        found = versions.with_versions(context.selected_objects)
        if found:
            after = all(map(versions.shows_after, found))
            before = not any(map(versions.shows_after, found))
            row = layout.row(align=True)
            row.operator("generio.show_version", text="Before", depress=before).version = "BEFORE"
            row.operator("generio.show_version", text="After", depress=after).version = "AFTER"
        width = context.region.width
        reports = [versions.report_of(item) for item in versions.with_reports(context.selected_objects)]
        wrapped(layout, _change(reports), width)
        if len(reports) == 1:
            (report,) = reports
            wrapped(layout, f"Deviation {report['deviation']['mean']:.2%}, at most {_most(report)}", width)
            _list(layout, "generio_report", "Report", _lines(report), width)
        if found:
            object_mode_button(layout, context)
            row = layout.row(align=True)
            row.operator("generio.accept_optimized", icon="CHECKMARK")
            row.operator("generio.revert_optimized", icon="LOOP_BACK")


def _headline(layout: Any, selection: Selection) -> None:
    count = sum(map(len, selection.groups.values()))
    if not count:
        layout.label(text="No mesh selected", icon="MESH_DATA")
        return
    name = selection.objects[0].name if count == 1 else translated(f"{count} objects")
    layout.label(text=name, translate=False, icon="MESH_DATA")
    parts = [f"{selection.triangles:,} triangles"]
    if count > len(selection.groups):  # some share their mesh
        parts.insert(0, "1 mesh" if len(selection.groups) == 1 else f"{len(selection.groups)} meshes")
    layout.label(text=", ".join(map(translated, parts)), translate=False, icon="BLANK1")


def _target(column: Any, panel: GenerioProperties, selection: Selection) -> None:
    """How light, and what that means for the selection."""
    column.row().prop(panel, "target", expand=True)
    column.prop(panel, "percent" if panel.target == PERCENT else "polygon_count")
    if selection.triangles:
        goal = Target(panel.target, panel.polygon_count, panel.percent)
        total = selection.triangles
        result = sum(goal.of(triangle_count(mesh), total) for mesh in selection.groups)
        share = "no less than now" if result >= total else f"{result / total:.0%} of now"
        hint = f"{result:,} triangles" if panel.target == PERCENT else share
        line = column.row()
        line.active = False
        line.alignment = "RIGHT"
        line.label(text=translated(hint), translate=False)


def _list(layout: Any, name: str, title: str, lines: Sequence[str], width: int, icon: str = "NONE") -> None:
    """A line that opens to a list."""
    header, body = layout.panel(name, default_closed=True)
    header.label(text=translated(title), translate=False, icon=icon)
    if body is not None:
        column = body.column(align=True)
        for line in lines[:MANY]:
            wrapped(column, line, width)
        if len(lines) > MANY:
            column.label(text=translated(f"and {len(lines) - MANY} more"), translate=False)


def _change(reports: Sequence[Any]) -> str:
    """How many triangles there were and are."""
    before, after = (sum(report[side]["triangles"] for report in reports) for side in ("before", "after"))
    return f"{before:,} → {after:,} triangles ({after / max(before, 1) - 1:+.0%})"


def _most(report: Any) -> str:
    return f"{report['deviation']['max']:.2%}"


def _lines(report: Any) -> list[str]:
    """The figures of a comparison, one a line."""
    before, after = report["before"], report["after"]
    lines = [
        f"Vertices: {before['vertices']:,} → {after['vertices']:,}",
        f"Materials: {before['materials']:,} → {after['materials']:,}",
        f"File size: {size(before['file_bytes'])} → {size(after['file_bytes'])}",
    ]
    if before["texture_bytes"] or after["texture_bytes"]:
        lines.append(f"Texture memory: {size(before['texture_bytes'])} → {size(after['texture_bytes'])}")
    lines += _changes(report)
    lines.append(f"Bounding box moved by {report['drift']:.2%}")
    lines.extend(report.get("told", ()))  # an earlier version told nothing
    lost = ", ".join(map(translated, report["lost"]))
    lines.append(f"Lost: {lost}" if lost else "Lost: nothing")
    return lines


def _changes(report: Any) -> list[str]:
    """What was done to have the mesh sent, and to have the result where it belongs."""
    came = report.get("came", {})  # an earlier version noted nothing of this
    lines: list[str] = []
    if report.get("plain"):
        lines.append("Blender could not export the materials, so the shape was sent without them")
    if came.get("turned"):
        lines.append("The result came turned, and was turned back")
    if came.get("scale", 1.0) != 1.0:
        lines.append(f"The result came {came['scale']:.4g} times as large, and was scaled back")
    if came.get("shifted"):
        lines.append("The result came in another place, and was moved back")
    return lines


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


CLASSES = (GENERIO_PT_optimize, GENERIO_PT_versions)
