# SPDX-License-Identifier: GPL-3.0-or-later
"""A model goes into a file for a game engine, with its levels of detail and a collision shape."""

import tempfile
from pathlib import Path
from typing import Any

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps


def browser() -> tuple[Any, Any]:
    """The window and the area of the file browser."""
    return next(
        (window, area)
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.type == "FILE_BROWSER"
    )


def export_for_unreal(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    yield from blender.open_tab("GENERIO")
    with bpy.context.temp_override(window=blender.window):
        bpy.ops.generio.make_lods(counts="8000, 1000")
    yield from blender.wait_for(lambda: f"{scene.HEAVY}_LOD2" in bpy.data.objects, "the second level")
    yield from blender.wait_for(lambda: f"{scene.HEAVY}_LOD1" in bpy.data.objects, "the first level")
    yield from jobs.until(blender, "Done")
    yield from blender.click("Levels of Detail")
    yield from blender.click("Export for Engine")
    windows = bpy.context.window_manager.windows
    yield from blender.wait_for(lambda: len(windows) == 2, "the file browser")
    yield 1.0
    folder = Path(tempfile.mkdtemp())
    window, area = browser()
    area.spaces.active.params.directory = bytes(folder)
    area.spaces.active.params.filename = "monkey.fbx"
    yield 1.0
    yield from blender.picture("engine-export")
    window, area = browser()
    x, y = area.x + area.width // 2, area.y + area.height // 2
    window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
    yield 0.3
    window.event_simulate(type="RET", value="PRESS", x=x, y=y)  # with which the window goes
    path = folder / "monkey.fbx"
    yield from blender.wait_for(lambda: len(windows) == 1, "the main window alone")
    yield from blender.wait_for(lambda: jobs.newest().files_only, "the job's end")
    assert path.is_file() and [*folder.iterdir()] == [path]
    assert jobs.newest().message == f"1 file in {folder.name}"
    assert not bpy.data.objects[scene.HEAVY].children, "the collision shape is in the file alone"
    yield from blender.picture("engine-export-done")
    scene.clear_view()
    bpy.ops.import_scene.fbx(filepath=str(path))
    names = {item.name for item in bpy.context.selected_objects}
    model = f"SM_{scene.HEAVY}"
    assert names == {model, *(f"{model}_LOD{level}" for level in range(3)), f"UCX_{model}_LOD0_01"}, names
    for item in bpy.context.selected_objects:
        item.hide_set(item.name.endswith(("LOD1", "LOD2")))
        item.show_wire = True
    yield 1.0
    yield from blender.picture("engine-export-read-back")


ACTS = (export_for_unreal,)
