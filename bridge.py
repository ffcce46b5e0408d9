# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Blender and the engine: holds the one engine, and drains its events from one timer.

The engine starts with the first job, or, shortly after Blender, when there is a ledger to carry on.
Everything here runs on the main thread.
"""

from __future__ import annotations

import atexit
import json
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from . import properties as properties_module
from . import status
from .api import FlowsError
from .api.address import is_loopback
from .jobs import Engine, Job, Ledger, LedgerError, NoConverter, Problem, Settings, State, Step
from .preferences import api_key, preferences, results_folder, user_folder
from .properties import GenerioJob, properties
from .scene import pictures, place, stand_in
from .scene.convert import Converter, make_input_here
from .status import clock

IMPORTED_HERE = "Imported by this window, since no second Blender could be started"
BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0

_engine: Engine | None = None
_rows_stale = True  # the window manager's view must be built anew
_to_convert: set[str] = set()  # jobs that found no second Blender
_to_place: set[str] = set()  # finished jobs whose results belong into the open file
_pictures_loose = True  # there may be pictures of placed models to pack
_last_tick = 0.0


# ---------------------------------------------------------------------- the engine


def engine(context: bpy.types.Context) -> Engine:
    """The engine, started now if it was not. Raises LedgerError where the list of jobs cannot be opened."""
    global _engine
    if _engine is None:
        ledger = Ledger(user_folder(context) / "jobs.sqlite")
        converter = Converter.of_this_blender()
        picture = None if bpy.app.background else converter.draw_thumbnail
        _engine = Engine(ledger, settings(context), converter.make_input, converter.to_blend, picture)
        _welcome(_engine.jobs())
    return _engine


def running() -> Engine | None:
    """The engine, if it has been started."""
    return _engine


def settings(context: bpy.types.Context) -> Settings:
    """What the preferences say, as the engine wants it."""
    chosen = preferences(context)
    return Settings(
        folder=results_folder(context),
        base_url=chosen.service_url.strip().rstrip("/"),
        api_key=api_key(context),
        online=bpy.app.online_access,
        concurrent_jobs=chosen.concurrent_jobs,
    )


def why_not(context: bpy.types.Context) -> str:
    """Why nothing can be sent at the moment, or ""; cheap enough for `poll` and `draw`."""
    if not api_key(context):
        return "Enter your API key in the preferences first"
    if not bpy.app.online_access and not is_loopback(preferences(context).service_url):
        return "Blender is offline. Allow online access in Preferences > System"
    return ""


def job_folder(context: bpy.types.Context, token: str) -> Path:
    """The folder for the files of a job."""
    return results_folder(context) / token


# ---------------------------------------------------------------------- events and time


def tick() -> float:
    """Bring scene and panels up to date; returns the seconds until the next time (a Blender timer)."""
    try:
        return _tick(bpy.context)
    except Exception:  # Blender would drop the timer, and with it every job's news
        traceback.print_exc()
        return IDLE_SECONDS


def _tick(context: bpy.types.Context) -> float:
    if _engine is None:
        if not (user_folder(context) / "jobs.sqlite").exists():
            return IDLE_SECONDS
        try:
            engine(context)
        except LedgerError as error:
            print(f"GENERIO Flows: {error}")  # noqa: T201 - there is no panel to say it in before the engine runs
            return 60.0
    assert _engine is not None
    _engine.configure(settings(context))
    news = _drain(_engine)
    _convert_here(context, _engine, news)
    if not _place_results(context, _engine):
        _pack_picture(context)
    unfinished = _show(context, _engine, news)
    status.show(context, _engine, news.values())
    stand_in.show(_stand_ins(context, _engine))
    busy = unfinished or _to_place or _to_convert or _pictures_loose
    return BUSY_SECONDS if busy else IDLE_SECONDS


def print_state(job: Job) -> None:
    """Say on the terminal how a job is doing."""
    progress = f" {job.progress:.0%}" if job.progress else ""
    reason = f" ({job.problem.message} {job.problem.fix})" if job.problem else ""
    print(f"GENERIO: {job.name}: {job.state}{progress}{reason}", flush=True)  # noqa: T201


def run_until(
    context: bpy.types.Context, tokens: list[str], watch: Callable[[Job], None] = print_state
) -> None:
    """Tick until the jobs are over and placed, or wait for the user; for where there is no window.

    watch: is shown the jobs whenever their state or progress has changed.
    """
    assert _engine is not None
    seen: dict[str, tuple[State, float | None]] = {}
    while True:
        tick()
        jobs = [job for token in tokens if (job := _engine.job(token)) is not None]
        for job in jobs:
            if seen.get(job.token) != (job.state, job.progress):
                seen[job.token] = (job.state, job.progress)
                watch(job)
        if all(job.finished or _needs_user(job) for job in jobs):
            late = _to_place.intersection(tokens)
            reason = place.not_now(context, [job.destination for job in jobs])
            if not late:
                return
            if reason:  # and nobody is here to change that
                for token in late:
                    _engine.hold(token, Problem("not_now", reason + ".", "Use Import when it is done."))
                _to_place.difference_update(late)
        time.sleep(0.02)  # nobody looks at a window here


def _needs_user(job: Job) -> bool:
    assert _engine is not None
    return job.waiting and not _engine.carries(job.token) and job.token not in _to_convert


def _welcome(jobs: list[Job]) -> None:
    """Results that wait, and whose file is open, are placed by themselves."""
    _to_place.update(
        job.token
        for job in jobs
        if job.step is Step.READY and not job.hold and place.belongs_here(job.destination)
    )


def _drain(carrier: Engine) -> dict[str, Job]:
    """What changed, each job as it is by now."""
    news: dict[str, Job] = {}
    while not carrier.events.empty():
        job = carrier.events.get_nowait()
        news[job.token] = job
    _welcome(list(news.values()))
    return news


def _place_results(context: bpy.types.Context, carrier: Engine) -> bool:
    """Place one finished result, if there is one and this is a good moment; returns whether it was."""
    for token in list(_to_place):
        job = carrier.job(token)
        if job is None or job.step is not Step.READY:
            _to_place.discard(token)
        elif not place.not_now(context, [job.destination]):
            place_result(context, carrier, job, job.destination)
            return True
    return False


def _pack_picture(context: bpy.types.Context) -> None:
    """Pack one picture of a placed model, if there is one and this is a good moment."""
    global _pictures_loose
    if _pictures_loose and not place.not_now(context, []):
        _pictures_loose = pictures.pack_next()


def _convert_here(context: bpy.types.Context, carrier: Engine, news: dict[str, Job]) -> None:
    """Make the files to send of jobs that found no second Blender, one a tick, at a good moment."""
    _to_convert.update(
        token for token, job in news.items() if job.problem and job.problem.code == NoConverter.code
    )
    if _to_convert and not place.not_now(context, []):
        token = next(iter(_to_convert))
        job = carrier.job(token)
        if job is not None and job.waiting and not job.finished:
            carrier.prepare_here(token, make_input_here)
        _to_convert.discard(token)


def place_result(
    context: bpy.types.Context,
    carrier: Engine,
    job: Job,
    destination: place.Destination,
    again: bool = False,
) -> list[bpy.types.Object]:
    """Put the results of `job` into the scene and return the objects; what is wrong, the job tells."""
    global _pictures_loose
    ours = carrier.place(job.token, again)
    _to_place.discard(job.token)  # only now: where the ledger was busy, the next tick tries again
    if not ours:
        return []
    try:
        placed = place.place(context, _models(job), destination)
    except FlowsError as error:
        carrier.hold(job.token, Problem.of(error))
    except Exception as error:  # whatever it is, the result is not to be lost by it
        traceback.print_exc()
        carrier.hold(job.token, Problem("defect", f"The model could not be placed: {error}", "Report it."))
    else:
        _pictures_loose = True
        if bpy.app.background:  # no frame to lose, and perhaps no tick to come
            pictures.pack_all()
        return placed
    return []


def _models(job: Job) -> list[place.Model]:
    several = len(job.results) > 1
    provenance = {"flow_id": job.flow_id, "template": job.template, "token": job.token, **job.parameters}
    if job.prompt:
        provenance["prompt"] = job.prompt
    return [
        place.Model(
            glb=result.glb,
            blend=result.blend,
            name=f"{job.name} {number}" if several else job.name,
            provenance=provenance,
        )
        for number, result in enumerate(job.results, start=1)
    ]


# ---------------------------------------------------------------------- the view that the panels draw


def _show(context: bpy.types.Context, carrier: Engine, news: dict[str, Job]) -> bool:
    """Write what changed into the window manager's rows; returns whether a job is unfinished."""
    global _rows_stale, _last_tick
    rows = properties(context).jobs
    now = time.time()
    if _rows_stale:
        rows.clear()
        for job in reversed(carrier.jobs()):
            _fill(rows.add(), job, carrier, now)
        _rows_stale = False
        _redraw(context)
        return any(not job.finished for job in carrier.jobs())
    seconds_passed = int(now) != int(_last_tick)
    _last_tick = now
    by_token = {row.token: row for row in rows} if news or seconds_passed else {}
    unfinished = False
    for job in carrier.jobs():
        unfinished = unfinished or not job.finished
        row = by_token.get(job.token)
        if job.token in news and row is None:
            row = rows.add()
            rows.move(len(rows) - 1, 0)
            row = rows[0]
            properties(context).active_job = 0
            by_token = {row.token: row for row in rows}
        if row is not None and (job.token in news or (seconds_passed and not job.finished)):
            _fill(row, job, carrier, now)
    if news or (seconds_passed and unfinished):
        _redraw(context)
    return unfinished


