# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes the scene heavy is shown, and made lighter."""

from typing import TYPE_CHECKING

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..scene import replace_mesh
from ..scene.export.selection import COUNT
from ..scene.heavy import plan
from ..scene.meshes import mesh_of
from ..session import current, requests
from ..session.properties import properties
from ..session.requests import Choice
from .optimize_base import OptimizeBase
from .show_result import frame_selected
from .submit_jobs import InObjectMode, RequiresService


class GENERIO_OT_select_heavy(InObjectMode, bpy.types.Operator):
    """Select the objects with this mesh and frame them in the view"""

    bl_idname = "generio.select_heavy"
    bl_label = "Show Heavy Object"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way

    if TYPE_CHECKING:
        uid: int
    else:
        uid: bpy.props.IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = next((item for item in context.scene.objects if item.session_uid == self.uid), None)
        if found is None or found.type != "MESH":
            return {"CANCELLED"}
        same = [item for item in context.view_layer.objects if item.data == mesh_of(found)]
        seen = [item for item in same if item.visible_get()]
        for item in context.selected_objects:
            item.select_set(False)
        for item in seen:
            item.select_set(True)
        if not seen:
            self.report({"WARNING"}, translated(Message('"{name}" is hidden', name=found.name)))
            return {"CANCELLED"}
        context.view_layer.objects.active = found if found in seen else seen[0]
        frame_selected(context)
        return {"FINISHED"}


class GENERIO_OT_optimize_to_budget(RequiresService, OptimizeBase, bpy.types.Operator):
    """Reduce the heaviest meshes of the scene, all to the same count, until the scene is within its budget"""

    bl_idname = "generio.optimize_to_budget"
    bl_label = "Optimize to Budget"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        planned = plan(context.scene, properties(context).scene_budget)
        meshes = len({item.data for item in planned.objects})
        text = Message(
            "Each is one job with {count:,} triangles, and may cost money.", count=planned.triangles
        )
        return context.window_manager.invoke_confirm(  # type: ignore[return-value]
            self,
            event,
            title=translated(
                Message("Optimize 1 Mesh?")
                if meshes == 1
                else Message("Optimize {count:,} Meshes?", count=meshes)
            ),
            message=translated(text),
            confirm_text=translated(Message("Optimize")),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        planned = plan(context.scene, properties(context).scene_budget)
        if not planned.objects:
            self.report({"INFO"}, translated(Message("No mesh is too heavy for the budget")))
            return {"CANCELLED"}
        if not planned.is_enough:
            self.report({"WARNING"}, translated(Message("Even then, the scene exceeds its budget")))
        given = {
            "target": COUNT,
            "polygon_count": planned.triangles,
            "placement": replace_mesh.REPLACE.upper(),
        }
        choice = Choice({**given, "modifier_mode": "KEEP"}, properties(context))
        parts = requests.optimize_in_parts(current(), context, choice, planned.objects, self.requester)
        return self.submit_parts(context, parts, len(planned.objects), modal=self.options.is_invoke)


CLASSES = (GENERIO_OT_select_heavy, GENERIO_OT_optimize_to_budget)
