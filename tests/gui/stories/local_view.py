# SPDX-License-Identifier: GPL-3.0-or-later
"""A model comes into a view of one object only, while another add-on has an operator that never ends."""

import sys
from typing import ClassVar

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps


class ShowKeys(bpy.types.Operator):
    """As of an add-on that shows on the screen which keys are pressed."""

    bl_idname = "story.show_keys"
    bl_label = "Show Keys"
    bl_options: ClassVar[set[str]] = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, _context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return {"PASS_THROUGH"}


def look_at_one_object(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    bpy.utils.register_class(ShowKeys)
    with bpy.context.temp_override(window=blender.window, area=blender.area):
        bpy.ops.view3d.localview()
        bpy.ops.story.show_keys()
    sys.modules[f"{blender.package}.scene.place.place"].LASTING = 3.0
    panel = bpy.context.window_manager.generio
    view = blender.area.spaces.active
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A brass lamp")
    yield from blender.wait_for(lambda: scene.models("lamp"), "the lamp")
    yield from jobs.until(blender, "Done")
    (lamp,) = scene.models("lamp")
    assert lamp.visible_get(viewport=view)  # what Blender 4.3 says of local views is never true
    bpy.data.objects[scene.HEAVY].select_set(False)
    panel.where = "BOX"
    yield from blender.to_top()
    yield from blender.click("Add Box")
    assert bpy.context.active_object.visible_get(viewport=view)
    yield from blender.picture("local-view")


ACTS = (look_at_one_object,)