def _fill(row: GenerioJob, job: Job, carrier: Engine, now: float) -> None:
    row.token = job.token
    row.name = job.name
    row.state = job.state
    row.elapsed = clock((job.finished_at or now) - job.created_at)
    row.progress, left = _progress(job, carrier, now)
    row.remaining = f"{clock(left)} left" if left is not None else ""
    waits = place.not_now(bpy.context, [job.destination]) if job.token in _to_place else ""
    note = waits or (IMPORTED_HERE if job.step is Step.PLACED and not job.results[0].blend else "")
    elsewhere = job.step is Step.READY and not job.problem and not waits
    row.message = job.problem.message if job.problem else note or (_where(job) if elsewhere else "")
    row.fix = job.problem.fix if job.problem else ""
    row.remedy = job.problem.remedy if job.problem else ""
    row.prompt = job.prompt
    row.settings = _settings_of(job)
    row.flow_id = job.flow_id
    row.finished = job.finished
    row.thumbnail, row.summary = _looks(job) if job.finished else ("", "")
    row.importable = bool(job.results) and job.state in (State.READY, State.DONE)


def _progress(job: Job, carrier: Engine, now: float) -> tuple[float, float | None]:
    """How far a job is, 0..1, and the seconds that are left, if that can be told."""
    left = carrier.time_left(job)
    if left is None:
        return job.progress or 0.0, None
    running = now - job.started_at
    return running / max(running + left, 1.0), left


