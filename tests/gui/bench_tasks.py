# SPDX-License-Identifier: GPL-3.0-or-later
"""What bench.py measures, each task in a Blender of its own. A task yields the seconds to wait."""

import importlib
import mmap
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import addon_utils
import bpy
import numpy as np

if TYPE_CHECKING:
    from tests.gui.bench import Task, Watch

EXTENSION = "bl_ext.user_default.generio_flows"
ROUNDS = 5
LIVE_JOBS = 100
LISTED_JOBS = 200
TICKS = 300
TOUCHES = {
    "open",
    "socket.connect",
    "socket.getaddrinfo",
    "sqlite3.connect",
    "subprocess.Popen",
    "_thread.start_new_thread",
}
"""Audit events of Python that tell of files, connections, processes and threads."""

DRAWINGS = 50
DRAWING = 0.05  # seconds between two drawings of the sidebar


def enabled() -> ModuleType:
    """The add-on's package, registered."""
    sys.dont_write_bytecode = False  # Blender compiles it only once, too
    addon_utils.enable(EXTENSION, default_set=True)
    return sys.modules[EXTENSION]


# --- models


def model(watch: "Watch", glb: str, warm_up: str) -> "Task":
    """Import, export, snapshot, swap and place `glb`, ours and directly, after one round with `warm_up`."""
    package = enabled()
    with tempfile.TemporaryDirectory() as folder:
        for path, rounds in ((Path(warm_up), 1), (Path(glb), ROUNDS)):
            watch.forget()
            conversion = converters(package)
            for name in ("convert, cold", "convert"):
                blend = Path(folder, f"{path.stem}-{rounds}-{name}.blend")  # none is made twice
                yield from _convert(watch, conversion, path, blend, name)
            for _ in range(rounds):
                watch.time("memory", partial(_touch, blend.stat().st_size))
                yield from _round(watch, package, conversion, path, blend)
            conversion.close()


def converters(package: ModuleType) -> Any:
    """What the engine's process has for conversions; it starts a converter with the first one."""
    conversion = importlib.import_module(f"{EXTENSION}.engine.conversion")
    return conversion.Conversion(package.scene.background.here.converter_command())


def _convert(watch: "Watch", conversion: Any, glb: Path, blend: Path, name: str) -> "Task":
    """What the engine's process does until there is something to place."""
    call = conversion.to_blend
    thread = threading.Thread(target=watch.time, args=(name, lambda: call(glb, blend, lambda: False)))
    thread.start()
    while thread.is_alive():
        yield 0.01
    assert blend.exists(), "the child Blender made nothing"


def _round(watch: "Watch", package: ModuleType, conversion: Any, glb: Path, blend: Path) -> "Task":
    place, snapshot = package.scene.place.place, package.scene.export.snapshot
    context = bpy.context
    result = package.scene.place.loading.Model(str(glb), str(blend), "Sheet", {})
    # The undo step is Blender's own work, and is timed apart.
    context.preferences.edit.use_global_undo = False
    yield from watch.stall("redraw", _redraw)
    _clear()
    yield from watch.stall("direct import", lambda: bpy.ops.import_scene.gltf(filepath=str(glb)))
    (target,) = context.selected_objects
    out = str(blend.with_name("direct.glb"))
    export = bpy.ops.export_scene.gltf
    yield from watch.stall("direct export", lambda: export(filepath=out, use_selection=True))

    # A new file each time, as for each job: writing over an old one takes longer.
    new = Path(tempfile.mkdtemp(dir=blend.parent), snapshot.snapshot_name())

    def take() -> None:
        ((item,),) = package.scene.export.selection.Selection.of(context.selected_objects).groups.values()
        snapshot.write_snapshot(item, new)

    yield from watch.stall("snapshot", take)
    # The child that converts an optimized model fits it onto what was sent, which lies beside it.
    received = new.with_name(glb.name)
    received.symlink_to(glb)
    yield from _convert(watch, conversion, received, received.with_suffix(".blend"), "convert and fit")
    fitted = package.scene.place.loading.Model(
        str(received), str(received.with_suffix(".blend")), "Sheet", {}
    )
    document = package.session.current().document
    where = document.for_mesh(context, package.scene.replace_mesh.REPLACE, target)
    reserve = package.scene.place.memory.Reserve()
    yield from _prepare(watch, lambda: _reserve_for(package.scene, reserve, fitted))
    yield from watch.stall("swap", lambda: _place(place, reserve, fitted, where))
    yield from _undo_step(watch, "swap's undo step")
    _clear()
    where = document.at_cursor(context)
    yield from _prepare(watch, lambda: _reserve_for(package.scene, reserve, result))
    yield from watch.stall("place", lambda: _place(place, reserve, result, where))
    packer = package.scene.place.packing.Packer(reserve)
    while package.scene.place.packing.unpacked():
        yield from watch.stall("pack", packer.pack_next)
    yield from _undo_step(watch, "place's undo step")


