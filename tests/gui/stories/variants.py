# SPDX-License-Identifier: GPL-3.0-or-later
"""Three variants, of which one is kept; models into a box, where a stand-in was moved to, and on a table."""

import bpy
from mathutils import Euler, Vector

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

PROMPT = "A blue vase"


def keep_the_best(blender: Driver) -> Steps[None]:
    scene.clear_view()
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    yield from blender.type_into("Prompt", PROMPT)
    assert panel.prompt == PROMPT
    yield from blender.click("Low")
    panel.variants = 3
    yield from blender.click("Generate 3 Variants")
    yield from jobs.until(blender, "Running")
    yield 1.0
    yield from blender.picture("variants-running")
    yield from blender.wait_for(lambda: len(scene.models("vase")) == 3, "three vases")
    for view in scene.views():
        view.region_3d.view_rotation = Euler((1.3, 0.0, 0.15)).to_quaternion()  # they stand along X
        view.region_3d.view_location, view.region_3d.view_distance = (0.9, 0.0, 0.4), 6.5
    second = bpy.data.objects[f"{PROMPT} 2"]
    second.select_set(True)
    bpy.context.view_layer.objects.active = second
    scene.remember("select a vase")
    yield from blender.click("Selected Model")
    yield from blender.see("Keep This One")
    scene.show_textures()
    yield 2.0
    yield from blender.picture("variants-done", until="My Flows")
    yield from blender.click("Keep This One")
    yield from blender.wait_for(lambda: len(scene.models("vase")) == 1, "one vase")
    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(lambda: len(scene.models("vase")) == 3, "three vases again")


def fill_a_box(blender: Driver) -> Steps[None]:
    scene.clear_view()
    for item in scene.models("vase"):
        bpy.data.objects.remove(item)
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    panel.where, panel.variants = "BOX", 1
    yield from blender.click("Add Box")
    box = bpy.context.active_object.name
    yield from blender.type_into("Prompt", "A brass lamp")
    yield from blender.click("Low")
    yield from blender.click("Generate Model")
    yield from jobs.until(blender, "Running")
    adjust_last_operation(blender, size=0.8)
    bpy.data.objects[box].location = (-0.6, -0.4, 0.9)
    bpy.data.objects[box].scale = (0.8, 0.8, 1.6)
    scene.remember("move the box")
    yield 1.0
    yield from blender.picture("box-running", until="My Flows")
    yield from blender.wait_for(lambda: scene.models("lamp"), "the lamp")
    yield from jobs.until(blender, "Done")
    (lamp,) = scene.models("lamp")
    assert abs(lamp.location.z - 0.26) < 1e-4, lamp.location
    assert box not in bpy.data.objects
    scene.show_textures()
    yield 1.0
    yield from blender.picture("box-done")


def adjust_last_operation(blender: Driver, **values: object) -> None:
    """Enter values into the panel of this name, in the corner of the view, which makes the box anew."""
    last = next(op for op in reversed(bpy.context.window_manager.operators) if op.name == "Add Box")
    for name, value in values.items():
        setattr(last.properties, name, value)
    region = next(region for region in blender.area.regions if region.type == "WINDOW")
    before = bpy.context.active_object.session_uid
    with bpy.context.temp_override(window=blender.window, area=blender.area, region=region):
        bpy.ops.ed.undo_redo()
    assert bpy.context.active_object.session_uid != before, "it is another object to Blender"


def move_a_stand_in(blender: Driver) -> Steps[None]:
    scene.clear_view()
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    panel.where = "CURSOR"
    yield from jobs.delay_results(blender, 15.0)
    yield from jobs.ask_for(blender, "A paper crane")
    yield from jobs.until(blender, "Running")
    yield from blender.drag_in_view((0.0, 0.0, 0.0), (-0.6, -0.3, 0.0))
    yield 0.3
    yield from blender.picture("stand-in-moved")
    yield from blender.wait_for(lambda: scene.models("crane"), "the crane")
    (crane,) = scene.models("crane")
    assert (crane.location.xy - Vector((-0.6, -0.3))).length < 0.4, crane.location

    yield from jobs.delay_results(blender, 15.0)
    yield from jobs.ask_for(blender, "A marble bust")
    yield from jobs.until(blender, "Running")
    yield from blender.click_in_view((0.5, 0.5, 0.0))
    yield from jobs.until(blender, "Ready")
    yield from blender.see("placeholder was deleted")
    yield from blender.picture("stand-in-deleted")
    assert not scene.models("bust")
    yield from blender.click("Import")
    yield from blender.wait_for(lambda: scene.models("bust"), "the bust")


def stand_on_a_table(blender: Driver) -> Steps[None]:
    scene.clear_view()
    bpy.ops.mesh.primitive_cube_add(size=1.0, location=(0.3, 0.2, 0.1))
    table = bpy.context.object
    table.scale.z = 0.6
    bpy.context.scene.cursor.location = (0.3, 0.2, 1.5)
    scene.remember("a table")
    yield from blender.open_tab("GENERIO")
    bpy.context.window_manager.generio.where = "SURFACE"
    yield from jobs.ask_for(blender, "A teapot")
    yield from blender.wait_for(lambda: scene.models("teapot"), "the teapot")
    yield from jobs.until(blender, "Done")
    (teapot,) = scene.models("teapot")
    assert (teapot.location - Vector((0.3, 0.2, 0.4))).length < 1e-4, teapot.location
    yield from blender.picture("surface-done")
    bpy.data.objects.remove(table)
    scene.remember("no table")


ACTS = (keep_the_best, fill_a_box, move_a_stand_in, stand_on_a_table)
