# SPDX-License-Identifier: GPL-3.0-or-later
"""What bench.py measures in a file with thousands of objects and hundreds of jobs, with all panels open."""

import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import bpy

from tests.gui.bench_many import package

if TYPE_CHECKING:
    from tests.gui.bench import Task, Watch

MESHES = 100
"""Which the objects share."""

DRAWINGS = 60
DRAWING = 0.05  # seconds between two drawings of the sidebar
TICKS = 300
CHANGES = 20
LONGEST = 60.0
"""Seconds after which nothing comes any more."""


def crowd(watch: "Watch", service: str, key: str, objects: str, jobs: str) -> "Task":
    """Draw the tab with all panels open, all objects selected or one, and time what goes on beside."""
    addon = package(service, key)
    session, context = addon.session.current(), bpy.context
    if bpy.app.timers.is_registered(addon.session.handlers.tick):
        bpy.app.timers.unregister(addon.session.handlers.tick)  # it is called and timed here
    _fill(int(objects))
    engine = session.open_engine(context)
    for number in range(int(jobs)):
        destination = session.document.at_cursor(context)
        name = f"Chair {number}"
        request = addon.jobs.Request(
            service, addon.api.TEXT_TO_MODEL, name, prompt=name, destination=destination
        )
        engine.submit(addon.jobs.Job(request))
    _open_all(addon)
    spent = _timed(addon)
    yield from _show_tab()
    for name in ("draw, all selected", "draw, one selected"):
        yield from _draw(watch, session, spent, name)
        _select_one()
    for _ in range(TICKS):
        yield watch.time("tick", lambda: session.tick(context))
    weights = addon.panels.heavy_objects.scene_weights()
    yield from _weigh(watch, weights)
    assert weights.known.total, "the panel of heavy objects was not drawn"


def _fill(count: int) -> None:
    """Have so many selected objects in the scene, in a local view of none, so that only panels are drawn."""
    bpy.data.batch_remove(bpy.data.objects)
    meshes = []
    for number in range(MESHES):
        bpy.ops.mesh.primitive_uv_sphere_add(segments=8, ring_count=4 + number % 5)
        meshes.append(bpy.context.object.data)
    bpy.data.batch_remove(bpy.data.objects)
    for number in range(count):
        item = bpy.data.objects.new(f"Pebble {number}", meshes[number % MESHES])
        item.location = (3.0 * (number % 100), 3.0 * (number // 100), 0.0)
        bpy.context.collection.objects.link(item)
        item.select_set(True)
    bpy.context.view_layer.objects.active = item


def _select_one() -> None:
    for item in bpy.context.selected_objects[1:]:
        item.select_set(False)


def _open_all(addon: ModuleType) -> None:
    """Let every panel be open that is closed at first, as for a user who has opened them all."""
    for panel in addon.panels.CLASSES:
        if "DEFAULT_CLOSED" in getattr(panel, "bl_options", ()):
            bpy.utils.unregister_class(panel)
            panel.bl_options = set()
            bpy.utils.register_class(panel)


def _timed(addon: ModuleType) -> list[float]:
    """The list to which each drawing of a panel adds how many seconds it has taken, from now on."""
    spent: list[float] = []

    def timed(draw: Callable[..., None]) -> Callable[..., None]:
        def draw_timed(self: Any, context: bpy.types.Context) -> None:
            started = time.perf_counter()
            draw(self, context)
            spent.append(time.perf_counter() - started)

        return draw_timed

    for panel in addon.panels.CLASSES:
        if issubclass(panel, bpy.types.Panel):
            panel.draw = timed(panel.draw)
    return spent


def _show_tab() -> "Task":
    area: Any = _viewport()
    area.spaces.active.show_region_ui = True
    yield 0.5
    _sidebar().active_panel_category = "GENERIO"
    yield 0.5


def _draw(watch: "Watch", session: Any, spent: list[float], name: str) -> "Task":
    """Draw the sidebar often, while jobs go on, and note how long all panels together take."""
    for _ in range(DRAWINGS):
        session.tick(bpy.context)
        spent.clear()
        _sidebar().tag_redraw()
        yield DRAWING
        if spent:
            watch.times[name].append(sum(spent))


def _weigh(watch: "Watch", weights: Any) -> "Task":
    """Change an object now and then, and note how long the listening, each look and all looks take."""
    item = bpy.context.active_object
    for number in range(CHANGES):
        watch.time("listen to a change", weights.changed)
        started = time.perf_counter()
        item.location.x = float(number)
        goes_on = True
        while goes_on:
            assert time.perf_counter() - started < LONGEST, "this takes too long"
            goes_on = watch.time("slice of weighing", lambda: weights.go_on(bpy.context))
            yield 0.0
        watch.times["weigh the scene"].append(time.perf_counter() - started)


def _viewport() -> bpy.types.Area:
    areas = bpy.context.window_manager.windows[0].screen.areas
    return next(area for area in areas if area.type == "VIEW_3D")


def _sidebar() -> Any:
    return next(region for region in _viewport().regions if region.type == "UI")