def _place(place: ModuleType, reserve: Any, model: Any, where: dict[str, Any]) -> None:
    with reserve.handed_over():
        place.place_models(bpy.context, [model], where)


def _reserve_for(scene: ModuleType, reserve: Any, model: Any) -> bool:
    if reserve.is_for("Sheet"):
        return reserve.prepare_more()
    reserve.prepare("Sheet", scene.place.memory.sizes_in(Path(model.blend)))
    return True


def _prepare(watch: "Watch", prepare: Callable[[], bool]) -> "Task":
    """What the ticks before do."""
    while watch.time("make room", prepare):
        yield 0.001


def _undo_step(watch: "Watch", name: str) -> "Task":
    edit: Any = bpy.context.preferences.edit
    edit.use_global_undo = True
    if not bpy.app.background:  # there is no undo
        yield from watch.stall(name, lambda: bpy.ops.ed.undo_push(message=name))
    edit.use_global_undo = False


def _touch(size: int) -> None:
    """Take so much memory from the system, as Blender must for what it reads, and write to each page."""
    np.frombuffer(mmap.mmap(-1, size), np.uint8)[:: mmap.PAGESIZE] = 1


def _redraw() -> None:
    """Have all drawn anew, the model of the round before, too."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()


def _clear() -> None:
    bpy.data.batch_remove(bpy.data.objects)
    bpy.data.orphans_purge(do_recursive=True)


# --- jobs


def jobs(watch: "Watch", service: str, key: str) -> "Task":
    """Submit jobs to a slow service, time the ticks while they live, and drawing a long list of them."""
    package = enabled()
    session, handlers, context = package.session.current(), package.session.handlers, bpy.context
    if bpy.app.timers.is_registered(handlers.tick):
        bpy.app.timers.unregister(handlers.tick)  # it is called and timed here
    preferences = context.preferences.addons[EXTENSION].preferences
    preferences.service_url, preferences.api_key, preferences.concurrent_jobs = service, key, 16
    carrier = session.open_engine(context)

    def submit(number: int) -> None:
        destination = session.document.at_cursor(context)
        template = package.api.TEXT_TO_MODEL
        name = f"Chair {number}"
        carrier.submit(
            package.jobs.Job(
                package.jobs.Request(
                    service, template, name, prompt="A modern office chair", destination=destination
                )
            )
        )

    for number in range(LIVE_JOBS):
        watch.time("submit", lambda number=number: submit(number))
        yield 0.0
    for _ in range(TICKS):
        yield watch.time("tick", lambda: session.tick(context))
    assert not any(job.finished for job in carrier.jobs()), "the service was too fast"
    if bpy.app.background:
        return
    for number in range(LIVE_JOBS, LISTED_JOBS):
        submit(number)
    session.tick(context)
    yield from _draw(watch, package)


def _draw(watch: "Watch", package: ModuleType) -> "Task":
    """Draw the sidebar often, and time all panels of the tab together."""
    area = next(area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "VIEW_3D")
    area.spaces.active.show_region_ui = True
    yield 0.5
    region = next(region for region in area.regions if region.type == "UI")
    region.active_panel_category = "GENERIO"
    spent: list[float] = []
    drawn: set[str] = set()

    def timed(panel: type, draw: Callable[..., None]) -> Callable[..., None]:
        def draw_timed(self: Any, context: bpy.types.Context) -> None:
            started = time.perf_counter()
            draw(self, context)
            spent.append(time.perf_counter() - started)
            drawn.add(panel.__name__)

        return draw_timed

    for panel in package.panels.CLASSES:
        if issubclass(panel, bpy.types.Panel):
            panel.draw = timed(panel, panel.draw)
    for _ in range(DRAWINGS):
        spent.clear()
        region.tag_redraw()
        yield DRAWING
        if spent:
            watch.times["draw"].append(sum(spent))
    assert {"GENERIO_PT_generate", "GENERIO_PT_jobs"} <= drawn, drawn


# --- the add-on itself


def register(watch: "Watch") -> "Task":
    """Time registering the add-on for the first time, and note what it opens and starts beside its code."""
    listening = True

    def listen(event: str, details: tuple[Any, ...]) -> None:
        touches = event in TOUCHES and not str(details[0]).endswith((".py", ".pyc"))
        if listening and touches and _is_called_by_addon():
            watch.notes.append(f"{event} {details[0]}")

    sys.addaudithook(listen)
    before = set(threading.enumerate())
    watch.time("register", enabled)
    listening = False
    watch.notes += [f"thread {thread.name}" for thread in threading.enumerate() if thread not in before]
    yield 0.0


def _is_called_by_addon() -> bool:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(EXTENSION):
            return True
        frame = frame.f_back
    return False
