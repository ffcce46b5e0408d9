# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done about the places of new models: boxes, stand-ins, and the choice among variants."""

from typing import TYPE_CHECKING

import bpy

from ..core.destination import NewModel
from ..core.messages import Message
from ..i18n import translated
from ..jobs import Problem
from ..panels.placeholders import Placeholders
from ..scene.place import boxes, collections, variants
from ..session import current
from ..session.placement import PLACEHOLDER_DELETED
from ..session.properties import properties
from .submit_jobs import InObjectMode, reports_store_errors

OTHER_CHOSEN = Problem(
    "other_kept", Message("Another variant was kept."), Message("Use Import to get this one, too.")
)


class GENERIO_OT_keep_variant(InObjectMode, bpy.types.Operator):
    """Remove the other variants from the scene, and cancel those that are still being made"""

    bl_idname = "generio.keep_variant"
    bl_label = "Keep This One"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if variants.chosen_variant(context) is None:
            cls.poll_message_set(translated(Message("Select one of several variants first")))
            return False
        return super().poll(context)

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        item = variants.chosen_variant(context)
        assert item is not None
        group = item[variants.GROUP]
        engine = current().engine
        if engine is not None:
            for job in engine.jobs():
                if isinstance(job.request.destination, NewModel) and job.request.destination.group == group:
                    engine.cancel(job.token)
                    current().placement.defer_to_import(engine, job.token, OTHER_CHOSEN)
        count = variants.choose(item)
        self.report({"INFO"}, translated(Message("Other variants removed: {count}", count=count)))
        return {"FINISHED"}


class GENERIO_OT_put_aside(bpy.types.Operator):
    """Delete this placeholder; the finished model will wait in the job list"""

    bl_idname = "generio.put_aside"
    bl_label = "Delete Placeholder"

    if TYPE_CHECKING:
        place: int
    else:
        place: bpy.props.IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        found, engine = current().part(Placeholders).places(context.scene), current().engine
        if self.place not in found or engine is None:
            return {"CANCELLED"}
        for token in found[self.place][1]:
            current().placement.defer_to_import(
                engine, token, PLACEHOLDER_DELETED
            )  # if it is finished already
            current().placement.relocate(engine, token, placeholder_deleted=True)
        return {"FINISHED"}


class GENERIO_OT_add_box(InObjectMode, bpy.types.Operator):
    """Add a box at the 3D cursor; move and scale it, and the model will be fitted into it"""

    bl_idname = "generio.add_box"
    bl_label = "Add Box"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way

    if TYPE_CHECKING:
        size: float
    else:
        size: bpy.props.FloatProperty(
            name="Size", description="Length of the box's edges", default=1.0, min=0.001, unit="LENGTH"
        )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.library is not None:
            cls.poll_message_set(translated(Message("The scene is linked from another file")))
            return False
        return super().poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        box = boxes.make_box(context, self.size)
        collections.show_in_local_views(context, [box])
        for item in context.selected_objects:
            item.select_set(False)
        box.select_set(True)
        context.view_layer.objects.active = box
        properties(context).where = "BOX"
        engine = current().engine
        if engine is not None and self.options.is_repeat:  # adjusted, after a model was asked for perhaps
            current().placement.box_replaced(engine, box)
        return {"FINISHED"}


CLASSES = (GENERIO_OT_keep_variant, GENERIO_OT_put_aside, GENERIO_OT_add_box)
