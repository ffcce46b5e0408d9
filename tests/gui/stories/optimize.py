# SPDX-License-Identifier: GPL-3.0-or-later
"""A heavy mesh becomes light where it stands, once for a double click; heavy by Ctrl-Z, and light again."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

TARGET = 4000


def optimize_selected(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    heavy = scene.triangles(scene.HEAVY)
    place = bpy.data.objects[scene.HEAVY].matrix_world.copy()
    assert heavy > 10 * TARGET

    def is_light() -> bool:
        return scene.triangles(scene.HEAVY) <= TARGET

    yield from blender.open_tab("GENERIO")
    yield from blender.see("61,952 triangles")  # which moves what is below
    yield from blender.click("Total")
    yield from blender.type_into("Triangles", str(2 * heavy))
    yield from blender.see("no reduction")
    yield from blender.click("Optimize Selected")
    yield 0.5
    yield from blender.picture("optimize-nothing")
    assert not bpy.context.window_manager.generio.jobs, "a click that would change nothing sent something"

    yield from blender.type_into("Triangles", str(TARGET))
    yield from blender.picture("optimize")
    yield from blender.click("Optimize Selected", double=True)
    yield from jobs.until(blender, "Running")
    yield from blender.picture("optimize-running")
    yield from blender.wait_for(is_light, "the light mesh")
    yield from jobs.until(blender, "Done")
    yield from blender.picture("optimize-done")
    assert scene.triangles(scene.HEAVY) > TARGET // 2
    assert [item.name for item in bpy.data.objects if item.type == "MESH"] == [scene.HEAVY]
    assert bpy.data.objects[scene.HEAVY].matrix_world == place
    assert scene.selection() == (scene.HEAVY, [scene.HEAVY])

    for _ in range(2):
        yield from blender.press("Z", ctrl=True)
        yield from blender.wait_for(lambda: scene.triangles(scene.HEAVY) == heavy, "the heavy mesh again")
        yield from blender.press("Z", ctrl=True, shift=True)
        yield from blender.wait_for(is_light, "the light mesh again")
    yield from jobs.check_counters(blender, jobs.DONE)


ACTS = (optimize_selected,)
