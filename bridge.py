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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from . import properties as properties_module
from . import status, translations, view
from .api import FlowsError
from .api.address import is_loopback
from .jobs import (
    AlreadyThere,
    Engine,
    Job,
    Ledger,
    LedgerError,
    NoConverter,
    Problem,
    Settings,
    State,
    Step,
    followers,
    is_first,
)
from .preferences import api_key, preferences, results_folder, user_folder
from .scene import memory, pictures, place, stand_in
from .scene.convert import Converter, link, make_input_here

LEDGER_SECONDS = 0.25
"""How long the window may stand still for another Blender that has the job list; threads try again."""

NOTED_SECONDS = 0.01
BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
AGAIN_SECONDS = 5.0
"""Until a job list that could not be opened is tried again."""

_engine: Engine | None = None
_to_convert: set[str] = set()  # jobs that found no second Blender
_to_place: set[str] = set()  # finished jobs whose results belong into the open file
_noted: str = ""  # the one of them that the ledger is being told about
_pictures_loose = True  # there may be pictures of placed models to pack
_recovered = False  # the open file came from an autosave: what is in it is not yet where it belongs
_news: dict[str, Job] = {}  # what changed since that was last shown, each job as it is by now
_notice: Problem | None = None
_next_try = 0.0  # when the job list is to be opened again that could not be, time.monotonic()

listeners: list[Callable[[Job], None]] = []
"""Scripts that want to hear of each change of a job, on the main thread; see `flows.subscribe`."""

_for_script: list[str] | None = None  # takes the tokens of jobs that a script waits for by itself


# ---------------------------------------------------------------------- the engine


def engine(context: bpy.types.Context) -> Engine:
    """The engine, started now if it was not. Raises LedgerError where the list of jobs cannot be opened."""
    global _engine
    if _engine is None:
        ledger = Ledger(user_folder(context) / "jobs.sqlite", patience=LEDGER_SECONDS)
        converter = Converter.of_this_blender()
        picture = None if bpy.app.background else converter.draw_thumbnail
        _engine = Engine(ledger, settings(context), converter.make_input, converter.to_blend, picture)
        # What is large is done with numpy; to import it would stop the window for 50 ms.
        threading.Thread(
            target=importlib.import_module, args=("numpy",), name="generio-numpy", daemon=True
        ).start()
        _welcome(_engine, _engine.jobs())
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
    try:
        return _tick(bpy.context)
    except Exception:  # Blender would drop the timer, and with it every job's news
        traceback.print_exc()
        return IDLE_SECONDS


def _tick(context: bpy.types.Context) -> float:
    global _next_try
    if translations.follow(__package__ or ""):
        view.redraw_all(context)
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
        if not _place_results(context, _engine) and not _is_about_to_place():
            _pack_picture(context)
    finally:  # whatever went wrong there, the list says how the jobs are
        _say(context, _engine.notice)
        unfinished = view.show(context, _engine, _news, _to_place)
        status.show(context, _engine, _news.values())
        _tell(dict(_news))
        _news.clear()
    if _is_about_to_place():
        return NOTED_SECONDS
    busy = unfinished or _to_place or _to_convert or _pictures_loose
    return BUSY_SECONDS if busy else IDLE_SECONDS


def _tell(news: dict[str, Job]) -> None:
    for listener in list(listeners):
        for job in news.values():
            try:
                listener(job)
            except Exception:  # a script's mistake is not to stop the others
                traceback.print_exc()


@contextmanager
def for_script() -> Iterator[list[str]]:
    """Collects the tokens of the jobs that operators hand over meanwhile; they do not wait for them."""
    global _for_script
    _for_script = tokens = []
    try:
        yield tokens
    finally:
        _for_script = None


def taken_by_script(tokens: list[str]) -> bool:
    """Whether a script has called the operator that has handed over these jobs, and takes them from here."""
    if _for_script is None:
        return False
    _for_script.extend(tokens)
    return True


def print_state(job: Job) -> None:
    """Say on the terminal how a job is doing."""
    progress = f" {job.progress:.0%}" if job.progress else ""
    reason = f" ({job.problem.message} {job.problem.fix})" if job.problem else ""
    print(f"GENERIO: {job.name}: {job.state}{progress}{reason}", flush=True)  # noqa: T201


