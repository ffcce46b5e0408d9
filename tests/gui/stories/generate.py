# SPDX-License-Identifier: GPL-3.0-or-later
"""From a prompt to a model in the scene, back by Ctrl-Z, and there again; the user's selection stays."""

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps


def generate_from_prompt(blender: Driver) -> Steps[None]:
    scene.clear_view(bring_aside="Cube")
    selected = scene.selection()
    assert selected == ("Cube", ["Cube"])
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("generate")
    yield from jobs.ask_for(blender, "A modern office chair", "High")
    yield from jobs.until(blender, "Running")
    yield from blender.see_in_status_bar("A modern office chair, Running")
    yield from blender.picture("generate-running")
    yield from blender.wait_for(lambda: scene.models("chair"), "the model in the scene")
    yield from jobs.until(blender, "Done")
    yield from blender.see_in_status_bar('"A modern office chair" is in the scene')
    yield from blender.wait_for(lambda: jobs.newest().thumbnail, "a picture of the model in the job list")
    yield from blender.wait_for(lambda: scene.all_packed("chair"), "its pictures being part of the file")
    scene.show_textures()
    yield 2.0  # Blender reads the pictures of icons when they are first drawn, beside its other work
    yield from blender.picture("generate-done")
    assert scene.selection() == selected, scene.selection()

    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(lambda: not scene.models("chair"), "the model being undone")
    yield from blender.press("Z", ctrl=True, shift=True)
    yield from blender.wait_for(lambda: scene.models("chair"), "the model being redone")
    yield from blender.wait_for(
        lambda: scene.all_packed("chair"), "its pictures being part of the file again"
    )
    yield from jobs.check_counters(blender, jobs.DONE)


ACTS = (generate_from_prompt,)
