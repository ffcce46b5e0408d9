# SPDX-License-Identifier: GPL-3.0-or-later
"""Handing jobs over to the engine: modal only for the moments until the service has them.

A modal operator stops Blender's autosave, so the minutes of waiting belong to the bridge's timer.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

import bpy

from ..api import FlowsError
from ..core.messages import Message, sentences
from ..engine.client import Reply
from ..i18n import translated
from ..jobs import Job, LedgerError, Problem, State, Step
from ..session import current, requests, waiting
from ..session.preferences import unavailable_reason

# To the type checker a mixin is an operator; Blender wants only the registered class to be one.
OperatorMixin = bpy.types.Operator if TYPE_CHECKING else object

LONGEST_SECONDS = 5.0
"""After this the operator ends even if the upload still goes on; the job list shows it."""

POPUP = 360
"""Pixels at scale 1 that the sentences of a popup are wide."""

HANDED_OVER = frozenset(
    {State.RUNNING, State.DOWNLOADING, State.READY, State.DONE, State.WAITING, State.QUEUED}
)


Execute = Callable[[Any, bpy.types.Context], set[str]]


class InObjectMode(OperatorMixin):
    """Mixin for operators that need Object Mode; elsewhere they are grey, and say so."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set(translated(Message("Switch to Object Mode first")))
            return False
        return True


def tell_problem(operator: bpy.types.Operator, problem: FlowsError | Problem, token: str = "") -> set[str]:
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


def tells(execute: Execute) -> Execute:
    """Decorator of `execute`: a job list that cannot be used is told, here and in the panel; no traceback."""

    @wraps(execute)
    def told(self: Any, context: bpy.types.Context) -> set[str]:
        try:
            return execute(self, context)
        except LedgerError as error:
            current().notify(context, error.problem)
            return tell_problem(self, error.problem)

    return told


class Ready(OperatorMixin):
    """Mixin for operators that need the service; where it is out of reach they are grey, and say why."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = unavailable_reason(context)
        if reason:
            cls.poll_message_set(translated(reason))
        return not reason


class HandOver(OperatorMixin):
    """Mixin for operators that make jobs. In the background they run to the end."""

    _tokens: list[str]
    _reply: Reply | None = None  # whether the job list has taken them
    _timer: bpy.types.Timer | None = None
    _workspace: bpy.types.WorkSpace | None = None  # whose status bar says what is being sent
    _until: float
    bl_options: ClassVar[set[str]] = {"REGISTER"}

    def hand_over(self, context: bpy.types.Context, jobs: list[Job], modal: bool) -> set[str]:
        """Give `jobs` to the engine; `modal`: stay until the service has them, so that Esc can cancel."""
        self._tokens = [job.token for job in jobs]
        self._reply = requests.ask_to_submit(current(), context, jobs)
        waits = bpy.app.background or not modal or context.window is None
        if waits and (problem := self._refusal(context)) is not None:
            return problem
        if waiting.can_wait():
            self._tokens = waiting.run_until(context, self._tokens)
            return self._told()
        if waits:
            return {"FINISHED"}
        name, *others = [job.name for job in jobs]
        what = Message("{count:,} models", count=len(jobs)) if others else Message('"{name}"', name=name)
        self._workspace = context.workspace
        self._workspace.status_text_set(
            translated(Message("Sending {what} to GENERIO    Esc: Cancel", what=what))
        )
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        self._until = time.monotonic() + LONGEST_SECONDS
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _refusal(self, context: bpy.types.Context) -> set[str] | None:
        """What `execute` is to return where the job list does not take the jobs; waits for its answer."""
        assert self._reply is not None
        reply, self._reply = self._reply, None
        try:
            requests.taken(current(), context, reply)
        except FlowsError as error:
            return tell_problem(self, error)
        return None

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Wait for the service to have the jobs; everything but Esc goes on to Blender."""
        engine = current().engine
        if engine is None:
            self._leave(context)
            return {"CANCELLED"}
        if self._reply is not None:
            if not self._reply.is_there:
                return {"PASS_THROUGH"}
            if (problem := self._refusal(context)) is not None:
                self._leave(context)
                return problem
        if event.type == "ESC" and event.value == "PRESS":
            return self._cancel(context)
        jobs = [job for token in self._tokens if (job := engine.job(token)) is not None]
        if all(job.finished or job.state in HANDED_OVER for job in jobs) or time.monotonic() > self._until:
            self._leave(context)
            return self._told()
        return {"PASS_THROUGH"}

    @tells
    def _cancel(self, context: bpy.types.Context) -> set[str]:
        self._leave(context)
        engine = current().open_engine(context)
        for token in self._tokens:
            engine.cancel(token)
        self.report({"INFO"}, translated(Message("Cancelled")))
        return {"CANCELLED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator (another file is opened): the jobs go on."""
        self._leave(context)

    def _leave(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        if self._workspace is not None:
            with suppress(ReferenceError):  # it may have been deleted meanwhile
                self._workspace.status_text_set(None)
            self._workspace = None

    def _told(self) -> set[str]:
        """Report what went wrong; the others speak for themselves in the job list."""
        engine = current().engine
        jobs = [] if engine is None else [engine.job(token) for token in self._tokens]
        for job in jobs:
            if job is not None and (told := current().placement.reported.get(job.token)):
                self.report(
                    {"WARNING"}, translated(Message("{name}: {message}", name=job.name, message=told))
                )
        troubled = [job for job in jobs if job is not None and job.problem is not None]
        for job in troubled:
            assert job.problem is not None
            # In the background an error report raises, which is what a script needs to see.
            level = "ERROR" if job.step is Step.FAILED or bpy.app.background else "WARNING"
            reason = sentences(job.problem.message, job.problem.fix)
            self.report({level}, translated(Message("{name}: {message}", name=job.name, message=reason)))
        return {"CANCELLED"} if troubled and len(troubled) == len(jobs) else {"FINISHED"}
