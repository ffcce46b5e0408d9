# SPDX-License-Identifier: GPL-3.0-or-later
"""What bench.py measures of many jobs and many bytes at once. A task yields the seconds to wait."""

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import addon_utils
import bpy
import numpy as np

if TYPE_CHECKING:
    from tests.gui.bench import Task, Watch

EXTENSION = "bl_ext.user_default.generio_flows"
SEGMENTS, RINGS = 24, 16
"""Of a small mesh; 720 triangles."""

SHARE = 0.5
"""What optimizing leaves of the triangles."""

LOOK_EACH = 200
"""Ticks between two looks at how much memory the processes take."""

LONGEST = 800.0
"""Seconds after which nothing comes any more."""

CHORE = 20_000
"""Steps of a task that takes about half a millisecond."""

CHORES = 3_000
UPLOADS = 4


def package(service: str, key: str) -> ModuleType:
    """The add-on's package, registered, with a service."""
    sys.dont_write_bytecode = False  # Blender compiles it only once, too
    addon_utils.enable(EXTENSION, default_set=True)
    preferences: Any = bpy.context.preferences.addons[EXTENSION].preferences
    preferences.service_url, preferences.api_key = service, key
    preferences.concurrent_jobs, preferences.ask_above = 16, 1_000_000
    return sys.modules[EXTENSION]


# --- many small meshes


def optimize_many(watch: "Watch", service: str, key: str, count: str, thumbnails: str) -> "Task":
    """Optimize so many small meshes, and note the CPU seconds that all our processes take for one."""
    addon = package(service, key)
    session = addon.session.current()
    if thumbnails == "on":
        _draw_thumbnails(addon)
    addon.session.waiting.can_wait = lambda: False  # what is waited for is timed here
    _clear()
    _small_meshes(int(count))
    engine = session.open_engine(bpy.context)
    engine.call("sync")
    known = {job.token for job in engine.jobs()}
    before = _cpu_seconds(engine.pid)
    watch.time("hand over", lambda: _send("EXEC_DEFAULT"))
    tokens = {job.token for job in engine.jobs()} - known
    assert len(tokens) == int(count), tokens
    until = time.monotonic() + LONGEST

    def is_open(token: str) -> bool:
        job = engine.job(token)
        return not session.is_over(job) or (thumbnails == "on" and not _has_picture(engine, token))

    ticks = itertools.count()
    while any(is_open(token) for token in tokens):
        assert time.monotonic() < until, "this takes too long"
        began = time.thread_time()
        watch.time("tick", lambda: session.tick(bpy.context))
        watch.times["tick, CPU"].append(time.thread_time() - began)
        if next(ticks) % LOOK_EACH == 0:
            watch.times["memory: engine"].append(memory_of(engine.pid))
            watch.times["memory: converter"] += map(memory_of, processes_below(engine.pid))
        yield 0.01
    jobs = [engine.job(token) for token in tokens]
    assert all(job.status.step == "placed" for job in jobs), [job.status.problem for job in jobs]
    for process, seconds in _cpu_seconds(engine.pid).items():
        watch.times[f"CPU: {process}"].append((seconds - before[process]) / int(count))


def _draw_thumbnails(addon: ModuleType) -> None:
    """Have pictures drawn of results though nobody could see them in the background."""
    module = addon.session.session
    made = module.Start
    module.Start = lambda **given: made(**{**given, "previews": True})


def _has_picture(engine: Any, token: str) -> bool:
    folder = engine.folder(token)
    return any(folder.glob("result-*.png"))


def hand_over(watch: "Watch", service: str, key: str, count: str) -> "Task":
    """Hand over so many meshes in slices, and at once, and note how long Blender is not heard of."""
    addon = package(service, key)
    engine = addon.session.current().open_engine(bpy.context)
    engine.call("sync")
    operators = addon.operators.submit_jobs.SubmitJobs
    whole = operators._submit_some

    def timed(self: Any, context: bpy.types.Context) -> Any:
        return watch.time("slice", lambda: whole(self, context))

    operators._submit_some = timed
    for name, how in (("hand over in slices", "INVOKE_DEFAULT"), ("hand over at once", "EXEC_DEFAULT")):
        _clear()
        _small_meshes(int(count))
        yield 1.0
        known = len(engine.jobs())
        yield from watch.stall(name, lambda how=how: _send(how))
        until = time.monotonic() + LONGEST
        while len(engine.jobs()) < known + int(count):
            assert time.monotonic() < until, "this takes too long"
            yield 0.05
        engine.cancel_all([job.token for job in engine.unfinished()])
        yield 2.0


