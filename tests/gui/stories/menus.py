# SPDX-License-Identifier: GPL-3.0-or-later
"""A model by Add > Mesh, which leaves the panel alone; entries in the context menu and in the search."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

LOW = (0.0, 0.0, -3.0)
"""Where the end of a long menu is not far from the mouse."""


def ask_in_menus(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from blender.press("A", shift=True)
    yield from blender.click("Mesh", popup=True)
    yield from blender.see("GENERIO Model", popup=True)
    yield from blender.picture("menus-add")
    yield from blender.click("GENERIO Model", popup=True)
    yield from blender.see("Cancel", popup=True)
    yield from blender.write("A tin robot")
    yield from blender.picture("menus-dialog")
    yield from blender.confirm()  # the text
    yield from blender.confirm()
    yield from jobs.until(blender, "Done")
    assert jobs.newest().prompt == "A tin robot", jobs.newest().prompt

    yield from jobs.ask_for(blender, "A stone owl")
    yield from blender.wait_for(lambda: scene.models("owl"), "the model that the panel asked for")
    yield from jobs.until(blender, "Done")

    (owl,) = scene.models("owl")
    owl.select_set(True)
    bpy.context.view_layer.objects.active = owl
    scene.remember("select the owl")
    yield from blender.click_in_view(LOW, "RIGHTMOUSE")
    for entry in ("Optimize Selected", "Mark as Asset", "Save to Asset Library"):
        yield from blender.see(entry, popup=True)
    yield from blender.picture("menus-context")
    yield from blender.click("Mark as Asset", popup=True)
    yield from blender.wait_for(lambda: scene.models("owl")[0].asset_data, "the asset")

    scene.add_heavy_mesh()
    yield from blender.see("61,952 triangles")  # which moves what is below
    yield from blender.click("Total")
    yield from blender.type_into("Triangles", "4000")
    yield from blender.press("F3")
    yield from blender.write("Optimize Sel")
    yield from blender.picture("menus-search")
    yield from blender.confirm()
    yield from blender.wait_for(lambda: jobs.newest().name == scene.HEAVY, "the job that the search began")
    yield from jobs.until(blender, "Done")


ACTS = (ask_in_menus,)