def _stand_ins(context: bpy.types.Context, carrier: Engine) -> list[stand_in.StandIn]:
    """What is drawn for the models that are still being made for the open file."""
    now = int(time.time())  # a progress that moves once a second
    return [
        stand_in.StandIn.of(job.name, round(_progress(job, carrier, now)[0], 2), job.destination)
        for job in status.unfinished(carrier)
        if job.destination.get("mode") in place.NEW and place.belongs_here(job.destination)
    ]


def _looks(job: Job) -> tuple[str, str]:
    """The path of a picture of the first result, and what it consists of; "" where there is none."""
    if not job.results or not job.results[0].blend:
        return "", ""
    blend = Path(job.results[0].blend)
    picture, report = blend.with_suffix(".png"), blend.with_suffix(".json")
    try:
        counts = json.loads(report.read_text(encoding="utf-8"))
        sizes = Counter(f"{width}x{height}" for width, height in counts["textures"])
        textures = [f"{count} texture{'s'[: count > 1]} {size}" for size, count in sizes.items()]
        parts = [f"{counts['triangles']:,} triangles", *textures]
    except (OSError, ValueError, KeyError):
        parts = []
    return str(picture) if picture.exists() else "", ", ".join(parts)


def _settings_of(job: Job) -> str:
    """The parameters that were sent, for people."""
    words = {"polygon_count": "triangles"}
    parts: list[str] = []
    for name, value in job.parameters.items():
        name = words.get(name, name)
        if isinstance(value, bool):
            parts.append(name if value else f"no {name}")
        elif isinstance(value, int) and name == "triangles":
            parts.append(f"{value:,} {name}")
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def _where(job: Job) -> str:
    if job.hold:
        return "It was finished before it could be cancelled"
    file = job.destination.get("file")
    return f"Belongs to {Path(file).name}" if file else "Belongs to a file that was not saved"


def remove(context: bpy.types.Context, token: str) -> None:
    """Forget a finished job and delete its files; models in the scene stay. Raises as `Engine.remove`."""
    pictures.pack_all()
    engine(context).remove(token)
    rows = properties(context).jobs
    for index, row in enumerate(rows):
        if row.token == token:
            rows.remove(index)
            break


def _redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


# ---------------------------------------------------------------------- life cycle


@persistent
def _before_load(_file: str) -> None:
    properties_module.keep(bpy.context)


@persistent
def _after_load(_file: str) -> None:
    """Another file is open: the view went with the old one, and other results may belong here."""
    global _rows_stale, _pictures_loose
    place.new_document()
    properties_module.restore(bpy.context)
    _rows_stale = _pictures_loose = True
    _to_place.clear()
    if _engine is not None:
        _welcome(_engine.jobs())


@persistent
def _before_save(_file: str) -> None:
    """A file is never saved with pictures that lie among the results."""
    pictures.pack_all()


@persistent
def _after_undo(_scene: bpy.types.Scene) -> None:
    """Pictures are loose again where that was so at this point of the history."""
    global _pictures_loose
    _pictures_loose = True


def _stop() -> None:
    global _engine
    if _engine is not None:
        _engine.close()
        _engine = None


_HANDLERS = (
    ("load_pre", _before_load),
    ("load_post", _after_load),
    ("save_pre", _before_save),
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
)


def register() -> None:
    """Start the timer; nothing is opened, and no thread runs, before there is something to do."""
    global _rows_stale
    _rows_stale = True
    status.register()
    bpy.app.timers.register(tick, first_interval=IDLE_SECONDS, persistent=True)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    atexit.register(_stop)


def unregister() -> None:
    """Stop the timer and the engine; jobs go on when the add-on is enabled again."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    atexit.unregister(_stop)
    status.unregister()
    stand_in.unregister()
    _stop()
    pictures.pack_all()
    _to_place.clear()
