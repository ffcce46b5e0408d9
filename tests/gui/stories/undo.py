# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo and redo right after optimizing, with all that can hang on an object."""

import json
import time
from typing import Any

import bpy

from tests.blender import mesh_fixtures
from tests.gui import scene
from tests.gui.driver import Driver, Steps

LONGEST = 10.0
"""Seconds for which undo and redo are waited for; never a measure of speed."""

MODES = ("REPLACE", "BESIDE", "COLLECTION", "HIDE")


def undo_and_redo(blender: Driver) -> Steps[None]:
    """Everything about every object of every scene, and of what was made of it, goes back and forth."""
    undone = 0
    yield from blender.open_tab("GENERIO")
    for name, build in mesh_fixtures.SCENES.items():
        for mode in MODES if name == "driven" else MODES[:1]:
            scene.clear_view()
            items = build()
            meshes, done = len({item.data for item in items}), done_jobs()
            mesh_fixtures.scenes.select(*items)
            scene.remember(name)
            before = looks()
            with bpy.context.temp_override(window=blender.window, area=blender.area):
                bpy.ops.generio.optimize_selected(target="PERCENT", percent=40, placement=mode)
            yield from blender.wait_for(lambda end=done + meshes: done_jobs() == end, "the results")
            yield 1.0  # the last of them is placed after it has been noted
            after = looks()
            for _ in range(2):
                for _mesh in range(meshes):
                    yield from blender.press("Z", ctrl=True)
                yield from wait_until_as(before)
                assert looks() == before, f"undo of {name}, {mode}: {changes(before, looks())}"
                for _mesh in range(meshes):
                    yield from blender.press("Z", ctrl=True, shift=True)
                yield from wait_until_as(after)
                assert looks() == after, f"redo of {name}, {mode}: {changes(after, looks())}"
            undone += 1
    blender.notes["undone and redone"] = undone


def wait_until_as(was: dict[str, Any]) -> Steps[None]:
    """Wait until everything is as it was, but no longer than Blender may take on a busy machine."""
    end = time.monotonic() + LONGEST
    while looks() != was and time.monotonic() < end:
        yield 0.1


def done_jobs() -> int:
    return sum(job.state == "done" for job in bpy.context.window_manager.generio.jobs)


def looks() -> dict[str, Any]:
    """Everything about every mesh object, by its name."""
    found = {}
    for item in bpy.data.objects:
        if item.type == "MESH" and item.users_scene:
            found[item.name] = {**mesh_fixtures.properties(item), "corners": len(item.data.loops)}
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


def redo_survives(blender: Driver) -> Steps[None]:
    """A model that is done while somebody looks at an earlier step waits, and they can still step on."""
    yield from blender.open_tab("GENERIO")
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    yield from blender.wait_for(lambda: "A chair" in bpy.data.objects, "the chair")
    yield 1.0  # its pictures are packed
    yield from blender.press("Z", ctrl=True)
    assert "A chair" not in bpy.data.objects
    bpy.ops.generio.generate_from_prompt(prompt="A lamp", quality="LOW")
    yield from blender.wait_for(lambda: is_waiting("A lamp"), "the lamp to wait")
    yield from blender.picture("redo-waits")
    yield from blender.press("Z", ctrl=True, shift=True)
    assert "A chair" in bpy.data.objects, "what could be redone is gone"
    yield from blender.wait_for(lambda: "A lamp" in bpy.data.objects, "the lamp, after all was redone")
    yield from blender.press("Z", ctrl=True)
    bpy.ops.generio.generate_from_prompt(prompt="A bowl", quality="LOW")
    yield from blender.wait_for(lambda: is_waiting("A bowl"), "the bowl to wait")
    yield from blender.wait_for(lambda: "A bowl" in bpy.data.objects, "the bowl, after a while")


def is_waiting(name: str) -> bool:
    jobs = bpy.context.window_manager.generio.jobs
    return any(job.name == name and "redo" in job.message for job in jobs)


ACTS = (undo_and_redo, redo_survives)
