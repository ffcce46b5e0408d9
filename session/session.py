# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Blender and the engine: holds the one engine, and drains its events from one timer.

The engine starts with the first job, or, shortly after Blender, when there is a ledger to carry on.
Everything here runs on the main thread.
"""

from __future__ import annotations

import atexit
import importlib
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from .. import i18n
from ..core.urls import is_loopback
from ..jobs import Engine, Job, Ledger, LedgerError, NoConverter, Problem, Settings
from ..panels import job_rows, placeholders, status_bar
from ..scene.background.converter import Converter, make_input_here
from ..scene.place import packing, place
from . import placement
from . import properties as properties_module
from .preferences import api_key, preferences, results_folder, user_folder

LEDGER_SECONDS = 0.4
"""How long the window may stand still for another Blender that has the job list, half of it for a thread of
ours that waits for the same; threads try again."""

NOTED_SECONDS = 0.01
BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
AGAIN_SECONDS = 5.0
"""Until a job list that could not be opened is tried again."""

_engine: Engine | None = None
_to_convert: set[str] = set()  # jobs that found no second Blender
_news: dict[str, Job] = {}  # what changed since that was last shown, each job as it is by now
_notice: Problem | None = None
_next_try = 0.0  # when the job list is to be opened again that could not be, time.monotonic()
_registered = False
_ticking = False  # a tick is at work in the scene, where another one would come between
_telling = False  # a listener is being called
_untold: dict[str, Job] = {}  # what changed, and the listeners do not know yet
_told: dict[str, tuple[object, ...]] = {}  # what they know of each job

listeners: list[Callable[[Job], None]] = []
"""Scripts that want to hear of each change of a job, on the main thread; see `flows.subscribe`."""


# ---------------------------------------------------------------------- the engine


def engine(context: bpy.types.Context) -> Engine:
    """The engine, started now if it was not. Raises LedgerError where the list of jobs cannot be opened."""
    global _engine
    if _engine is None:
        ledger = Ledger(user_folder(context) / "jobs.sqlite", patience=LEDGER_SECONDS / 2)
        converter = Converter.of_this_blender()
        picture = None if bpy.app.background else converter.draw_thumbnail
        _engine = Engine(ledger, settings(context), converter.make_input, converter.to_blend, picture)
        # What is large is done with numpy; to import it would stop the window for 50 ms.
        threading.Thread(
            target=importlib.import_module, args=("numpy",), name="generio-numpy", daemon=True
        ).start()
        placement.welcome(_engine, _engine.jobs())
    return _engine


def is_registered() -> bool:
    """Whether the add-on is enabled."""
    return _registered


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
        patience=chosen.patience * 60.0,
        results_limit=round(chosen.results_limit * 2**30),
        delete_flows=chosen.delete_flows,
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
    global _ticking
    if _ticking:  # what this one does in the scene has called a handler that waits
        return BUSY_SECONDS
    _ticking = True
    try:
        seconds = _tick(bpy.context)
    except Exception:  # Blender would drop the timer, and with it every job's news
        traceback.print_exc()
        seconds = IDLE_SECONDS
    finally:
        _ticking = False
    _tell()
    return seconds


def is_ticking() -> bool:
    """Whether a tick is at work in the scene, so that no other can begin, and nothing can be waited for."""
    return _ticking


def _tick(context: bpy.types.Context) -> float:
    global _next_try
    if i18n.follow():
        job_rows.redraw_all(context)
    if properties_module.look_again(context):
        job_rows.redraw(context)
    if _engine is None:
        if time.monotonic() < _next_try or not (user_folder(context) / "jobs.sqlite").exists():
            return IDLE_SECONDS
        try:
            engine(context)
        except LedgerError as error:
            _say(context, error.problem)
            _next_try = time.monotonic() + AGAIN_SECONDS
            return IDLE_SECONDS
    assert _engine is not None
    _engine.configure(settings(context))
    _drain(_engine)
    try:
        _convert_here(context, _engine)
        placement.go_on(context, _engine)
    finally:  # whatever went wrong there, the list says how the jobs are
        _say(context, _engine.notice)
        unfinished = job_rows.show(context, _engine, _news, placement.due, placement.told)
        status_bar.show(context, _engine, _news.values(), placement.due, placement.hidden, placement.here)
        _untold.update(_news)
        _news.clear()
    if placement.is_about_to_place():
        return NOTED_SECONDS
    return BUSY_SECONDS if unfinished or _to_convert or placement.is_busy() else IDLE_SECONDS


def _tell() -> None:
    """Call the listeners with what is new. One that waits ticks on; what is new by then is told after it."""
    global _telling
    if _telling:
        return
    _telling = True
    try:
        while _untold:
            token = next(iter(_untold))
            job = _untold.pop(token)
            known = (job.state, job.progress, job.problem)
            if _engine is None or _engine.job(token) is None or _told.get(token) == known:
                continue
            _told[token] = known
            for listener in [*listeners]:
                if listener in listeners:  # one before it may have ended its subscription
                    _call(listener, job)
    finally:
        _telling = False


def _call(listener: Callable[[Job], None], job: Job) -> None:
    try:
        listener(job)
    except Exception:  # a script's mistake is not to stop the others
        traceback.print_exc()


def _drain(carrier: Engine) -> None:
    """Take what changed into the news."""
    while not carrier.events.empty():
        job = carrier.events.get_nowait()
        _news[job.token] = job
    placement.welcome(carrier, _news.values())
    _to_convert.update(
        token for token, job in _news.items() if job.problem and job.problem.code == NoConverter.code
    )


def notice() -> Problem | None:
    """What the user should know of the job list, or None."""
    return _notice


def notify(context: bpy.types.Context, told: Problem) -> None:
    """Let the panel show what is wrong with the job list, until the user has read it."""
    if _engine is not None:
        _engine.notice = told  # which is what each tick shows
    _say(context, told)


def dismiss(context: bpy.types.Context) -> None:
    """The user has read the notice."""
    if _engine is not None:
        _engine.notice = None
    _say(context, None)


def _say(context: bpy.types.Context, told: Problem | None) -> None:
    global _notice
    if told != _notice:
        _notice = told
        if told:
            print(f"GENERIO Flows: {told.message} {told.fix}".rstrip())  # noqa: T201 - where no panel is
        job_rows.redraw(context)


def carries(token: str) -> bool:
    """Whether a job goes on by itself, in the engine or here; if not, it is over, or the user has to act."""
    return token in _to_convert or (_engine is not None and _engine.carries(token))


def _convert_here(context: bpy.types.Context, carrier: Engine) -> None:
    """Make the files to send of jobs that found no second Blender, one a tick, at a good moment."""
    if _to_convert and not place.not_now(context, []):
        token = next(iter(_to_convert))
        job = carrier.job(token)
        if job is not None and job.waiting and not job.finished:
            carrier.prepare_here(token, make_input_here)
        _to_convert.discard(token)


def remove(context: bpy.types.Context, token: str) -> None:
    """Forget a finished job; its files go, models in the scene stay. Raises as `Engine.remove`."""
    placement.remove(engine(context), token)
    job_rows.drop(context, engine(context), token)
    _told.pop(token, None)


# ---------------------------------------------------------------------- life cycle


@persistent
def _before_load(_file: str) -> None:
    properties_module.keep(bpy.context)


@persistent
def _after_load(file: str) -> None:
    """Another file is open: the view went with the old one, and other results may belong here."""
    placement.leave(_engine)
    properties_module.restore(bpy.context)
    job_rows.forget()
    placement.opened(recovered=Path(file).name != Path(bpy.data.filepath).name, carrier=_engine)


@persistent
def _after_save(file: str) -> None:
    """What was placed is in a file on disk now."""
    if _engine is not None and file == bpy.data.filepath:  # else a copy was saved
        placement.saved(_engine)


@persistent
def _before_save(_file: str) -> None:
    """A file is never saved with pictures that lie among the results; it may go to another folder."""
    packing.pack_all()
    properties_module.keep_image(bpy.context)


@persistent
def _after_undo(_scene: bpy.types.Scene) -> None:
    placement.stepped(_engine)


def _stop() -> None:
    global _engine
    placement.leave(_engine)
    if _engine is not None:
        _engine.close()
        _engine = None


_HANDLERS = (
    ("load_pre", _before_load),
    ("load_post", _after_load),
    ("save_pre", _before_save),
    ("save_post", _after_save),
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
)


def register() -> None:
    """Start the timer; nothing is opened, and no thread runs, before there is something to do."""
    global _next_try, _registered
    _next_try = 0.0
    _registered = True
    job_rows.forget()
    status_bar.register()
    bpy.app.timers.register(tick, first_interval=IDLE_SECONDS, persistent=True)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    atexit.register(_stop)


def unregister() -> None:
    """Stop the timer and the engine; jobs go on when the add-on is enabled again."""
    global _registered
    _registered = False
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    atexit.unregister(_stop)
    status_bar.unregister()
    placeholders.unregister()
    packing.pack_all()  # whose files go now
    _stop()
    for remembered in (listeners, _untold, _told):
        remembered.clear()
