# SPDX-License-Identifier: GPL-3.0-or-later
"""On a window of 900 pixels the buttons and the head of the job list are seen without scrolling."""

import bpy

from tests.gui import scene
from tests.gui.driver import Driver, Steps

PROMPT = "A stone owl"
IN_SIGHT = ("Generate Model", "Optimize Selected", "Jobs", PROMPT)


def see_it_all(blender: Driver) -> Steps[None]:
    scene.clear_view()
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("small-screen-fresh")
    bpy.ops.generio.generate_from_prompt(prompt=PROMPT, quality="LOW", variants=1)
    yield from blender.wait_for(lambda: panel.jobs and panel.jobs[0].thumbnail, "a picture of the owl")
    scene.add_heavy_mesh()
    for label in IN_SIGHT:
        yield from blender.see_in_area(blender.area, label)
    yield from blender.picture("small-screen-text")
    panel.source = "IMAGE"
    yield 0.5
    for label in IN_SIGHT[:2]:
        yield from blender.see_in_area(blender.area, label)
    yield from blender.picture("small-screen-image")


ACTS = (see_it_all,)