def run_until(
    context: bpy.types.Context,
    tokens: list[str],
    watch: Callable[[Job], None] = print_state,
    timeout: float | None = None,
) -> list[str]:
    """Tick until the jobs are over and placed, or wait for the user; for where there is no window.

    Returns their tokens, and those of the jobs that followed them.

    watch: is shown the jobs whenever their state or progress has changed. timeout: seconds, after which
    TimeoutError is raised.
    """
    assert _engine is not None
    began = time.monotonic()
    seen: dict[str, tuple[State, float | None]] = {}
    while True:
        tick()
        jobs = [job for token in tokens if (job := _engine.job(token)) is not None]
        for job in jobs:
            if seen.get(job.token) != (job.state, job.progress):
                seen[job.token] = (job.state, job.progress)
                watch(job)
        more = [
            following.token
            for job in jobs
            if is_first(job) and job.step is Step.PLACED
            for following in followers(job, _engine.folder)
            if following.token not in tokens
        ]
        if more:
            tokens = [*tokens, *more]
        elif all(job.finished or _needs_user(job) for job in jobs):
            late = {job.token for job in jobs if not is_over(job)}
            reason = place.not_now(context, [job.destination for job in jobs])
            if not late:
                return tokens
            if reason:  # and nobody is here to change that
                for token in late:
                    _engine.hold(token, Problem("not_now", reason + ".", "Use Import when it is done."))
                _to_place.difference_update(late)
        if timeout is not None and time.monotonic() - began > timeout:
            raise TimeoutError(f"not over after {timeout:g} seconds")
        time.sleep(0.02)  # nobody looks at a window here


def is_over(job: Job) -> bool:
    """Whether nothing more happens to a job by itself: where its result is due here, it has been placed."""
    if job.step is Step.READY:
        return job.hold or not (is_first(job) or place.belongs_here(job.destination))
    if _is_noted(job):
        return False
    return job.finished or _needs_user(job)


def _needs_user(job: Job) -> bool:
    assert _engine is not None
    return job.waiting and not _engine.carries(job.token) and job.token not in _to_convert


def _welcome(carrier: Engine, jobs: Iterable[Job]) -> None:
    """Results whose file is open are placed by themselves, unless they stand there already."""
    ready = [job for job in jobs if job.step is Step.READY]
    present = place.tokens() if any(job.placed_in for job in ready) else set[str]()
    for job in ready:
        if job.placed_in and job.token in present:
            from_disk = job.placed_in != place.document() and not _recovered
            carrier.found(job.token, "" if from_disk else place.document())
        elif not job.hold and (is_first(job) or place.belongs_here(job.destination)):
            _to_place.add(job.token)


def _drain(carrier: Engine) -> None:
    """Take what changed into the news."""
    while not carrier.events.empty():
        job = carrier.events.get_nowait()
        _news[job.token] = job
    _welcome(carrier, _news.values())
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
        view.redraw(context)


def _begin_followers(carrier: Engine, job: Job) -> None:
    """Let the jobs begin that optimize the results of this one, which then is over."""
    results = [Path(result.glb) for result in job.results]
    for following, glb in zip(followers(job, carrier.folder), results, strict=True):
        try:
            link(glb, Path(following.input_path))
        except OSError as error:
            carrier.hold(job.token, Problem("files", f"The model cannot be sent on: {error}.", "Import it."))
            return
        with suppress(AlreadyThere):  # by another Blender, or before a crash
            carrier.submit(following)
    carrier.place(job.token)


def _place_results(context: bpy.types.Context, carrier: Engine) -> bool:
    """Place one finished result, if there is one and this is a good moment; returns whether it was.

    The ledger is told first, by a thread, and memory is made ready; a tick after that places.
    """
    global _noted
    for token in list(_to_place):
        job = carrier.job(token)
        noted = job is not None and _is_noted(job)
        if job is not None and job.step is Step.READY and is_first(job):
            _begin_followers(carrier, job)
            _to_place.discard(token)
        elif job is None or not (noted or job.step is Step.READY):
            _to_place.discard(token)
            _forget_noted(token)
        elif place.not_now(context, [job.destination]):
            if memory.is_for(token):
                memory.give_back()
        elif noted and memory.is_making():
            return True
        elif noted:
            place_result(context, carrier, job, job.destination)
            return True
        elif not _noted:
            _noted = token
            carrier.place_soon(token, place.document())
            files = [Path(result.blend) for result in job.results if result.blend]
            memory.make_room(token, [size for file in files for size in memory.sizes_in(file)])
            return True
    return False


