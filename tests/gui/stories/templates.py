# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates that this version does not know: listed, filled in, and run, each by clicks."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

OFFERED = ("model_retexture", "image_generate_fromprompt", "model_generate_fromsketch", "speech_to_model")


def listed(blender: Driver) -> Steps[None]:
    """List the templates, with nothing else open in the tab."""
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    for name in ("Generate", "Optimize"):  # whose room the form needs
        yield from blender.click(name)
    yield from blender.click("Other Templates")
    yield from blender.click("List Other Templates")
    yield from blender.wait_for(lambda: len(panel.templates) == len(OFFERED), "the templates")


def choose(name: str) -> None:
    """Choose a template, as a click into the list does."""
    panel = bpy.context.window_manager.generio
    panel.active_template = [row.name for row in panel.templates].index(name)


def list_them(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from listed(blender)
    yield from blender.see("Paints a model anew")
    yield from blender.see("needs a mesh object")
    yield from blender.picture("templates-listed")
    choose("speech_to_model")
    yield from blender.see("audio/wav")
    yield from blender.picture("templates-unknown-input")


def paint_a_model(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    panel = bpy.context.window_manager.generio
    yield from listed(blender)
    yield from blender.see("style (required)")
    yield from blender.see("style is required")
    panel.template_fields["style"].text = "blue glaze"
    panel.template_fields["strength"].number = 2.0
    yield from blender.see("it must be 0 to 1")
    yield from blender.picture("templates-out-of-range")
    panel.template_fields["strength"].number = 0.25
    yield 0.5
    yield from blender.click("Run Template", double=True)
    yield from blender.wait_for(lambda: len(panel.jobs) > 0, "the job")
    yield from blender.wait_for(lambda: jobs.newest().state == "done", "the painted model")
    assert len(panel.jobs) == 1, "a double click is one flow"
    yield from blender.picture("templates-painted")


def make_a_picture(blender: Driver) -> Steps[None]:
    scene.clear_view()
    panel = bpy.context.window_manager.generio
    yield from listed(blender)
    choose("image_generate_fromprompt")
    panel.template_prompt = "a blue square"
    yield 0.5
    yield from blender.click("Run Template")
    yield from blender.wait_for(
        lambda: (job := jobs.newest()) and job.remedy == "show_folder", "the picture's file"
    )
    yield from blender.see("Show Folder")
    yield from blender.picture("templates-file")
    yield from blender.narrow_picture("templates-narrow", "Run Template")


ACTS = (list_them, paint_a_model, make_a_picture)
