# SPDX-License-Identifier: GPL-3.0-or-later
"""The session: owns the one engine and all that is known between Blender and it, and drains its events.

The engine starts with the first job, or, shortly after Blender, when there is a job list to go on with.
Everything here runs on the main thread.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast, runtime_checkable

import bpy

from .. import i18n
from ..core.interpreters import is_isolated
from ..core.log import FILE, LOGGER
from ..engine.client import DRAIN_SECONDS, EngineClient
from ..engine.connection import Start
from ..engine.log_handler import LogHandler
from ..engine.process import blender_command, python_command
from ..jobs import Job, LedgerError, NoConverter, Problem, Settings
from ..jobs.process_id import new_owner
from ..scene.background.here import converter_command, make_input_here
from .document import Document
from .form import Form
from .placement import PlacementQueue
from .preferences import engine_settings, preferences, user_folder
from .prompt_history import PromptHistory
from .slices import Slices

LEDGER_SECONDS = 0.4
"""How long a click may wait for another Blender that has the job list, half of it for a thread of the engine
that waits for the same; threads try again."""

RESERVED_SECONDS = 0.01
BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
END_SECONDS = 3.0
"""Until an engine has ended, when the add-on is disabled; when Blender ends, nobody waits."""

RETRY_SECONDS = 5.0
"""Until a job list that could not be opened is tried again."""


class News(NamedTuple):
    """What a tick has to show.

    engine: the jobs are its. jobs: those that changed since the last tick, as they are now. tokens: of these
    and of those that began or ceased to arrive, or whose model undo took or brought back. arriving: tokens of
    the jobs whose results are about to go into the open file. unfinished: all such jobs, oldest first.
    is_due: whether there is anything to show; it is also true once a second as long as something goes on,
    since times are shown.
    """

    engine: EngineClient
    jobs: Mapping[str, Job]
    tokens: set[str]
    arriving: set[str]
    unfinished: list[Job]
    is_due: bool


class Observer(Protocol):
    """Shows what the session knows; what it needs for that is its own."""

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """Show what is new."""
        ...

    def reset(self) -> None:
        """Another file is open: what was shown went with the one before."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A part with something to give back when the session ends."""

    def close(self) -> None:
        """Give it back."""
        ...


Part = TypeVar("Part")