def _is_about_to_place() -> bool:
    """Whether a result comes with one of the next ticks; one that has to wait has no room any more."""
    return memory.is_for(_noted)


def _forget_noted(token: str) -> None:
    """A result is not about to be placed any more: it has been, or has gone elsewhere."""
    global _noted
    if token == _noted:
        _noted = ""
    if memory.is_for(token):
        memory.give_back()


def _is_noted(job: Job) -> bool:
    """Whether the ledger has it that a result goes into the open file, where it is not yet."""
    return job.token in _to_place and job.step is Step.PLACED and job.placed_in == place.document()


def _pack_picture(context: bpy.types.Context) -> None:
    """Pack one picture of a placed model, if there is one and this is a good moment."""
    global _pictures_loose
    if not _pictures_loose:
        return
    if place.not_now(context, []):
        memory.give_back()
    else:
        _pictures_loose = pictures.pack_next()


def _convert_here(context: bpy.types.Context, carrier: Engine) -> None:
    """Make the files to send of jobs that found no second Blender, one a tick, at a good moment."""
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
    ours = _is_noted(job) or carrier.place(job.token, place.document(), again)
    if not ours:
        now = carrier.job(job.token)  # noted in this very moment?
        ours = now is not None and _is_noted(now)
    _to_place.discard(job.token)
    if not ours:
        _forget_noted(job.token)
        return []
    try:
        placed = place.place(context, _models(job), destination)
    except FlowsError as error:
        carrier.hold(job.token, Problem.of(error))
    except Exception as error:  # whatever it is, the result is not to be lost by it
        traceback.print_exc()
        what = f"The model could not be placed: {error}"
        carrier.hold(job.token, Problem("defect", what, "Report it.", "report"))
    else:
        _pictures_loose = True
        if bpy.app.background:  # no frame to lose, and perhaps no tick to come
            pictures.pack_all()
        return placed
    finally:
        _forget_noted(job.token)
    return []


def _models(job: Job) -> list[place.Model]:
    several = len(job.results) > 1
    ours = {"flow_id": job.flow_id, "template": job.template, "token": job.token}
    provenance = {**job.parameters, **ours}  # whatever the service calls its parameters
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


def send_elsewhere(tokens: Iterable[str], change: dict[str, object]) -> None:
    """Let the results of unfinished jobs go somewhere else; `change`: of their destinations, see `place`."""
    for token in tokens:
        if _engine is not None and (job := _engine.job(token)) is not None and not job.finished:
            _engine.relocate(token, {**job.destination, **change})


def remove(context: bpy.types.Context, token: str) -> None:
    """Forget a finished job and delete its files; models in the scene stay. Raises as `Engine.remove`."""
    carrier = engine(context)
    pictures.pack_from(carrier.folder(token))
    carrier.remove(token)
    view.drop(context, token)


# ---------------------------------------------------------------------- life cycle


@persistent
def _before_load(_file: str) -> None:
    properties_module.keep(bpy.context)


@persistent
def _after_load(file: str) -> None:
    """Another file is open: the view went with the old one, and other results may belong here."""
    global _recovered, _pictures_loose
    _leave()
    place.new_document()
    _recovered = Path(file).name != Path(bpy.data.filepath).name
    properties_module.restore(bpy.context)
    _pictures_loose = True
    view.forget()
    if _engine is not None:
        _welcome(_engine, _engine.jobs())


@persistent
def _after_save(file: str) -> None:
    """What was placed is in a file on disk now, and what is on its way belongs into that file."""
    global _recovered
    if _engine is None or file != bpy.data.filepath:  # a copy was saved
        return
    _recovered = False
    _engine.saved(place.document(), but=frozenset(_to_place))
    for job in _engine.jobs():
        destination = place.moved(job.destination)
        if destination is not None:
            _engine.relocate(job.token, destination)


def _leave() -> None:
    """The open file is left: what was placed since it was saved is no longer anywhere."""
    global _noted
    if _engine is not None:
        _engine.closed(place.document(), but=frozenset(_to_place))
    memory.give_back()
    _to_place.clear()
    _noted = ""


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
    _leave()
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
    global _next_try
    _next_try = 0.0
    view.forget()
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
    listeners.clear()
