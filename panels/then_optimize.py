# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is generated is optimized, too."""

from __future__ import annotations

import bpy

from ..scene.export.selection import PERCENT
from ..session.properties import properties
from .widgets import ReadyTab, fields, values


class GENERIO_PT_then_optimize(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_then_optimize"
    bl_parent_id = "GENERIO_PT_generate"
    bl_label = "Then Optimize"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(properties(context), "then_optimize", text="")

    def draw(self, context: bpy.types.Context) -> None:
        panel = properties(context)
        column = fields(self.layout, context)
        column.active = panel.then_optimize
        values(column, panel, "then_target", context.region.width)
        column.prop(panel, "then_percent" if panel.then_target == PERCENT else "then_count")
        column.prop(panel, "then_lods")
        column.prop(panel, "then_bake")


CLASSES = (GENERIO_PT_then_optimize,)
