# SPDX-License-Identifier: GPL-3.0-or-later
"""Make again what was made of something that has been edited since."""

from typing import ClassVar

import bpy

from ..api import FlowsError
from ..session import current, requests
from .optimize_base import OptimizeBase
from .submit_jobs import InObjectMode, clicked_once, report_problem


class GENERIO_OT_make_again(OptimizeBase, InObjectMode, bpy.types.Operator):
    """Optimize and bake selected objects whose originals were edited since, with the same settings"""

    bl_idname = "generio.make_again"
    bl_label = "Make Again"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return InObjectMode.poll.__func__(cls, context) and super().poll(context)

    @clicked_once
    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._make(context, modal=not bpy.app.background)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._make(context, modal=False)

    def _make(self, context: bpy.types.Context, modal: bool) -> set[str]:
        try:
            jobs = requests.make_again(current(), context, context.selected_objects, self.requester)
        except FlowsError as error:
            return report_problem(self, error)
        return self.submit_jobs(context, jobs, modal) if jobs else {"CANCELLED"}


CLASSES = (GENERIO_OT_make_again,)