class Session:
    """What one Blender knows from `register` to `unregister`.

    engine: None until it has been started. slices: work that takes longer than a frame. document: which
    opening of a file this is. placement: results on their way into that. form: what the user has entered.
    api_key: one that is to be kept nowhere but here. notice: what the user should know of the job list.
    listeners: scripts that want to hear of each change of a job, see `flows.subscribe`. observers: show what
    the session knows, in this order.
    """

    def __init__(self, document: Document) -> None:
        self.engine: EngineClient | None = None
        self.slices = Slices()
        self.document = document
        self.placement = PlacementQueue(self.document)
        self.form = Form()
        self.api_key = ""
        self.notice: Problem | None = None
        self.listeners: list[Callable[[Job], None]] = []
        self.observers: list[Observer] = []
        self._prompt_history: PromptHistory | None = None
        self._parts: dict[type, object] = {}
        self._to_convert: set[str] = set()  # jobs that found no second Blender
        self._news: dict[str, Job] = {}  # what changed since that was last shown, each job as it is by now
        self._arriving: set[str] = set()  # whose results were about to come when that was last shown
        self._taken_back: set[str] = set()  # whose models undo had taken out of the file then
        self._second = 0  # of that
        self._is_introduced = False  # the placement queue knows the jobs that were there at the start
        self._is_stale = True  # nothing of what there is has been shown
        self._next_try = 0.0  # when a job list is opened again that could not be, time.monotonic()
        self._is_ticking = False  # a tick is at work in the scene, where another one would come between
        self._is_calling_listeners = False  # a listener is being called
        self._owner = new_owner()
        self._log = LogHandler()
        LOGGER.addHandler(self._log)
        self._unreported: dict[str, None] = {}  # tokens of what changed, and the listeners do not know yet
        self._reported: dict[str, tuple[object, ...]] = {}  # what they know of each job

    def part(self, kind: type[Part]) -> Part:
        """The one `kind` of this session, made with the first call: state of whoever asks for it."""
        if kind not in self._parts:
            self._parts[kind] = kind()
        return cast(Part, self._parts[kind])

    def prompt_history(self, context: bpy.types.Context) -> PromptHistory:
        """The prompts that were used before."""
        if self._prompt_history is None:
            self._prompt_history = PromptHistory(user_folder(context) / "prompts.json")
        return self._prompt_history

    # ------------------------------------------------------------------ the engine

    def open_engine(self, context: bpy.types.Context) -> EngineClient:
        """The engine, started now if it was not. Its calls raise LedgerError."""
        if self.engine is None:
            folder = user_folder(context)
            blender, isolated = bpy.app.binary_path, is_isolated()
            start = Start(
                owner=self._owner,
                command=(*python_command(sys.executable, blender, isolated), "--engine"),
                spare=(*blender_command(blender, isolated), "--engine") if blender else (),
                store=folder / "jobs.sqlite",
                patience=LEDGER_SECONDS / 2,
                converter=converter_command(),
                previews=not bpy.app.background,
                log=folder,
            )
            self.engine = EngineClient(start, *_configuration(context))
            self._log.use(self.engine)
            self._is_introduced = False
        return self.engine

    def log_path(self, context: bpy.types.Context) -> Path:
        """Where the log is; there is none before the first job."""
        return user_folder(context) / FILE

    def is_active(self, token: str) -> bool:
        """Whether a job goes on by itself, in the engine or here; else it is over, or waits for the user."""
        return token in self._to_convert or (self.engine is not None and self.engine.is_active(token))

    def is_over(self, job: Job) -> bool:
        """Whether nothing more happens to a job by itself: where its result is due here, it was placed."""
        if self.placement.is_to_come(job):
            return False
        return job.finished or self.needs_user(job)

    def needs_user(self, job: Job) -> bool:
        """Whether a job waits for something that only the user can do."""
        return job.status.waiting and not self.is_active(job.token)

    def remove(self, context: bpy.types.Context, token: str) -> None:
        """Forget a finished job; its files go, models in the scene stay. Raises as `Engine.remove`."""
        engine = self.open_engine(context)
        self.placement.remove(engine, token)
        self._reported.pop(token, None)
        self._show(context, engine, {token})

    # ------------------------------------------------------------------ events and time

    @property
    def is_ticking(self) -> bool:
        """Whether a tick is at work in the scene: no other can begin, and nothing can be waited for."""
        return self._is_ticking

    @property
    def is_calling_listeners(self) -> bool:
        """Whether a listener is being called, to which a job is to look as it was told."""
        return self._is_calling_listeners

    def tick(self, context: bpy.types.Context) -> float:
        """Bring scene and panels up to date; returns the seconds until the next time."""
        if self._is_ticking:  # what this one does in the scene has called a handler that waits
            return BUSY_SECONDS
        self._is_ticking = True
        try:
            seconds = self._tick(context)
        except Exception:  # Blender would drop the timer, and with it every job's news
            traceback.print_exc()
            seconds = IDLE_SECONDS
        finally:
            self._is_ticking = False
        self._call_listeners()
        return seconds

    def _tick(self, context: bpy.types.Context) -> float:
        if i18n.follow():
            redraw(context)
        if not bpy.app.background:  # a script begins with the defaults
            self.form.store(context, user_folder)
        if self.form.check_image(context, self.open_engine):
            self._redraw(context)
        self.slices.run()
        engine = self.engine or self._reopen(context)
        if engine is None or not self._pump(context, engine):
            return RESERVED_SECONDS if self.slices.is_busy() else IDLE_SECONDS
        engine.configure(*_configuration(context))
        if not engine.is_loaded:
            return BUSY_SECONDS
        self._drain(engine)
        try:
            self._convert_here(context, engine)
            self.placement.process_next(context, engine)
        finally:  # whatever went wrong there, the list says how the jobs are
            self._report_notice(context, engine.notice)
            self._unreported |= dict.fromkeys(self._news)
            self._show(context, engine)
        if self.placement.is_about_to_place() or self.slices.is_busy():
            return RESERVED_SECONDS
        if engine.unfinished() or self._to_convert or self.placement.is_busy():
            return BUSY_SECONDS
        return IDLE_SECONDS

    def _reopen(self, context: bpy.types.Context) -> EngineClient | None:
        """Go on with what is in the job list, where there is one."""
        if time.monotonic() < self._next_try or not (user_folder(context) / "jobs.sqlite").exists():
            return None
        return self.open_engine(context)

    def _pump(self, context: bpy.types.Context, engine: EngineClient) -> bool:
        """Take in what the engine has to say; False where it cannot work, which is tried again later."""
        try:
            engine.pump(DRAIN_SECONDS)
        except LedgerError as error:
            self._report_notice(context, error.problem)
            self._next_try = time.monotonic() + RETRY_SECONDS
            self._end_engine(0.0)
            return False
        return True

    def _drain(self, engine: EngineClient) -> None:
        """Take what changed into the news; all jobs are new to the queue when the engine has just started."""
        if not self._is_introduced:
            self.placement.enqueue_ready(engine, engine.jobs())
            self._is_introduced = True
        for job in engine.events():
            self._news[job.token] = job
        self.placement.enqueue_ready(engine, self._news.values())
        self._to_convert.update(
            token
            for token, job in self._news.items()
            if job.status.problem and job.status.problem.code == NoConverter.code
        )

    def _show(
        self, context: bpy.types.Context, engine: EngineClient, removed: AbstractSet[str] = frozenset()
    ) -> None:
        """Have the observers show what changed; removed: tokens of jobs that are not in the list any more."""
        arriving = {*self.placement.pending}
        taken_back = {*self.placement.undo.taken_back}
        tokens = {*self._news, *removed, *(self._arriving ^ arriving), *(self._taken_back ^ taken_back)}
        second = int(time.time())
        seconds_passed, self._second = second != self._second, second
        if seconds_passed:
            tokens |= arriving  # what they wait for may change at any time
        unfinished = engine.unfinished()
        is_due = bool(tokens) or self._is_stale or (seconds_passed and bool(unfinished))
        news = News(engine, {**self._news}, tokens, arriving, unfinished, is_due)
        for observer in self.observers:
            observer.update(context, self, news)
        # Only now: what an observer could not show is news for the next tick.
        self._arriving, self._taken_back, self._is_stale = arriving, taken_back, False
        self._news.clear()

    def _convert_here(self, context: bpy.types.Context, engine: EngineClient) -> None:
        """Make the files to send of jobs that found no second Blender, one a tick, at a good moment."""
        if self._to_convert and not self.placement.moment.placement_blocker(context, []):
            token = next(iter(self._to_convert))
            job = engine.job(token)
            if job is not None and job.status.waiting and not job.finished:
                engine.prepare_here(token, make_input_here)
            self._to_convert.discard(token)

    # ------------------------------------------------------------------ telling

    def _call_listeners(self) -> None:
        """Call the listeners with what is new. One that waits ticks on; news of that time come after it."""
        if self._is_calling_listeners:
            return
        self._is_calling_listeners = True
        try:
            while self._unreported:
                token = next(iter(self._unreported))
                del self._unreported[token]
                # As it is by now: whoever looks at the job sees that, and should not hear of it twice.
                job = self.engine.job(token) if self.engine is not None else None
                if job is None:
                    continue
                known = (job.state, job.run.progress, job.status.problem)
                if self._reported.get(token) == known:
                    continue
                self._reported[token] = known
                for listener in [*self.listeners]:
                    if listener in self.listeners:  # one before it may have ended its subscription
                        _call(listener, job)
        finally:
            self._is_calling_listeners = False

    def notify(self, context: bpy.types.Context, notice: Problem) -> None:
        """Let the panel show what is wrong with the job list, until the user has read it."""
        if self.engine is not None and self.engine.is_loaded:  # else that is why: it goes when one can begin
            self.engine.notice = notice  # which is what each tick shows
        self._report_notice(context, notice)

    def dismiss(self, context: bpy.types.Context) -> None:
        """The user has read the notice."""
        if self.engine is not None:
            self.engine.notice = None
        self._report_notice(context, None)

    def _report_notice(self, context: bpy.types.Context, notice: Problem | None) -> None:
        if notice != self.notice:
            self.notice = notice
            if notice:
                # Where there is no panel, the terminal has it.
                print(f"GENERIO Flows: {notice.message} {notice.fix}".rstrip())  # noqa: T201
            self._redraw(context)

    def _redraw(self, context: bpy.types.Context) -> None:
        redraw(context, ("VIEW_3D",), "UI")

    # ------------------------------------------------------------------ life cycle

    def opened(self, recovered: bool, continues: str = "") -> None:
        """Another file is open: other results may belong here.

        recovered: it comes from an autosave. continues: see `Document`.
        """
        for observer in self.observers:
            observer.reset()
        self._is_stale = True
        self.placement.opened(recovered, self.engine, continues)

    def stop(self, patience: float = 0.0) -> None:
        """End the engine; jobs go on with the next one. patience: seconds to wait for it to have ended."""
        self.placement.leave(self.engine)
        self._end_engine(patience)

    def _end_engine(self, patience: float) -> None:
        self._log.use(None)
        if self.engine is not None:
            self.engine.close(patience)
            self.engine = None

    def close(self) -> None:
        """End all of it, with the parts that have something to give back."""
        for part in self._parts.values():
            if isinstance(part, Closable):
                part.close()
        self.stop(END_SECONDS)
        LOGGER.removeHandler(self._log)
        self.listeners.clear()


def _configuration(context: bpy.types.Context) -> tuple[Settings, str, bool]:
    """What the engine is to heed, see `EngineClient.configure`."""
    chosen = preferences(context)
    return engine_settings(context), chosen.log_level, chosen.finish_jobs


def redraw(context: bpy.types.Context, editors: tuple[str, ...] = (), region: str = "") -> None:
    """Have editors of these types (none = all) drawn anew, or only their regions of one type."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in editors or not editors:
                if not region:
                    area.tag_redraw()
                for part in area.regions if region else ():
                    if part.type == region:
                        part.tag_redraw()


def _call(listener: Callable[[Job], None], job: Job) -> None:
    try:
        listener(job)
    except Exception:  # a script's mistake is not to stop the others
        traceback.print_exc()
