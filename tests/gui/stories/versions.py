# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimized object is looked at before and after, and one is chosen; each step is undone and redone."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

TARGET = 4000


def look_and_choose(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    monkey = bpy.data.objects[scene.HEAVY]
    monkey.vertex_groups.new(name="Head")
    monkey.shape_key_add(name="Basis")
    monkey.data.color_attributes.new("Paint", "FLOAT_COLOR", "POINT")
    monkey.modifiers.new("Weld", "WELD")
    scene.remember("dress it")
    heavy = scene.triangles(scene.HEAVY)

    def is_light() -> bool:
        return scene.triangles(scene.HEAVY) <= TARGET

    def is_heavy() -> bool:
        return scene.triangles(scene.HEAVY) == heavy

    yield from blender.open_tab("GENERIO")
    yield from blender.see("61,952 triangles")  # which moves what is below
    yield from blender.click("Before and After")
    yield from blender.click("Total")
    yield from blender.type_into("Triangles", str(TARGET))
    yield from blender.click("Losses")
    yield from blender.see("shape keys of 1 object")
    yield from blender.picture("versions-before")
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(is_light, "the light mesh")
    yield from jobs.until(blender, "Done")
    yield from blender.click("Report")
    yield from blender.see("Bounding box")
    yield from blender.picture("versions-after")
    yield from blender.narrow_picture("versions-after-narrow", "Report")
    yield from blender.click("Before")
    yield from blender.wait_for(is_heavy, "the mesh before")
    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(is_light, "the mesh after")
    yield from blender.press("Z", ctrl=True, shift=True)
    yield from blender.wait_for(is_heavy, "the mesh before")
    yield from blender.click("After")
    yield from blender.wait_for(is_light, "the mesh after")
    for button, reached in (("Discard", is_heavy), ("Accept", is_light)):
        yield from blender.click(button)
        yield from blender.wait_for(reached, f"what {button} leaves")
        yield from blender.see("Select what was optimized")
        yield from blender.press("Z", ctrl=True)
        yield from blender.wait_for(is_light, "the mesh after")
        yield from blender.wait_for(bpy.ops.generio.revert_optimized.poll, "two versions again")
        yield from blender.press("Z", ctrl=True, shift=True)
        yield from blender.wait_for(reached, f"what {button} leaves")
        yield from blender.press("Z", ctrl=True)
        yield from blender.see("Discard")
    yield from jobs.check_counters(blender, jobs.DONE)


def report_what_before_shows(blender: Driver) -> Steps[None]:
    """What is optimized twice is compared with the mesh that Before shows."""
    scene.clear_view()
    scene.add_heavy_mesh()
    heavy = scene.triangles(scene.HEAVY)
    panel = bpy.context.window_manager.generio
    panel.target = "PERCENT"
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Before and After")
    for percent in (25.0, 6.0):
        before, panel.percent = scene.triangles(scene.HEAVY), percent
        yield from blender.click("Optimize Selected")
        yield from blender.wait_for(lambda many=before: scene.triangles(scene.HEAVY) < many, "a lighter mesh")
        yield from jobs.until(blender, "Done")
    light = scene.triangles(scene.HEAVY)
    yield from blender.click("Before")
    assert scene.triangles(scene.HEAVY) == heavy
    yield from blender.see(f"{heavy:,} {light:,} triangles", timeout=5.0)
    yield from blender.picture("versions-twice")


ACTS = (look_and_choose, report_what_before_shows)
