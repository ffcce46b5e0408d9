# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimize the selected meshes."""

import uuid
from typing import TYPE_CHECKING

import bpy

from .. import bridge
from ..api import OPTIMIZE
from ..jobs import SNAPSHOT, Job
from ..properties import PLACEMENTS, properties
from ..scene import place
from ..scene.snapshot import Selection, write_snapshot
from .handover import HandOver


class GENERIO_OT_optimize_selected(HandOver, bpy.types.Operator):
    """Reduce the selected meshes to a number of triangles"""

    bl_idname = "generio.optimize_selected"
    bl_label = "Optimize Selected"

    if TYPE_CHECKING:
        polygon_count: int
        placement: str
    else:
        polygon_count: bpy.props.IntProperty(
            name="Triangles",
            description="How many triangles all selected meshes are to have together",
            default=100_000,
            min=1,
        )
        placement: bpy.props.EnumProperty(
            name="Result", description="Where the optimized mesh goes", items=PLACEMENTS
        )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = bridge.why_not(context)
        if not reason and not any(item.type == "MESH" for item in context.selected_objects):
            reason = "Select a mesh object first"
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._optimize(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._optimize(context, modal=False)

    def _optimize(self, context: bpy.types.Context, modal: bool) -> set[str]:
        panel = properties(context)
        count = (
            self.polygon_count if self.properties.is_property_set("polygon_count") else panel.polygon_count
        )
        mode = (self.placement if self.properties.is_property_set("placement") else panel.placement).lower()
        selection = Selection.of(context.selected_objects)
        reasons = [f'"{item.name}" is left out: {reason}' for item, reason in selection.refused]
        if not selection.objects:
            self.report({"ERROR"}, ". ".join(["Nothing to optimize", *reasons, "Select a mesh with faces"]))
            return {"CANCELLED"}
        for reason in reasons:
            self.report({"WARNING"}, reason)
        if selection.losses():
            self.report(
                {"WARNING"}, f"The optimized mesh will lose the {' and the '.join(selection.losses())}"
            )
        if count >= selection.triangles:
            self.report(
                {"INFO"},
                f"The selection has {selection.triangles:,} triangles, no more than the {count:,} asked for",
            )
        try:
            jobs = [
                self._request(context, item, share, mode)
                for item, share in zip(selection.objects, selection.shares(count), strict=True)
            ]
        except (RuntimeError, OSError) as error:
            self.report({"ERROR"}, f"The selection cannot be written to disk: {error}")
            return {"CANCELLED"}
        return self.hand_over(context, jobs, modal)

    def _request(self, context: bpy.types.Context, item: bpy.types.Object, count: int, mode: str) -> Job:
        token = uuid.uuid4().hex
        snapshot = bridge.job_folder(context, token) / SNAPSHOT
        write_snapshot(item, snapshot)
        return Job(
            service=bridge.settings(context).base_url,
            template=OPTIMIZE,
            name=item.name,
            token=token,
            source=str(snapshot),
            parameters={"polygon_count": count},
            destination=place.here(context, mode, item),
        )


CLASSES = (GENERIO_OT_optimize_selected,)
