# SPDX-License-Identifier: GPL-3.0-or-later
"""What an optimized object has lost is baked, undone and redone, discarded once, and accepted once."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

TARGET = 2000


def is_mapped() -> bool:
    """Whether the object that is shown has a material with a normal map."""
    slots = bpy.data.objects[scene.HEAVY].material_slots
    return any(
        slot.material and any(node.type == "NORMAL_MAP" for node in slot.material.node_tree.nodes)
        for slot in slots
    )


def is_plain() -> bool:
    return not is_mapped()


def is_light() -> bool:
    return scene.triangles(scene.HEAVY) <= TARGET


def bake(blender: Driver) -> Steps[None]:
    """Optimize the monkey, and bake what it has lost."""
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(is_light, "the light mesh")
    yield from jobs.until(blender, "Done")
    yield from blender.click("Bake Lost Detail")
    yield from blender.wait_for(is_mapped, "the normal map")
    yield from jobs.until(blender, "Done")


def bake_and_choose(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    bpy.context.window_manager.generio.bake_size = "1024"
    scene.remember("a monkey")
    yield from blender.open_tab("GENERIO")
    yield from blender.see("61,952 triangles")  # which moves what is below
    yield from blender.click("Before and After")
    yield from blender.click("Total")
    yield from blender.type_into("Triangles", str(TARGET))
    yield from blender.picture("bake-before")
    yield from bake(blender)
    yield from blender.click("Report")
    yield from blender.see("Shading differs")
    yield from blender.see("Open Pictures")
    yield from blender.picture("bake-done")
    yield from blender.click("Before")
    yield from blender.wait_for(is_plain, "the mesh before")
    yield from blender.click("After")
    yield from blender.wait_for(is_mapped, "the maps")
    yield from blender.press("Z", ctrl=True)
    yield from blender.press("Z", ctrl=True)
    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(lambda: is_plain() and is_light(), "the light mesh without maps")
    yield from blender.press("Z", ctrl=True, shift=True)
    yield from blender.wait_for(is_mapped, "the maps again")
    yield from blender.click("Discard")
    yield from blender.wait_for(lambda: is_plain() and not is_light(), "the heavy mesh")
    yield 1.0  # until the tab, which is shorter now, is drawn
    yield from bake(blender)
    yield from blender.click("Accept")
    yield from blender.see("Select what was optimized")
    assert is_mapped()
    yield from jobs.check_counters(blender, jobs.DONE, jobs.DONE)  # and none for what was baked


ACTS = (bake_and_choose,)
