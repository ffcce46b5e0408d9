# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture on disk to a model that wears it."""

from pathlib import Path

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

OWL = Path("/tmp/statue.png")
WORN = Path("/tmp/worn.png")


def generate_from_image(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.photograph_owl(OWL)
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Image")
    yield from blender.type_into("Image", str(OWL))
    yield from blender.click("Low")
    yield 1.0
    yield from blender.picture("image", until="Optimize")
    yield from blender.click("Generate Model")
    yield from blender.wait_for(lambda: scene.all_packed("statue"), "the model in the scene")
    (model,) = scene.models("statue")
    WORN.write_bytes(scene.pictures_on(model)[0])  # without what a render notes of file and day
    assert scene.pixels(WORN) == scene.pixels(OWL), "the model does not wear the picture"
    yield from jobs.until(blender, "Done")
    scene.show_textures()
    yield from blender.picture("image-done")
    yield from jobs.check_counters(blender, jobs.DONE)


ACTS = (generate_from_image,)
