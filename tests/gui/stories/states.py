# SPDX-License-Identifier: GPL-3.0-or-later
"""States of the panels that no other story passes through: what can be chosen, and a key that is refused."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps


def choose(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from blender.see("No mesh selected")
    yield from blender.picture("states-nothing-selected")
    scene.add_heavy_mesh()
    monkey = bpy.data.objects[scene.HEAVY]
    monkey.modifiers.new("Weld", "WELD")
    twin = bpy.data.objects.new("Twin", monkey.data)
    empty = bpy.data.objects.new("Faceless", bpy.data.meshes.new("Faceless"))
    bpy.ops.mesh.primitive_torus_add(location=(1.2, 0.8, 0.3))
    for item in (twin, empty):
        bpy.context.scene.collection.objects.link(item)
    for item in bpy.data.objects:
        item.select_set(item.type == "MESH")
    scene.remember("many meshes")
    yield from blender.see("3 objects")
    yield from blender.click("1 left out")
    yield from blender.see("has no faces")
    yield from blender.click("Percent")
    yield from blender.see("Optimize 2 Meshes")
    yield from blender.picture("states-many-selected")
    yield from blender.click("Then Optimize")
    bpy.context.window_manager.generio.then_optimize = True
    yield from blender.to_top()
    yield from blender.picture("states-then-optimize")
    yield from blender.click("Levels of Detail")
    yield from blender.click("Make LODs")
    yield 0.5
    yield from blender.picture("states-lods")
    yield from blender.press("ESC")


def be_refused(blender: Driver) -> Steps[None]:
    scene.clear_view()
    bpy.context.window_manager.generio.then_optimize = False
    key, blender.preferences.api_key = blender.preferences.api_key, "no-such-key"
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A tin robot")
    yield from jobs.until(blender, "Waiting")
    yield from blender.see("rejected the API")
    yield from blender.see("Enter Key")
    yield from blender.picture("states-key-refused")
    yield from blender.narrow_picture("states-key-refused-narrow", "Enter Key")
    yield from blender.click("Enter Key")
    windows = bpy.context.window_manager.windows
    yield from blender.wait_for(lambda: len(windows) == 2, "the window of the preferences")
    yield from blender.go_to_window(1)
    yield from blender.see("Image Size Limit")
    yield from blender.see("Author")
    yield from blender.picture("states-preferences")
    yield from blender.close_window()
    blender.preferences.api_key = key
    yield from jobs.until(blender, "Done")
    assert scene.models("robot")


ACTS = (choose, be_refused)
