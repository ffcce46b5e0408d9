# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduce the selected meshes, and look at what has become of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..core.messages import EMPTY, Message
from ..i18n import translated, translated_list
from ..scene.bake import pictures
from ..scene.bake.settings import PICTURES
from ..scene.export.selection import PERCENT
from ..scene.meshes import COLOR_ATTRIBUTES, CUSTOM_NORMALS
from ..session import current
from ..session.properties import GenerioProperties, properties
from ..session.requests import Choice
from ..session.requests.bake_settings import bake_settings
from .presets import GENERIO_PT_optimize_presets, draw_in_header
from .selection_report import Survey, selection_report
from .thumbnails import icon_of
from .widgets import (
    ICON,
    ReadyTab,
    buttons,
    choice,
    fields,
    first_that_fits,
    fits,
    is_narrow,
    object_mode_button,
    options,
    room_in,
    values,
    wrapped,
)

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

PICTURE = 4.0
"""How large the pictures of a bake are, in heights of a button."""

MANY = 20
"""Lines of a list that are shown."""


OUTDATED_SHARE = 0.55
"""Of a row, what says that originals were edited."""


class GENERIO_PT_optimize(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_optimize"
    bl_label = "Optimize"
    bl_order = 2

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        draw_in_header(self.layout, context, GENERIO_PT_optimize_presets)

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        panel = properties(context)
        width = context.region.width
        found = selection_report().drawn(context)
        _headline(layout, found, width)
        _target(fields(layout, context), panel, found, width)
        body = options(layout, "generio_optimize_options")
        if body is not None:
            _options(fields(body, context), panel, found)
        button = layout.row()
        button.scale_y = 1.4
        text = (
            Message("Optimize {count:,} Meshes", count=found.meshes)
            if found.meshes > 1
            else Message("Optimize Selected")
        )
        button.operator("generio.optimize_selected", text=translated(text), translate=False, icon="MOD_DECIM")
        _remarks(layout, found, width)


class GENERIO_PT_bake(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_bake"
    bl_parent_id = "GENERIO_PT_optimize"
    bl_label = "Then Bake"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(properties(context), "bake", text="")

    def draw(self, context: bpy.types.Context) -> None:
        panel = properties(context)
        column = fields(self.layout, context)
        for name in ("bake_size", "bake_normals", "bake_colors", "bake_depth"):
            choice(column, panel, name)
        column.prop(panel, "bake_margin")
        maps = column.column(heading="Maps")
        maps.prop(panel, "bake_occlusion")
        maps.prop(panel, "bake_orm")
        survey = selection_report().known(context)
        wish = bake_settings(context, Choice({}, panel))
        told = Message("About {size} of memory", size=size(wish.memory(survey.triangles)))
        column.label(text=translated(told), translate=False)


class GENERIO_PT_versions(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_versions"
    bl_parent_id = "GENERIO_PT_optimize"
    bl_label = "Before and After"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """What became of the selection can be read while the panel is closed, too."""
        reports = selection_report().latest(context).reports
        if reports and not is_narrow(context):
            self.layout.label(text=f"{_share(*_counts(reports)):+.0%}", translate=False)

    def draw(self, context: bpy.types.Context) -> None:
        """Also where there is nothing to compare: a result that comes moves nothing."""
        layout: Any = self.layout
        found = selection_report().latest(context)
        width = context.region.width
        row = layout.row(align=True)
        row.operator(
            "generio.show_version", text="Before", depress=found.after < found.versions
        ).version = "BEFORE"
        is_after = 0 < found.after == found.versions
        row.operator("generio.show_version", text="After", depress=is_after).version = "AFTER"
        if found.reports:
            wrapped(layout, translated(_change(found.reports)), width)
        else:
            wrapped(layout, translated(Message("Select what was optimized")), width)
        layout.operator("generio.bake_detail", icon="RENDER_STILL")
        row = buttons(layout, width, "Accept", "Discard")
        row.operator("generio.accept_optimized", icon="CHECKMARK")
        row.operator("generio.revert_optimized", icon="LOOP_BACK")
        if found.versions:
            object_mode_button(layout, context)
        if len(found.reports) == 1:
            (report,) = found.reports
            wrapped(
                layout,
                Message(
                    "Deviation {mean:.2%}, at most {most}",
                    mean=report["deviation"]["mean"],
                    most=_most(report),
                ),
                width,
            )
            body = _list(layout, "generio_report", Message("Report"), _lines(report), width)
            if body is not None and "picture_difference" in report.get("bake", {}):
                _pictures(body, report["bake"], width)
        else:
            layout.label(text="")
            _list(layout, "generio_report", Message("Report"), (), width)


def _options(column: Any, panel: GenerioProperties, found: Survey) -> None:
    """Where the result goes, what is sent, and what is brought over to the optimized meshes.

    What the selection has no use for is grey and keeps its room: nothing may move under the mouse.
    """
    choice(column, panel, "placement")
    modifiers = column.column()
    modifiers.active = found.modifiers
    choice(modifiers, panel, "modifier_mode")
    choice(column, panel, "texture_limit")
    transfer = column.column(heading="Transfer")
    colors = transfer.row()
    colors.active = COLOR_ATTRIBUTES in found.kinds
    colors.prop(panel, "carry_colors")
    normals = transfer.row()
    normals.active = CUSTOM_NORMALS in found.kinds
    normals.prop(panel, "carry_normals")


def _remarks(layout: Any, found: Survey, width: int) -> None:
    """What is to be known of the selection, with what can be done about it."""
    # This line is there without losses as well: what is below it may not move under the mouse.
    _list(layout, "generio_losses", Message("Losses"), found.losses, width, "ERROR")
    _outdated(layout, found, width)
    if found.parts:
        text = translated(Message("Whole Model, {count:,} Parts", count=found.parts))
        layout.operator("generio.select_whole_model", text=text, translate=False, icon="OUTLINER")
    if found.refused:
        lines = [Message("{name}: {message}", name=name, message=reason) for name, reason in found.refused]
        _list(layout, "generio_left_out", Message("{count:,} left out", count=len(lines)), lines, width)
        row = buttons(layout, width, "Convert to Meshes", "Deselect These")
        if found.convertible:
            row.operator("generio.convert_left_out", icon="OUTLINER_OB_MESH")
        row.operator("generio.deselect_left_out", icon="RESTRICT_SELECT_ON")


def _outdated(layout: Any, found: Survey, width: int) -> None:
    """Whether originals were edited since; the line keeps its room, as it comes while others are used."""
    count = len(found.outdated)
    texts: list[str] = []
    if count == 1:
        told = Message('The original of "{name}" was edited since', name=found.outdated[0])
        texts = [translated(told), translated(Message("Original edited"))]
    elif count:
        texts = [translated(Message("{count:,} originals edited", count=count))]
    split = layout.split(factor=OUTDATED_SHARE)
    room = room_in(width) * OUTDATED_SHARE - ICON
    split.label(
        text=first_that_fits(room, *texts, "") if texts else "",
        translate=False,
        icon="ERROR" if count else "BLANK1",
    )
    button = split.row()
    button.enabled = bool(count)
    button.operator("generio.make_again")


def _headline(layout: Any, found: Survey, width: int) -> None:
    if not found.objects:
        layout.label(text="No mesh selected", icon="MESH_DATA")
        layout.label(text="")
        return
    name = found.name or translated(Message("{count:,} objects", count=found.objects))
    layout.label(text=name, translate=False, icon="MESH_DATA")
    parts = [Message("{count:,} triangles", count=found.triangles)]
    if found.objects > found.meshes:  # some share their mesh
        parts.insert(
            0, Message("1 mesh") if found.meshes == 1 else Message("{count:,} meshes", count=found.meshes)
        )
    wrapped(layout, translated_list(parts), width, "BLANK1")


def _target(column: Any, panel: GenerioProperties, found: Survey, width: int) -> None:
    """How light, and what that means for the selection."""
    values(column, panel, "target", width)
    column.prop(panel, "percent" if panel.target == PERCENT else "polygon_count")
    hint = translated(_hint(panel, found)) if found.triangles else ""
    line = column.column()
    line.active = False
    if hint and not fits(hint, room_in(width)):
        wrapped(line, hint, width)
    else:
        line.alignment = "RIGHT"
        line.label(text=hint, translate=False)


def _hint(panel: GenerioProperties, found: Survey) -> Message:
    """What the target is of what was there at first."""
    percent = f"{panel.percent:.4g}%" if panel.target == PERCENT else ""
    if found.applied:
        return Message("{percent} of what modifiers make", percent=percent) if percent else EMPTY
    if found.result >= found.triangles:
        return (
            Message("{percent} of {first:,}, no reduction", percent=percent, first=found.first)
            if percent
            else Message("no reduction")
        )
    return Message(
        "{percent} of {first:,}: {result:,} triangles",
        percent=percent or f"{found.result / found.first:.0%}",
        first=found.first,
        result=found.result,
    )


def _list(
    layout: Any, name: str, title: Message, lines: Sequence[Message], width: int, icon: str = "NONE"
) -> Any:
    """A line that opens to a list, grey for an empty one; returns where more can be drawn, None if closed."""
    header, body = layout.panel(name, default_closed=True)
    header.active = bool(lines)
    header.label(text=translated(title), translate=False, icon=icon)
    if body is not None:
        column = body.column(align=True)
        for line in lines[:MANY]:
            wrapped(column, translated(line), width)
        if len(lines) > MANY:
            column.label(
                text=translated(Message("and {count:,} more", count=len(lines) - MANY)), translate=False
            )
    return body


def _pictures(layout: Any, figures: Any, width: int) -> None:
    """What was drawn of a bake, as long as its job is in the list."""
    engine = current().engine
    job = engine.job(figures.get("token", "")) if engine is not None else None
    if job is None or not job.placement.results:
        return
    told = Message(
        "Before, after, and where they differ: {share:.1%} on average", share=figures["picture_difference"]
    )
    wrapped(layout, translated(told), width)
    row = layout.row(align=True)
    for name in PICTURES:
        path = pictures.path_of(Path(job.placement.results[0].blend), name)
        row.template_icon(icon_value=icon_of(str(path)), scale=PICTURE)
    layout.operator("generio.show_bake_pictures", icon="IMAGE_DATA")


def _change(reports: Sequence[Any]) -> Message:
    """How many triangles there were and are."""
    before, after = _counts(reports)
    return Message(
        "{before:,} → {after:,} triangles ({change:+.0%})",
        before=before,
        after=after,
        change=_share(before, after),
    )


def _counts(reports: Sequence[Any]) -> tuple[int, int]:
    """How many triangles all had before, and have after."""
    before, after = (sum(report[side]["triangles"] for report in reports) for side in ("before", "after"))
    return before, after


def _share(before: int, after: int) -> float:
    """By which share a count has changed."""
    return after / max(before, 1) - 1


def _most(report: Any) -> str:
    return f"{report['deviation']['max']:.2%}"


def _lines(report: Any) -> list[Message]:
    """The figures of a comparison, one a line."""
    before, after = report["before"], report["after"]
    lines = [
        Message("Vertices: {before:,} → {after:,}", before=before["vertices"], after=after["vertices"]),
        Message("Materials: {before:,} → {after:,}", before=before["materials"], after=after["materials"]),
        Message(
            "File size: {before} → {after}",
            before=size(before["file_bytes"]),
            after=size(after["file_bytes"]),
        ),
    ]
    if before["texture_bytes"] or after["texture_bytes"]:
        lines.append(
            Message(
                "Texture memory: {before} → {after}",
                before=size(before["texture_bytes"]),
                after=size(after["texture_bytes"]),
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


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


CLASSES = (GENERIO_PT_optimize, GENERIO_PT_bake, GENERIO_PT_versions)
