# SPDX-License-Identifier: GPL-3.0-or-later
"""Handing jobs over to the engine: modal only for the moments until the service has them.

A modal operator stops Blender's autosave, so the minutes of waiting belong to the bridge's timer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

import bpy

from ..api import FlowsError
from ..core.messages import Message, sentences
from ..engine.connection import Reply
from ..i18n import translated
from ..jobs import Job, LedgerError, Problem, State, Step
from ..session import current, requests, waiting
from ..session.preferences import unavailable_reason

# To the type checker a mixin is an operator; Blender wants only the registered class to be one.
OperatorMixin = bpy.types.Operator if TYPE_CHECKING else object

SLICE_SECONDS = 0.008
"""Of each timer event for making jobs; one of them may take longer."""

LONGEST_SLICE = 0.1
"""Seconds of a timer event where Blender takes long between two of them."""

TIMER_SECONDS = 0.02

LONGEST_SECONDS = 5.0
"""After this the operator ends even if the upload still goes on; the job list shows it."""

POPUP = 360
"""Pixels at scale 1 that the sentences of a popup are wide."""

SUBMITTED = frozenset(
    {State.RUNNING, State.DOWNLOADING, State.READY, State.DONE, State.WAITING, State.QUEUED}
)


Execute = Callable[[Any, bpy.types.Context], set[str]]
Invoke = Callable[[Any, bpy.types.Context, bpy.types.Event], set[str]]


def slice_seconds(between: float) -> float:
    """How long jobs are made in a timer event, when Blender took `between` seconds since the last one.

    Each job that is made has all 3D views drawn anew. Where that takes long, as it does with thousands of
    objects, more is made between two drawings; a frame is longer by no more than half.
    """
    return min(max(SLICE_SECONDS, between / 2), LONGEST_SLICE)


class InObjectMode(OperatorMixin):
    """Mixin for operators that need Object Mode; elsewhere they are grey, and say so."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set(translated(Message("Switch to Object Mode first")))
            return False
        return True


def report_problem(operator: bpy.types.Operator, problem: FlowsError | Problem, token: str = "") -> set[str]:
    """Say why an operator does nothing, with the button that mends it; returns what `execute` is to return.

    token: of the job that the button is about, or "".

    A script that executes the operator gets an error, which raises. For whoever clicked, Blender would open a
    popup of that without a button, so they get one of ours, and a warning in the status bar.
    """
    clicked = operator.options.is_invoke and not bpy.app.background
    level = "WARNING" if clicked else "ERROR"
    operator.report({level}, translated(problem.message, problem.fix))
    if not clicked:
        return {"CANCELLED"}

    def draw(menu: Any, context: bpy.types.Context) -> None:
        from ..panels.widgets import fix_button, wrapped  # a popup is a panel, too

        layout = menu.layout
        layout.operator_context = "INVOKE_DEFAULT"  # in a popup they would be executed, without their dialogs
        width = int(POPUP * context.preferences.system.ui_scale)
        wrapped(layout, translated(problem.message), width, "ERROR")
        wrapped(layout, translated(problem.fix), width, "BLANK1")
        fix_button(layout, problem.remedy, token)

    bpy.context.window_manager.popup_menu(draw)
    return {"CANCELLED"}


def reports_store_errors(execute: Execute) -> Execute:
    """Decorator of `execute`: a job list that cannot be used is told, here and in the panel; no traceback."""

    @wraps(execute)
    def wrapped(self: Any, context: bpy.types.Context) -> set[str]:
        try:
            return execute(self, context)
        except LedgerError as error:
            current().notify(context, error.problem)
            return report_problem(self, error.problem)

    return wrapped


def _known(token: str) -> Job | None:
    engine = current().engine
    return engine.job(token) if engine is not None and engine.is_loaded else None


