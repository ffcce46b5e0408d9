# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture on disk to a model that wears it."""

from pathlib import Path

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

SNEAKER = Path("/tmp/sneaker.png")


def generate_from_image(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.paint(SNEAKER)
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Image")
    yield from blender.type_into("Image", str(SNEAKER))
    yield from blender.click("Low")
    yield from blender.picture("image")
    yield from blender.click("Generate Model")
    yield from blender.wait_for(lambda: scene.all_packed("sneaker"), "the model in the scene")
    (model,) = scene.models("sneaker")
    assert SNEAKER.read_bytes() in scene.pictures_on(model), "the model does not wear the picture"
    yield from jobs.until(blender, "Done")
    scene.show_textures()
    yield from blender.picture("image-done")
    yield from jobs.check_counters(blender, jobs.DONE)


ACTS = (generate_from_image,)
