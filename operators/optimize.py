# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimize the selected meshes."""

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session import current, requests
from ..session.options import OptimizeOptions
from ..session.preferences import preferences
from ..session.requests import Choice
from .optimize_base import OptimizeBase
from .submit_jobs import clicked_once


class GENERIO_OT_optimize_selected(OptimizeOptions, OptimizeBase, bpy.types.Operator):
    """Reduce the selected meshes to a number of triangles"""

    bl_idname = "generio.optimize_selected"
    bl_label = "Optimize Selected"

    @clicked_once
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        count = _meshes(context)
        if count > preferences(context).ask_above and not bpy.app.background:
            return context.window_manager.invoke_confirm(  # type: ignore[return-value]
                self,
                event,
                title=translated(Message("Optimize {count:,} Meshes?", count=count)),
                message=translated(Message("Each is one job, and may cost money.")),
                confirm_text=translated(Message("Optimize")),
            )
        return self._optimize(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._optimize(context, modal=self.options.is_invoke)  # it was confirmed

    def _optimize(self, context: bpy.types.Context, modal: bool) -> set[str]:
        choice = Choice.of_operator(self, context)
        parts = requests.optimize_in_parts(
            current(), context, choice, context.selected_objects, self.requester
        )
        return self.submit_parts(context, parts, _meshes(context), modal)


def _meshes(context: bpy.types.Context) -> int:
    """How many meshes are selected, by whatever number of objects."""
    return len({item.data for item in context.selected_objects if item.type == "MESH"})


CLASSES = (GENERIO_OT_optimize_selected,)
