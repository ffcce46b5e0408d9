# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake the detail that optimized meshes have lost."""

import bpy

from ..api import FlowsError
from ..core.messages import Message
from ..i18n import translated
from ..scene.bake.original import original_of
from ..session import current, requests
from ..session.options import BakeOptions
from ..session.requests import Choice, Level, Requester
from .submit_jobs import InObjectMode, SubmitJobs, report_problem


class GENERIO_OT_bake_detail(BakeOptions, InObjectMode, SubmitJobs, bpy.types.Operator):
    """Bake the detail that optimized meshes have lost into maps on this computer, free of charge"""

    bl_idname = "generio.bake_detail"
    bl_label = "Bake Lost Detail"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(map(original_of, context.selected_objects)):
            cls.poll_message_set(
                translated(
                    Message("Select an optimized object whose original is still kept, or a level of detail")
                )
            )
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._bake(context, modal=not bpy.app.background)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._bake(context, modal=False)

    def _bake(self, context: bpy.types.Context, modal: bool) -> set[str]:
        def report(level: Level, message: Message) -> None:
            self.report({level}, translated(message))

        choice = Choice.of_operator(self, context)
        try:
            jobs = requests.bake(current(), context, choice, context.selected_objects, Requester(report))
        except FlowsError as error:
            return report_problem(self, error)
        return self.submit_jobs(context, jobs, modal) if jobs else {"CANCELLED"}


CLASSES = (GENERIO_OT_bake_detail,)
