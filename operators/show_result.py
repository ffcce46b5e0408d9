# SPDX-License-Identifier: GPL-3.0-or-later
"""Go to the model of a job."""

from __future__ import annotations

from typing import ClassVar

import bpy

from ..core.messages import Message
from ..jobs import Problem
from ..scene.place.place import placed_objects
from ..session.properties import properties
from .on_job import OnJob
from .submit_jobs import InObjectMode, report_problem

NOT_THERE = Problem(
    "not_there",
    Message("The model is not in this file at the moment."),
    Message("Redo, or use Import to get it again."),
)
HIDDEN = Problem(
    "hidden",
    Message("The model is hidden."),
    Message("Show the object, and the collection that contains it."),
)


class GENERIO_OT_show_result(InObjectMode, OnJob, bpy.types.Operator):
    """Select the model of this job and frame it in the view; shows its scene first, where that is another"""

    bl_idname = "generio.show_result"
    bl_label = "Show Model"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        if (job := self.job(context)) is None:
            return {"CANCELLED"}
        panel = properties(context)
        panel.active_job = next(
            (index for index, row in enumerate(panel.jobs) if row.token == self.token), panel.active_job
        )
        roots = placed_objects(job.token)
        if not roots:
            return report_problem(self, NOT_THERE, self.token)
        if context.scene not in roots[0].users_scene and context.window is not None:
            context.window.scene = roots[0].users_scene[0]
        layer = bpy.context.view_layer
        parts = [part for root in roots for part in (root, *root.children_recursive)]
        visible = [
            part for part in parts if part.name in layer.objects and part.visible_get(view_layer=layer)
        ]
        if not visible:
            return report_problem(self, HIDDEN, self.token)
        for item in layer.objects:
            item.select_set(False, view_layer=layer)
        for item in visible:
            item.select_set(True, view_layer=layer)
        layer.objects.active = roots[0] if roots[0] in visible else visible[0]
        frame_selected(context)
        return {"FINISHED"}


def frame_selected(context: bpy.types.Context) -> None:
    """Frame what is selected in the 3D views of the window."""
    for area in context.window.screen.areas if context.window is not None else ():
        region = next((region for region in area.regions if region.type == "WINDOW"), None)
        if area.type == "VIEW_3D" and region is not None:
            with bpy.context.temp_override(area=area, region=region):
                if bpy.ops.view3d.view_selected.poll():  # pyright: ignore[reportCallIssue]
                    bpy.ops.view3d.view_selected()


CLASSES = (GENERIO_OT_show_result,)
