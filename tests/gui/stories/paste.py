# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture that was copied in another program to a model that wears it; and with nothing copied."""

from pathlib import Path

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

COPIED = Path("/tmp/copied.png")
WORN = Path("/tmp/worn.png")


def paste_a_picture(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.paint(COPIED)
    bpy.data.images.new("Clipboard", 64, 64)  # as Blender calls what it pastes
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO", None)  # while it drags, Blender holds a mouse, and here is none
    yield from blender.click("Image")
    yield from blender.click("Paste")
    yield from blender.see("There is no picture in the clipboard.", popup=True)
    yield from blender.picture("paste-nothing")
    yield from blender.press("ESC")
    assert not panel.image

    images = list(bpy.data.images)
    yield from blender.copy_picture(COPIED)
    yield from blender.click("Paste")
    yield from blender.wait_for(lambda: panel.image_note, "the picture that was copied")
    yield from blender.see("256 x 256")
    yield from blender.picture("paste")
    assert scene.pixels(Path(panel.image)) == scene.pixels(COPIED)
    assert list(bpy.data.images) == images, list(bpy.data.images)
    assert blender.area.type == "VIEW_3D"

    yield from blender.click("Low")
    yield from blender.click("Generate Model")
    yield from blender.wait_for(lambda: scene.all_packed("clipboard"), "the model in the scene")
    (model,) = scene.models("clipboard")
    (picture,) = scene.pictures_on(model)
    WORN.write_bytes(picture)  # without alpha, which the sandbox takes away
    assert scene.pixels(WORN) == scene.pixels(COPIED), "the model does not wear the picture"
    yield from jobs.until(blender, "Done")
    yield from jobs.check_counters(blender, jobs.DONE)


ACTS = (paste_a_picture,)
