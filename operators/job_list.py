# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done about the list of jobs itself."""

import bpy

from ..session import current
from ..session.preferences import user_folder
from .folders import show_folder
from .submit_jobs import reports_store_errors


class GENERIO_OT_open_job_list(bpy.types.Operator):
    """Try to open the job list again"""

    bl_idname = "generio.open_job_list"
    bl_label = "Try Again"

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        current().open_engine(context).jobs()  # which are there in a moment, or raise why not
        current().tick(context)  # which takes the notice away
        return {"FINISHED"}


class GENERIO_OT_dismiss_notice(bpy.types.Operator):
    """Dismiss this message"""

    bl_idname = "generio.dismiss_notice"
    bl_label = "OK"

    def execute(self, context: bpy.types.Context) -> set[str]:
        current().dismiss(context)
        return {"FINISHED"}


class GENERIO_OT_show_list_folder(bpy.types.Operator):
    """Open the folder that holds the job list"""

    bl_idname = "generio.show_list_folder"
    bl_label = "Open Folder"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return show_folder(self, user_folder(context))


CLASSES = (GENERIO_OT_open_job_list, GENERIO_OT_dismiss_notice, GENERIO_OT_show_list_folder)
