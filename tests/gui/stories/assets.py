# SPDX-License-Identifier: GPL-3.0-or-later
"""A model is marked as asset, saved to a library where there is one, and seen in the Asset Browser."""

from pathlib import Path

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

LIBRARY = Path("/tmp/library")


def lack_a_library(blender: Driver) -> Steps[None]:
    """Where there is no library, the dialog says so and leads to one; whoever confirms it is told again."""
    while bpy.context.preferences.filepaths.asset_libraries:
        bpy.ops.preferences.asset_library_remove(index=0)
    yield from blender.click("Save to Asset Library")
    yield from blender.see("There is no asset library yet", popup=True)
    yield from blender.see("Add Asset Library", popup=True)
    yield from blender.picture("assets-no-library")
    yield from blender.confirm()
    yield from blender.see("Add one in Blender's preferences", popup=True)
    yield from blender.see("File Paths", popup=True)
    yield from blender.picture("assets-no-library-error")
    yield from blender.press("ESC")


def save_a_model(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A green vase")
    yield from jobs.until(blender, "Done")
    yield from blender.wait_for(lambda: jobs.newest().thumbnail, "a picture of the model")
    (vase,) = scene.models("vase")
    vase.select_set(True)
    bpy.context.view_layer.objects.active = vase
    scene.remember("select the vase")
    yield from blender.click("Selected Model")
    yield from blender.click("Mark as Asset")
    yield from blender.wait_for(lambda: scene.models("vase")[0].asset_data, "the asset")
    yield from lack_a_library(blender)
    LIBRARY.mkdir(exist_ok=True)
    bpy.context.preferences.filepaths.asset_libraries.new(name="Mine", directory=str(LIBRARY))
    yield from blender.click("Save to Asset Library")
    yield from blender.see("Mine", popup=True)
    yield from blender.picture("assets-dialog")
    yield from blender.confirm()
    yield from blender.wait_for(lambda: list(LIBRARY.glob("*.blend")), "the file in the library")
    browser = max(
        (area for area in blender.window.screen.areas if area.type == "PROPERTIES"),
        key=lambda area: area.height,
    )
    browser.ui_type = "ASSETS"
    yield 1.0
    browser.spaces.active.show_region_toolbar = False  # the catalogs leave no room for the assets
    browser.spaces.active.params.asset_library_reference = "Mine"
    yield 3.0
    yield from blender.see_in_area(browser, "A green vase")
    scene.show_textures()
    yield 1.0
    yield from blender.picture("assets-browser", until="My Flows")


ACTS = (save_a_model,)
