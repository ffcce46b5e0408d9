# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimize the selected meshes."""

import bpy

from ..api import FlowsError
from ..session import current, requests
from ..session.options import OptimizeOptions
from ..session.requests import Choice
from .optimize_base import Sending
from .submit_jobs import tell_problem


class GENERIO_OT_optimize_selected(OptimizeOptions, Sending, bpy.types.Operator):
    """Reduce the selected meshes to a number of triangles"""

    bl_idname = "generio.optimize_selected"
    bl_label = "Optimize Selected"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._optimize(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._optimize(context, modal=False)

    def _optimize(self, context: bpy.types.Context, modal: bool) -> set[str]:
        choice = Choice.of_operator(self, context)
        try:
            jobs = requests.optimize(current(), context, choice, context.selected_objects, self.requester)
        except FlowsError as error:
            return tell_problem(self, error)
        return self.hand_over(context, jobs, modal) if jobs else {"CANCELLED"}


CLASSES = (GENERIO_OT_optimize_selected,)
