# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's flows, as the service listed them when the user asked for that last.

A list of the service may be incomplete, and nothing depends on it: it is there to be looked at.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import bpy

from ..core.errors import FlowsError
from ..engine.connection import Reply
from ..engine.protocol import settings_to_data
from ..jobs import Problem
from . import current, is_running
from .preferences import engine_settings
from .properties import properties
from .session import redraw

POLL_SECONDS = 0.1
LONGEST_SECONDS = 60.0
"""That a script waits for the answer."""


class FlowList:
    """What the service said. problem: why it said nothing, or None. is_known: whether it was ever asked."""

    def __init__(self) -> None:
        self.problem: Problem | None = None
        self.is_known = False
        self._reply: Reply | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the service has been asked, and has not answered."""
        return self._reply is not None

    def ask(self, context: bpy.types.Context) -> None:
        """Ask the service. Raises LedgerError."""
        engine = current().open_engine(context)
        self._reply = engine.ask("list_flows", settings=settings_to_data(engine_settings(context)))
        self.problem = None
        if bpy.app.background:
            with suppress(FlowsError):  # which `take` finds, too
                engine.answer(self._reply, LONGEST_SECONDS)
            self.take(context)
        elif not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=POLL_SECONDS)

    def take(self, context: bpy.types.Context) -> bool:
        """Take in the answer; returns whether it is still to come."""
        reply = self._reply
        if reply is None or not reply.is_there:
            return reply is not None
        self._reply = None
        if isinstance(reply.error, FlowsError):
            self.problem = Problem.of(reply.error)
        elif reply.error is None:
            self._fill(context, reply.result)
        redraw(context, ("VIEW_3D",), "UI")
        return False

    def _fill(self, context: bpy.types.Context, told: list[list[str]]) -> None:
        self.is_known = True
        engine, flows = current().open_engine(context), properties(context).flows
        flows.clear()
        known = {job.run.flow_id for job in engine.jobs()}
        for flow_id, template, state, created in told:
            row: Any = flows.add()
            row.name, row.template, row.state, row.created = flow_id, template, state, created
            row.is_listed = flow_id in known


def flow_list() -> FlowList:
    """That of this session."""
    return current().part(FlowList)


def _tick() -> float | None:
    """A Blender timer."""
    return POLL_SECONDS if is_running() and flow_list().take(bpy.context) else None
