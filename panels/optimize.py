# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduce the selected meshes."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.messages import EMPTY, Message
from ..core.text import size_text
from ..i18n import translated, translated_list
from ..scene.export.selection import PERCENT
from ..scene.meshes import COLOR_ATTRIBUTES, CUSTOM_NORMALS
from ..session.properties import GenerioProperties, properties
from ..session.requests import Choice
from ..session.requests.bake_settings import bake_settings
from .closed_list import closed_list
from .presets import GENERIO_PT_optimize_presets, draw_in_header
from .selection_report import Survey, selection_report
from .widgets import (
    ReadyTab,
    buttons,
    choice,
    fields,
    fits,
    options,
    room_in,
    values,
    wrapped,
)


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
        text = Message("About {size} of memory", size=size_text(wish.memory(survey.triangles)))
        column.label(text=translated(text), translate=False)


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
    closed_list(layout, "generio_losses", Message("Losses"), found.losses, width, "ERROR")
    if found.parts:
        text = translated(Message("Whole Model, {count:,} Parts", count=found.parts))
        layout.operator("generio.select_whole_model", text=text, translate=False, icon="OUTLINER")
    if found.refused:
        lines = [Message("{name}: {message}", name=name, message=reason) for name, reason in found.refused]
        closed_list(layout, "generio_left_out", Message("{count:,} left out", count=len(lines)), lines, width)
        row = buttons(layout, width, "Convert to Meshes", "Deselect These")
        if found.convertible:
            row.operator("generio.convert_left_out", icon="OUTLINER_OB_MESH")
        row.operator("generio.deselect_left_out", icon="RESTRICT_SELECT_ON")


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


CLASSES = (GENERIO_PT_optimize, GENERIO_PT_bake)
