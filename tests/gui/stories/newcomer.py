# SPDX-License-Identifier: GPL-3.0-or-later
"""README and the page for artists, step by step as they are written, by somebody who is new to it."""

from pathlib import Path

import bpy
from mathutils import Vector

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

KEY = "demo-key"
PROMPT = "A turned red vase"
VARIANTS = 4
FILE = Path("/tmp/tomorrow.blend")
UP = Vector((0.0, 0.0, 1.0))


def set_up(blender: Driver) -> Steps[None]:
    """README: press N, open the tab, press Enter Key and paste the key."""
    yield from blender.open_tab("GENERIO")
    yield from blender.see("Get a Key")
    yield from blender.click("Enter Key")
    windows = bpy.context.window_manager.windows
    yield from blender.wait_for(lambda: len(windows) == 2, "the window of the preferences")
    yield from blender.go_to_window(1)
    yield from blender.type_beside("API Key", KEY)
    yield from blender.close_window()
    yield from blender.see("Generate Model")


def first_model(blender: Driver) -> Steps[None]:
    yield from set_up(blender)
    yield from blender.press("DEL")  # the cube, which a new file has selected
    yield from jobs.ask_for(blender, PROMPT)
    yield from jobs.until(blender, "Running")
    yield from blender.picture("newcomer-running")
    yield from blender.wait_for(lambda: scene.models("vase"), "the vase")
    yield from jobs.until(blender, "Done")
    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(lambda: not scene.models("vase"), "no vase after undo")
    yield from blender.press("Z", ctrl=True, shift=True)
    yield from blender.wait_for(lambda: scene.models("vase"), "the vase again")
    yield from blender.press("Z")
    yield from blender.click("Material Preview", popup=True)
    yield from blender.wait_for(lambda: scene.views()[0].shading.type == "MATERIAL", "Material Preview")
    yield from blender.picture("newcomer-material")
    scene.views()[0].shading.type = "SOLID"  # what follows would wait for software GL

    yield from blender.click("Options")
    yield from blender.type_into("Variants", str(VARIANTS))
    yield from blender.click(f"Generate {VARIANTS} Variants")
    yield from blender.wait_for(lambda: len(scene.models("vase")) == 1 + VARIANTS, "the variants")
    yield from blender.wait_for(lambda: jobs.newest().state == "done", "the last variant")
    yield from blender.press("HOME")  # to see all of them
    yield 1.0
    best = bpy.data.objects[f"{PROMPT} 2"]
    yield from blender.click_in_view(tuple(best.matrix_world.translation + best.dimensions.z / 2 * UP))
    assert scene.selection()[0] == best.name, scene.selection()
    yield from blender.picture("newcomer-variants")
    yield from blender.click("Selected Model")
    yield from blender.click("Keep This One")
    yield from blender.wait_for(lambda: len(scene.models("vase")) == 2, "the vases that are kept")
    yield from blender.picture("newcomer-kept")


def lighter_mesh(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    heavy = scene.triangles(scene.HEAVY)
    bpy.context.window_manager.generio.bake_size = "512"
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Percent")
    yield from blender.type_into("Percent", "10")
    yield from blender.see("10% of 61,952")
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(lambda: scene.triangles(scene.HEAVY) <= heavy / 10, "the light mesh")
    light = scene.triangles(scene.HEAVY)
    yield from blender.click("Before and After")
    yield from blender.click("Before")
    assert scene.triangles(scene.HEAVY) == heavy
    yield from blender.click("After")
    assert scene.triangles(scene.HEAVY) == light
    yield from blender.click("Bake Lost Detail")
    yield from blender.wait_for(lambda: len(bpy.context.window_manager.generio.jobs) > 1, "the job")
    yield from blender.wait_for(lambda: jobs.newest().state == "done", "the normal map")
    yield from blender.picture("newcomer-baked")
    blender.save_file(FILE)
    yield from blender.open_file(FILE)
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("newcomer-tomorrow")
    yield from blender.click("Before")
    assert scene.triangles(scene.HEAVY) == heavy
    yield from blender.click("After")
    yield from blender.click("Accept")
    yield from blender.see("Select what was optimized")
    assert scene.triangles(scene.HEAVY) == light


ACTS = (first_model, lighter_mesh)
