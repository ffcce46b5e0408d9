# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail are made and shown by size while the camera moves away; the original changes none."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

DISTANCES = (3.0, 14.0, 30.0)


def levels() -> dict[str, int]:
    """The triangles of the levels that are there."""
    collection = bpy.data.collections.get(f"{scene.HEAVY}_LODs")
    return {item.name: scene.triangles(item.name) for item in collection.objects} if collection else {}


def shown() -> int:
    """How many triangles the preview shows."""
    preview = bpy.data.objects[f"{scene.HEAVY}_Preview"]
    mesh = preview.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    return len(mesh.loops) - 2 * len(mesh.polygons)


def look_from(distance: float) -> None:
    """Look through the camera at the monkey from in front."""
    camera = bpy.context.scene.camera
    camera.location, camera.rotation_euler = (0.0, -distance, 0.7), (1.5708, 0.0, 0.0)
    for view in scene.views():
        view.region_3d.view_perspective = "CAMERA"


def make_and_see(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    heavy = scene.triangles(scene.HEAVY)
    look_from(DISTANCES[0])
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Levels of Detail")
    yield from blender.click("Make LODs")
    yield 0.5
    yield from blender.click("By Size", popup=True)
    yield from blender.click("By Percent", popup=True)  # whose tooltip does not reach the button
    yield from blender.picture("lods-dialog")
    yield from blender.confirm()
    yield from blender.wait_for(lambda: len(levels()) == 4, "three levels and the picture of the original")
    yield from jobs.until(blender, "Done")
    wanted = [levels()[f"{scene.HEAVY}_LOD{level}"] for level in range(4)]
    assert wanted[0] == heavy > wanted[1] > wanted[2] > wanted[3]
    yield from blender.see("Preview by Size")
    seen = []
    for number, distance in enumerate(DISTANCES):
        look_from(distance)
        yield 0.5
        yield from blender.picture(f"lods-distance-{number}")
        seen.append(shown())
    assert seen == [wanted[0], wanted[1], wanted[3]], (seen, wanted)
    yield from blender.to_top()
    yield from blender.click("Preview by Size")
    yield from blender.wait_for(lambda: bpy.data.objects[scene.HEAVY].visible_get(), "the original")
    assert f"{scene.HEAVY}_Preview" not in bpy.data.objects
    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(lambda: f"{scene.HEAVY}_Preview" in bpy.data.objects, "the preview again")
    yield from blender.press("Z", ctrl=True, shift=True)
    yield from blender.wait_for(lambda: bpy.data.objects[scene.HEAVY].visible_get(), "the original")
    yield from optimize_the_original(blender)


def optimize_the_original(blender: Driver) -> Steps[None]:
    before = levels()
    yield from blender.to_top()
    yield from blender.click("Total")
    yield from blender.type_into("Triangles", "1000")
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(lambda: scene.triangles(scene.HEAVY) <= 1000, "the light original")
    assert levels() == before, (levels(), before)
    yield from blender.click("Remove LODs")
    yield from blender.wait_for(lambda: not levels(), "no levels")
    yield from blender.see_no("Remove LODs")
    assert scene.triangles(scene.HEAVY) <= 1000


ACTS = (make_and_see,)
