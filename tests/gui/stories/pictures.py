# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture to make a model from: the view, the render, an image of the file; and prompts used before."""

from importlib import import_module

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

LONG = (
    "A tin robot with a key in its back, as it stood in the window of a toy shop; painted red and blue, worn"
)


def check_pasting(blender: Driver) -> None:
    """Blender looks into the clipboard in an Image Editor only; that of X11 has no pictures for it."""
    grab = import_module(f"{blender.package}.scene.export.image_capture")
    area = blender.area
    with (
        bpy.context.temp_override(window=blender.window, area=area, region=blender.region),
        grab.image_editor(bpy.context),
    ):
        try:
            bpy.ops.image.clipboard_paste()
        except RuntimeError as error:
            assert "Editor" not in str(error), error
    assert area.type == "VIEW_3D"


def take_pictures(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A tin robot")
    yield from jobs.until(blender, "Running")
    yield from blender.type_into("Prompt", "nothing")
    yield from blender.click_icon("generio.choose_prompt")
    yield 1.0
    yield from blender.picture("pictures-history")
    yield from blender.confirm()
    yield from blender.wait_for(lambda: panel.prompt == "A tin robot", "the prompt from before")

    if bpy.app.version < (5, 2, 0):  # where the field has one line only
        panel.prompt = LONG
        yield from blender.click_icon("generio.edit_prompt")
        yield 0.5
        yield from blender.picture("pictures-edit-prompt")
        yield from blender.press("ESC")  # the field
        yield from blender.press("ESC")
        panel.prompt = "A tin robot"

    yield from blender.click("Image")
    yield from blender.click("View")
    yield from blender.wait_for(lambda: panel.image_note, "the picture of the view")
    yield 2.0
    yield from blender.picture("pictures-view")
    picture = bpy.data.images.load(panel.image)
    assert tuple(picture.size) == (view := blender.view_size()), (tuple(picture.size), view)
    pixels, step = picture.pixels[:], 4 * 997
    colours = {tuple(round(value, 1) for value in pixels[at : at + 3]) for at in range(0, len(pixels), step)}
    assert len(colours) > 5, colours
    bpy.data.images.remove(picture)
    assert all(view.overlay.show_overlays for view in scene.views())

    yield from blender.see_no("Paste")
    check_pasting(blender)
    yield from blender.see("View")

    yield from blender.click("Render")
    yield from blender.see("There is no render yet", popup=True)
    yield from blender.picture("pictures-no-render")
    yield from blender.press("ESC")
    render = bpy.context.scene.render
    render.engine, render.resolution_x, render.resolution_y = "BLENDER_WORKBENCH", 320, 200
    bpy.ops.object.camera_add(location=(0.0, -6.0, 1.0), rotation=(1.5, 0.0, 0.0))
    bpy.context.scene.camera = bpy.context.object
    bpy.ops.render.render()
    former = panel.image
    yield from blender.click("Render")
    yield from blender.wait_for(lambda: panel.image != former, "the picture of the render")
    yield from blender.see("320 x 200")
    yield 2.0
    yield from blender.picture("pictures-render")

    image = bpy.data.images.new("Grid", 512, 512)
    image.generated_type = "COLOR_GRID"
    former = panel.image
    bpy.ops.generio.use_blender_image(image="Grid")
    yield from blender.wait_for(lambda: panel.image != former, "the picture of the image")
    yield from blender.see("512 x 512")
    yield 2.0
    yield from blender.picture("pictures-image")
    yield from blender.click("Low")
    yield from blender.click("Generate Model")
    yield from blender.wait_for(lambda: scene.models("grid"), "the model in the scene")
    yield from blender.picture("pictures-done")


ACTS = (take_pictures,)