def _send(how: str) -> None:
    with _viewport():
        bpy.ops.generio.optimize_selected(how, target="PERCENT", percent=100 * SHARE)


@contextmanager
def _viewport() -> Iterator[None]:
    """As if somebody had clicked in the 3D view, where there is a window."""
    if bpy.app.background:
        yield
        return
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        yield


def _small_meshes(count: int) -> None:
    """Add so many selected objects, each with a mesh of its own."""
    around = np.linspace(0.0, 2.0 * np.pi, SEGMENTS, endpoint=False)
    up = np.linspace(-0.9, 0.9, RINGS)
    width = np.sqrt(1.0 - up**2)
    points = np.stack(
        [np.outer(width, np.cos(around)), np.outer(width, np.sin(around)), np.outer(up, np.ones(SEGMENTS))],
        axis=-1,
    ).reshape(-1, 3)
    faces = [
        (
            ring * SEGMENTS + step,
            ring * SEGMENTS + (step + 1) % SEGMENTS,
            (ring + 1) * SEGMENTS + (step + 1) % SEGMENTS,
            (ring + 1) * SEGMENTS + step,
        )
        for ring in range(RINGS - 1)
        for step in range(SEGMENTS)
    ]
    for number in range(count):
        mesh = bpy.data.meshes.new(f"Pebble {number}")
        mesh.from_pydata(points * (1.0 + number / 1000.0), [], faces)
        item = bpy.data.objects.new(mesh.name, mesh)
        item.location = (3.0 * (number % 50), 3.0 * (number // 50), 0.0)
        bpy.context.collection.objects.link(item)
        item.select_set(True)
    bpy.context.view_layer.objects.active = item


def _clear() -> None:
    bpy.data.batch_remove(bpy.data.objects)
    bpy.data.orphans_purge(do_recursive=True)


# --- the main thread while bytes are sent


def uploads(watch: "Watch", service: str, key: str, model: str) -> "Task":
    """Time a small task again and again, first alone, then while large models are sent."""
    addon = package(service, key)
    engine = addon.session.current().open_engine(bpy.context)
    engine.call("sync")
    yield 1.0
    yield from _chores(watch, "alone", lambda: True)
    jobs = [
        addon.jobs.Job(
            addon.jobs.Request(
                service,
                addon.api.OPTIMIZE,
                f"Heavy {number}",
                parameters={"polygon_count": 1000},
                input_path=model,
                input_mime="model/gltf-binary",
            ),
        )
        for number in range(UPLOADS)
    ]
    engine.submit_all(jobs)

    def are_sent() -> bool:
        addon.session.current().tick(bpy.context)
        return all(str(engine.job(job.token).status.step) == "uploading" for job in jobs)

    until = time.monotonic() + LONGEST
    while not are_sent():
        assert time.monotonic() < until, [engine.job(job.token).status.step for job in jobs]
        yield 0.01
    yield from _chores(watch, "while sending", are_sent)
    engine.cancel_all([job.token for job in jobs])
    yield 1.0


def _chores(watch: "Watch", name: str, goes_on: Callable[[], bool]) -> "Task":
    for number in range(CHORES):
        watch.time(name, lambda: sum(range(CHORE)))
        if number % 10 == 0:
            if not goes_on():
                break
            yield 0.002


# --- processes


def _cpu_seconds(engine: int) -> dict[str, float]:
    """CPU seconds of this Blender, of the engine, and of all converters, also of those that have ended."""
    (blender, _), (own, ended) = _cpu_of(os.getpid()), _cpu_of(engine)
    return {
        "Blender": blender,
        "engine": own,
        "converters": ended + sum(sum(_cpu_of(pid)) for pid in processes_below(engine)),
    }


def _cpu_of(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    user, system, children_user, children_system = (int(field) for field in fields[11:15])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + system) / ticks, (children_user + children_system) / ticks


def processes_below(parent: int) -> list[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    children = [pid for pid, its in parents.items() if its == parent]
    return [pid for child in children for pid in (child, *processes_below(child))]


def memory_of(pid: int) -> float:
    """The memory that a process has in use; none once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    used = status.partition("VmRSS:")[2].split()
    return int(used[0]) / 1024 if used else 0.0
