# SPDX-License-Identifier: GPL-3.0-or-later
"""What bench.py measures of baking. A task yields the seconds to wait."""

import os
import tempfile
import threading
from math import sqrt
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from tests.gui.bench_many import memory_of, processes_below
from tests.gui.bench_tasks import converters, enabled

if TYPE_CHECKING:
    from tests.gui.bench import Task, Watch

KEPT = 0.06
"""Share of the triangles that the light mesh has."""


def bake(watch: "Watch", triangles: str, size: str) -> "Task":
    """Bake normals of so many pixels a side from a sheet of so many triangles, as a job does."""
    addon = enabled()
    bpy.data.batch_remove(bpy.data.objects)
    heavy, light = _sheet("Heavy", int(triangles)), _sheet("Light", int(int(triangles) * KEPT))
    settings = addon.scene.bake.settings.BakeSettings(size=int(size))
    conversion = converters(addon)
    with tempfile.TemporaryDirectory() as folder:
        snapshot, blend = Path(folder, "snapshot-1.blend"), Path(folder, "result-1.blend")
        write = addon.scene.export.snapshot.write_snapshot
        yield from watch.stall("window", lambda: write(heavy, snapshot, light=(light.data, settings)))
        peak = [0.0]
        thread = threading.Thread(
            target=watch.time,
            args=("bake", lambda: conversion.bake(snapshot, blend, lambda: False, lambda _: None)),
        )
        with watch.phase("window"):
            thread.start()
            while thread.is_alive():
                peak[0] = max([peak[0], *(memory_of(pid) for pid in processes_below(os.getpid()))])
                yield 0.02
        watch.times["memory"].append(peak[0])
        report = addon.scene.versions.REPORT
        light.data[report] = "{}"
        yield from watch.stall("window", lambda: _take(addon, blend, light))
        yield from watch.stall("window", addon.scene.place.packing.pack_all)
        conversion.close()


def _take(addon: ModuleType, blend: Path, light: Any) -> None:
    addon.scene.bake.place_maps.place(str(blend), "token", light)


def _sheet(name: str, triangles: int) -> Any:
    """A rectangle with waves and a UV map."""
    side = max(2, round(sqrt(triangles / 2)))
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=side, y_subdivisions=side)
    item: Any = bpy.context.object
    item.name = name
    points = np.empty(len(item.data.vertices) * 3, dtype=np.float32)
    item.data.vertices.foreach_get("co", points)
    rows = points.reshape(-1, 3)
    rows[:, 2] = 0.02 * np.sin(rows[:, 0] * 40) * np.sin(rows[:, 1] * 40)
    item.data.vertices.foreach_set("co", points)
    item.data.update()
    item.data.shade_smooth()
    return item
