# SPDX-License-Identifier: GPL-3.0-or-later
"""The heaviest meshes of a scene are listed, one is found by a click, and a budget is met."""

import bpy

from tests.gui import scene
from tests.gui.driver import Driver, Steps

BUDGET = 20_000
SOON = 1.5  # seconds until a change is to be seen, and what it takes to read that


def total() -> int:
    return sum(scene.triangles(item.name) for item in bpy.context.scene.objects if item.type == "MESH")


def find_the_heavy_ones(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    twin = bpy.data.objects.new("Twin", bpy.data.objects[scene.HEAVY].data)
    twin.location = (2.0, 0.0, 0.7)
    bpy.context.scene.collection.objects.link(twin)
    bpy.ops.mesh.primitive_torus_add(location=(1.2, 0.8, 0.3))
    bpy.context.object.name = "Bagel"
    scene.remember("a heavy scene")
    panel = bpy.context.window_manager.generio
    panel.scene_budget = BUDGET
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Heavy Objects")
    yield from blender.see(f"of {BUDGET:,} triangles")
    yield from blender.see("Bagel")
    yield from blender.picture("heavy-objects")
    yield from blender.click(scene.HEAVY)
    assert scene.selection() == (scene.HEAVY, [scene.HEAVY, "Twin"]), scene.selection()
    bpy.ops.object.duplicate()
    scene.remember("three of them")
    before = f"{total():,}"
    yield SOON
    yield from blender.see(before, timeout=5.0)
    yield from blender.press("Z", ctrl=True)
    yield from blender.click("Optimize to Budget")
    yield 0.5
    yield from blender.picture("heavy-objects-question")
    yield from blender.confirm()
    yield from blender.wait_for(lambda: total() <= BUDGET, "a light scene")
    assert scene.triangles("Bagel") == 1152, "what is light is left alone"
    yield from blender.see(f"{total():,} of {BUDGET:,}")
    yield from blender.picture("heavy-objects-light")
    yield from blender.narrow_picture("heavy-objects-narrow", "Bagel")


ACTS = (find_the_heavy_ones,)
