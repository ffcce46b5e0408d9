# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's preset menu sets what the panels ask for; and a text becomes as many models."""

import bpy

from tests.gui import scene
from tests.gui.driver import Driver, Steps

PROMPTS = ("A chair", "A table", "A lamp")


def choose_presets(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("presets-closed")
    region = blender.region
    with bpy.context.temp_override(window=blender.window, area=blender.area, region=region):
        bpy.ops.wm.call_panel("INVOKE_DEFAULT", name="GENERIO_PT_optimize_presets")
    yield 0.5
    yield from blender.see("Game Prop", popup=True)
    yield from blender.picture("presets-menu")
    yield from blender.click("Mobile", popup=True)
    yield from blender.wait_for(lambda: panel.target == "COUNT", "the preset")
    assert (panel.polygon_count, panel.texture_limit) == (2500, "1024")
    yield from blender.see("2,500")


def make_a_list(blender: Driver) -> Steps[None]:
    scene.clear_view()
    panel = bpy.context.window_manager.generio
    panel.quality, panel.variants = "LOW", 1
    bpy.data.texts.new("Props").write("\n".join(PROMPTS))
    yield from blender.open_tab("GENERIO")
    yield from blender.click_icon("generio.generate_list")
    yield 0.5
    yield from blender.see("will be made", popup=True)
    yield from blender.picture("presets-list")
    yield from blender.confirm()
    yield from blender.wait_for(lambda: len(panel.jobs) == len(PROMPTS), "three jobs")
    yield from blender.wait_for(lambda: all(row.state == "done" for row in panel.jobs), "three models")


ACTS = (choose_presets, make_a_list)
