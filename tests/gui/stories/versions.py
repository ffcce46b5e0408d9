# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimized objects are looked at before and after, chosen, undone and redone, whatever hangs on them."""

import json
from typing import Any

import bpy

from tests.blender import kept
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
    yield from blender.type_into("Triangles", str(TARGET))
    yield from blender.click("Will be lost")
    yield from blender.see("shape keys of 1 object")
    yield from blender.picture("versions-before")
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(is_light, "the light mesh")
    yield from jobs.until(blender, "Done")
    yield from blender.click("Report")
    yield from blender.see("Bounding box")
    yield from blender.picture("versions-after")
    yield from blender.click("Before")
    yield from blender.wait_for(is_heavy, "the mesh before")
    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(is_light, "the mesh after")
    yield from blender.press("Z", ctrl=True, shift=True)
    yield from blender.wait_for(is_heavy, "the mesh before")
    yield from blender.click("After")
    yield from blender.wait_for(is_light, "the mesh after")
    for button, reached in (("Revert", is_heavy), ("Accept", is_light)):
        yield from blender.click(button)
        yield from blender.wait_for(reached, f"what {button} leaves")
        yield from blender.see_no("Before")
        yield from blender.press("Z", ctrl=True)
        yield from blender.wait_for(is_light, "the mesh after")
        yield from blender.see("Revert")
        yield from blender.press("Z", ctrl=True, shift=True)
        yield from blender.wait_for(reached, f"what {button} leaves")
        yield from blender.press("Z", ctrl=True)
        yield from blender.see("Revert")
    yield from jobs.check_counters(blender, jobs.DONE)


def undo_and_redo(blender: Driver) -> Steps[None]:
    """Everything about every object of every scene, and of what was made of it, goes back and forth."""
    yield from blender.open_tab("GENERIO")
    for name, build in kept.SCENES.items():
        for mode in ("REPLACE", "BESIDE", "COLLECTION", "HIDE"):
            scene.clear_view()
            items = build()
            kept.scenes.select(*items)
            scene.remember(name)
            before = looks()
            blender._on_step(f"optimize the {name}, {mode}")
            with bpy.context.temp_override(window=blender.window, area=blender.area):
                bpy.ops.generio.optimize_selected(target="PERCENT", percent=40, placement=mode)
            yield from blender.wait_for(lambda was=before: all_done() and looks() != was, "the result")
            yield 0.3
            after = looks()
            for _ in range(2):
                yield from blender.press("Z", ctrl=True)
                assert looks() == before, f"undo of {name}, {mode}: {changes(before, looks())}"
                yield from blender.press("Z", ctrl=True, shift=True)
                assert looks() == after, f"redo of {name}, {mode}: {changes(after, looks())}"
    blender.notes["undone and redone"] = len(kept.SCENES) * 4


def all_done() -> bool:
    return all(job.state == "Done" for job in bpy.context.window_manager.generio.jobs)


def looks() -> dict[str, Any]:
    """Everything about every mesh object, by its name."""
    found = {}
    for item in bpy.data.objects:
        if item.type == "MESH" and item.users_scene:
            found[item.name] = {**kept.properties(item), "corners": len(item.data.loops)}
    return json.loads(json.dumps(found, default=lambda value: value.name))


def changes(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs."""
    return [
        f"{name}.{what}: {was.get(name, {}).get(what)} / {now.get(name, {}).get(what)}"
        for name in was.keys() | now.keys()
        for what in kept_names(was, now, name)
        if was.get(name, {}).get(what) != now.get(name, {}).get(what)
    ]


def kept_names(was: dict[str, Any], now: dict[str, Any], name: str) -> set[str]:
    return set(was.get(name, {})) | set(now.get(name, {}))


ACTS = (look_and_choose, undo_and_redo)
