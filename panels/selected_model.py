# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with the selected models that were generated."""

from __future__ import annotations

import bpy

from .widgets import ReadyTab


class GENERIO_PT_selected_model(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_selected_model"
    bl_parent_id = "GENERIO_PT_generate"
    bl_label = "Selected Model"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        column.operator("generio.keep_variant", icon="CHECKMARK")
        column.operator("generio.mark_asset", icon="ASSET_MANAGER")
        column.operator("generio.save_asset", icon="FILE_TICK")


CLASSES = (GENERIO_PT_selected_model,)