class Clicks:
    """When a button that makes jobs was clicked last.

    Who double-clicks out of habit means one model.
    """

    def __init__(self) -> None:
        self._last: dict[str, float] = {}  # time.monotonic() by the names of operators

    def is_double(self, context: bpy.types.Context, name: str) -> bool:
        """Whether a click on the button of an operator is the second one of a double click."""
        return time.monotonic() - self._last.get(name, -LONGEST_SECONDS) < _double_click_seconds(context)

    def done(self, name: str) -> None:
        """What was clicked has been done; Blender has taken no click meanwhile."""
        self._last[name] = time.monotonic()


LEAST_SECONDS = 1.0
"""For which a second click counts as one of a double click: what Blender draws in between takes its time."""


def _double_click_seconds(context: bpy.types.Context) -> float:
    assert context.preferences is not None
    return max(LEAST_SECONDS, context.preferences.inputs.mouse_double_click_time / 1000.0)


def clicked_once(invoke: Invoke) -> Invoke:
    """Decorator of `invoke`: the second click of a double click does nothing."""

    @wraps(invoke)
    def invoked(self: Any, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        clicks = current().part(Clicks)
        if clicks.is_double(context, self.bl_idname):
            return {"CANCELLED"}
        result = invoke(self, context, event)
        clicks.done(self.bl_idname)
        return result

    return invoked


class RequiresService(OperatorMixin):
    """Mixin for operators that need the service; where it is out of reach they are grey, and say why."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = unavailable_reason(context)
        if reason:
            cls.poll_message_set(translated(reason))
        return not reason


class SubmitJobs(OperatorMixin):
    """Mixin for operators that make jobs. In the background they run to the end."""

    _tokens: list[str]
    _parts: Iterator[list[Job]] | None = None  # the jobs that are still to be made
    _replies: list[Reply]  # whether the job list has taken them
    _timer: bpy.types.Timer | None = None
    _workspace: bpy.types.WorkSpace | None = None  # whose status bar says what is being sent
    _until: float
    _slice_ended: float  # time.perf_counter()
    _count = 0
    bl_options: ClassVar[set[str]] = {"REGISTER"}

    def submit_jobs(self, context: bpy.types.Context, jobs: list[Job], modal: bool) -> set[str]:
        """Give `jobs` to the engine; `modal`: stay until the service has them, so that Esc can cancel."""
        return self.submit_parts(context, iter([jobs]), len(jobs), modal)

    def submit_parts(
        self, context: bpy.types.Context, parts: Iterator[list[Job]], count: int, modal: bool
    ) -> set[str]:
        """As `submit_jobs`, of jobs that are made part by part; in a window between two drawings each.

        count: how many there will be, about. parts: may raise FlowsError.
        """
        self._tokens, self._replies, self._parts = [], [], parts
        if waiting.can_wait() or not modal or context.window is None:
            return self._submit_now(context)
        current().open_engine(context)  # which takes a moment, in which the first job is made
        self._count = count
        self._until = time.monotonic() + LONGEST_SECONDS
        self._slice_ended = time.perf_counter()
        if (problem := self._submit_some(context)) is not None:
            return problem
        if not self._tokens and self._parts is None:
            return {"CANCELLED"}
        self._workspace = context.workspace
        self._timer = context.window_manager.event_timer_add(TIMER_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        self._show_status()
        return {"RUNNING_MODAL"}

    def _submit_now(self, context: bpy.types.Context) -> set[str]:
        assert self._parts is not None
        try:
            jobs = [job for part in self._parts for job in part]
            self._tokens = [job.token for job in requests.submit(current(), context, jobs)] if jobs else []
        except FlowsError as error:
            return report_problem(self, error)
        if not self._tokens:
            return {"CANCELLED"}
        if waiting.can_wait():
            self._tokens = waiting.run_until(context, self._tokens)
            return self._report_results()
        return {"FINISHED"}

    def _submit_some(self, context: bpy.types.Context) -> set[str] | None:
        """Make more of the jobs, and hand them on; what `execute` is to return where that fails."""
        now = time.perf_counter()
        end = now + slice_seconds(now - self._slice_ended)
        jobs: list[Job] = []
        try:
            while self._parts is not None and time.perf_counter() < end:
                part = next(self._parts, None)
                if part is None:
                    self._parts = None
                else:
                    jobs += part
            if jobs:
                self._tokens += [job.token for job in jobs]
                self._replies.append(requests.ask_to_submit(current(), context, jobs))
        except FlowsError as error:
            self._parts = None
            return report_problem(self, error)
        finally:
            self._slice_ended = time.perf_counter()
        return None

    def _show_status(self) -> None:
        assert self._workspace is not None
        self._workspace.status_text_set(translated(self.progress_text()))

    def progress_text(self) -> Message:
        """What the status bar says is being sent."""
        if self._parts is not None:
            return Message(
                "Preparing {done:,} of {count:,} models for GENERIO    Esc: Cancel",
                done=len(self._tokens),
                count=self._count,
            )
        if len(self._tokens) == 1 and (job := _known(self._tokens[0])) is not None:
            return Message(
                "Sending {what} to GENERIO    Esc: Cancel", what=Message('"{name}"', name=job.request.name)
            )
        models = Message("{count:,} models", count=len(self._tokens))
        return Message("Sending {what} to GENERIO    Esc: Cancel", what=models)

    def _refusal(self, context: bpy.types.Context) -> set[str] | None:
        """What `execute` is to return where the job list has not taken jobs; looks at answers that came."""
        while self._replies and self._replies[0].is_there:
            try:
                requests.submitted_jobs(current(), context, self._replies.pop(0))
            except FlowsError as error:
                return report_problem(self, error)
        return None

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Wait for the service to have the jobs; everything but Esc goes on to Blender."""
        engine = current().engine
        if engine is None:
            self._finish(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            return self._cancel(context)
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        problem = self._refusal(context)
        if problem is None and self._parts is not None:
            problem = self._submit_some(context)
            self._until = time.monotonic() + LONGEST_SECONDS
        if problem is not None:
            self._finish(context)
            return problem
        self._show_status()
        if self._parts is not None or self._replies:
            return {"PASS_THROUGH"}
        jobs = [job for token in self._tokens if (job := engine.job(token)) is not None]
        if all(job.finished or job.state in SUBMITTED for job in jobs) or time.monotonic() > self._until:
            self._finish(context)
            return self._report_results()
        return {"PASS_THROUGH"}

    @reports_store_errors
    def _cancel(self, context: bpy.types.Context) -> set[str]:
        self._finish(context)
        self._parts = None
        engine = current().open_engine(context)
        engine.cancel_all(self._tokens)
        self.report({"INFO"}, translated(Message("Canceled")))
        return {"CANCELLED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator (another file is opened): the jobs go on."""
        self._finish(context)

    def _finish(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        if self._workspace is not None:
            with suppress(ReferenceError):  # it may have been deleted meanwhile
                self._workspace.status_text_set(None)
            self._workspace = None

    def _report_results(self) -> set[str]:
        """Report what went wrong; the others speak for themselves in the job list."""
        engine = current().engine
        jobs = [] if engine is None else [engine.job(token) for token in self._tokens]
        for job in jobs:
            if job is not None and (reported := current().placement.reported.get(job.token)):
                message = Message("{name}: {message}", name=job.request.name, message=reported)
                self.report({"WARNING"}, translated(message))
        with_problems = [job for job in jobs if job is not None and job.status.problem is not None]
        troubled = [job for job in with_problems if not job.has_only_files]
        for job in with_problems:
            assert job.status.problem is not None
            # In the background an error report raises, which is what a script needs to see.
            level = "ERROR" if job.status.step is Step.FAILED or bpy.app.background else "WARNING"
            level = level if job in troubled else "INFO"
            reason = sentences(job.status.problem.message, job.status.problem.fix)
            message = Message("{name}: {message}", name=job.request.name, message=reason)
            self.report({level}, translated(message))
        return {"CANCELLED"} if troubled and len(troubled) == len(jobs) else {"FINISHED"}
