# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done about selected objects that cannot be optimized."""

import bpy

from ..scene.export.selection import Selection, convert
from .submit_jobs import InObjectMode


class GENERIO_OT_convert_left_out(InObjectMode, bpy.types.Operator):
    """Convert selected curves, text and similar objects to meshes so that they can be optimized"""

    bl_idname = "generio.convert_left_out"
    bl_label = "Convert to Meshes"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way

    def execute(self, context: bpy.types.Context) -> set[str]:
        convert(context, Selection.of(context.selected_objects).convertible)
        return {"FINISHED"}


class GENERIO_OT_deselect_left_out(bpy.types.Operator):
    """Deselect what cannot be optimized"""

    bl_idname = "generio.deselect_left_out"
    bl_label = "Deselect These"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way

    def execute(self, context: bpy.types.Context) -> set[str]:
        for item, _reason in Selection.of(context.selected_objects).refused:
            item.select_set(False)
        return {"FINISHED"}


CLASSES = (GENERIO_OT_convert_left_out, GENERIO_OT_deselect_left_out)
