# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service lists when the user asks for it; the engine asks, and nobody waits for the answer.

A list of the service may be incomplete, and nothing depends on it: it is there to be looked at.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

import bpy

from ..core.errors import FlowsError
from ..engine.connection import Reply
from ..engine.protocol import settings_to_data
from ..jobs import Problem
from . import current, is_running
from .preferences import engine_settings
from .session import redraw

POLL_SECONDS = 0.1
LONGEST_SECONDS = 60.0
"""That a script waits for the answer."""


class ServiceList:
    """A list of the service. problem: why it said nothing, or None.

    What it said is in the panel's properties, whatever becomes of those when another file is opened.
    """

    verb: ClassVar[str]
    """What the engine calls the question."""

    def __init__(self) -> None:
        self.problem: Problem | None = None
        self._reply: Reply | None = None
        self._timer = self._tick  # Blender knows a timer again by the very object

    @property
    def is_waiting(self) -> bool:
        """Whether the service has been asked, and has not answered."""
        return self._reply is not None

    def ask(self, context: bpy.types.Context) -> None:
        """Ask the service. Raises LedgerError."""
        engine = current().open_engine(context)
        self._reply = engine.ask(self.verb, settings=settings_to_data(engine_settings(context)))
        self.problem = None
        if bpy.app.background:
            with suppress(FlowsError):  # which `receive` finds, too
                engine.answer(self._reply, LONGEST_SECONDS)
            self.receive(context)
        elif not bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.register(self._timer, first_interval=POLL_SECONDS)

    def receive(self, context: bpy.types.Context) -> bool:
        """Take in the answer; returns whether it is still to come."""
        reply = self._reply
        if reply is None or not reply.is_there:
            return reply is not None
        self._reply = None
        if isinstance(reply.error, FlowsError):
            self.problem = Problem.of(reply.error)
        elif reply.error is None:
            self.fill(context, reply.result)
        redraw(context, ("VIEW_3D",), "UI")
        return False

    def fill(self, context: bpy.types.Context, answer: Any) -> None:
        """Let the panel have what the engine told."""
        raise NotImplementedError

    def _tick(self) -> float | None:
        """A Blender timer."""
        return POLL_SECONDS if is_running() and self.receive(bpy.context) else None
