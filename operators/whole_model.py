# SPDX-License-Identifier: GPL-3.0-or-later
"""Select the whole of a model of which a part is selected."""

import bpy

from ..scene.export.whole_model import Parts
from .submit_jobs import InObjectMode


class GENERIO_OT_select_whole_model(InObjectMode, bpy.types.Operator):
    """Also select the other parts of the selected models, so that a target applies to the whole"""

    bl_idname = "generio.select_whole_model"
    bl_label = "Whole Model"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way

    def execute(self, context: bpy.types.Context) -> set[str]:
        parts = Parts.of_file().of(context.selected_objects)
        for item in context.view_layer.objects:
            if item.session_uid in parts:
                item.select_set(True)
        return {"FINISHED"}


CLASSES = (GENERIO_OT_select_whole_model,)
