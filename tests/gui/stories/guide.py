# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's "first model, made lighter", step by step, in a file as Blender opens it."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

VASE = "A turned red vase"


def follow_the_guide(blender: Driver) -> Steps[None]:
    yield from blender.open_tab("GENERIO")
    yield from blender.press("DEL")  # the cube, which a new file has selected
    assert "Cube" not in bpy.data.objects or not bpy.data.objects["Cube"].users_scene
    yield from jobs.ask_for(blender, VASE)
    yield from blender.wait_for(lambda: scene.models("vase"), "the vase")
    yield from jobs.until(blender, "Done")
    assert not scene.selection()[1], "nobody has selected it yet"
    yield from blender.click_in_view((0.0, 0.0, 0.3))
    assert scene.selection() == (VASE, [VASE]), scene.selection()
    heavy = scene.triangles(VASE)
    yield from blender.click("Percent")
    yield from blender.type_into("Percent", "25")
    yield from blender.picture("guide-percent")
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(lambda: scene.triangles(VASE) <= heavy / 4 + 1, "the lighter vase")
    yield from blender.click("Before and After")
    yield from blender.see("Discard")
    yield from blender.picture("guide-lighter")
    yield from blender.click("Before")
    assert scene.triangles(VASE) == heavy
    yield from blender.click("After")
    yield from blender.click("Accept")
    yield from blender.see("Select what was optimized")
    yield from blender.picture("guide-accepted")
    yield from jobs.check_counters(blender, jobs.DONE, jobs.DONE)


ACTS = (follow_the_guide,)
