# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with the pictures of the gallery."""

from typing import TYPE_CHECKING

import bpy

from ..session.favorites import favorites
from ..session.properties import properties
from .on_job import OnJob


class GENERIO_OT_toggle_favorite(OnJob, bpy.types.Operator):
    """Add this job to the favorites, which Clear Finished keeps in the list, or remove it from them"""

    bl_idname = "generio.toggle_favorite"
    bl_label = "Favorite"

    def execute(self, context: bpy.types.Context) -> set[str]:
        row = next((row for row in properties(context).jobs if row.token == self.token), None)
        if row is None:
            return {"CANCELLED"}
        row.favorite = favorites().toggle(self.token)
        return {"FINISHED"}


class GENERIO_OT_choose_job(bpy.types.Operator):
    """Show the details of this job"""

    bl_idname = "generio.choose_job"
    bl_label = "Choose Job"

    if TYPE_CHECKING:
        index: int
    else:
        index: bpy.props.IntProperty(min=0, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        properties(context).active_job = self.index
        return {"FINISHED"}


CLASSES = (GENERIO_OT_toggle_favorite, GENERIO_OT_choose_job)
