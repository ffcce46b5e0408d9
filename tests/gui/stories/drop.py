# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture is dropped onto an object in the 3D view, and the model comes to stand there; of any format."""

from functools import partial
from pathlib import Path

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

OWL = Path("/tmp/statue.png")
FORMATS = {"Boot.jpg": "JPEG", "Clog.webp": "WEBP", "Sandal.tif": "TIFF", "Slipper.tga": "TARGA"}


def drop_a_picture(blender: Driver) -> Steps[None]:
    scene.clear_view(bring_aside="Cube")
    cube = bpy.data.objects["Cube"]
    cube.location, cube.scale = (0.0, 0.0, 0.5), (0.5, 0.5, 0.5)
    cube.select_set(False)
    scene.photograph_owl(OWL)
    yield from blender.open_tab("GENERIO")
    yield from blender.drop(OWL, onto=(0.0, 0.0, 1.0))
    yield 1.0
    yield from blender.picture("drop-choice")
    yield from blender.see("Generate Model from Image", popup=True)
    yield from blender.confirm()
    yield from blender.see("statue.png", popup=True)
    yield 1.0
    yield from blender.picture("drop-dialog")
    yield from blender.click("Low", popup=True)
    yield from blender.click("Generate", popup=True)
    (model,) = yield from blender.wait_for(lambda: scene.models("statue"), "the model in the scene")
    yield from jobs.until(blender, "Done")
    scene.show_textures()
    yield 1.0
    yield from blender.picture("drop-done")
    assert abs(model.location.z - 1.0) < 1e-3, model.location  # on top of the cube
    assert model.location.to_2d().length < 0.3, model.location


def drop_other_formats(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    for name, file_format in FORMATS.items():
        path = Path("/tmp") / name
        scene.paint(path, file_format)
        yield from blender.drop(path, onto=(0.0, 0.0, 0.0))
        yield 1.0
        yield from blender.confirm()
        yield from blender.see(name, popup=True)
        yield from blender.click("Low", popup=True)
        yield from blender.click("Generate", popup=True)
        yield from blender.wait_for(partial(scene.models, path.stem.lower()), f"the model of {name}")
        yield from jobs.until(blender, "Done")


ACTS = (drop_a_picture, drop_other_formats)
