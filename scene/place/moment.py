# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this is a good moment to put something into the scene."""

from __future__ import annotations

import time
from collections.abc import Sequence

import bpy

from ...core.destination import Destination
from ...core.messages import EMPTY, Message
from .destination import edited_target

LASTING = 30.0
"""Seconds after which an add-on's modal operator is taken for one that does not end."""

STEPPING = 20.0
"""Seconds after an undo or redo in which the user may go on with that."""


class Moment:
    """What the user is doing, as far as a placement would disturb it."""

    def __init__(self) -> None:
        self._stepped_at = -STEPPING  # undo or redo, time.monotonic()
        self._modal_since: dict[int, float] = {}  # modal operators in Python, time.monotonic()

    def placement_blocker(self, context: bpy.types.Context, destinations: Sequence[Destination]) -> Message:
        """Why this is the wrong moment to put something there, or nothing."""
        windows = context.window_manager.windows
        if context.mode != "OBJECT" and len(windows) < 2:
            return Message("Waits until you are in Object Mode")
        edited = [_edited_in(window) for window in windows]
        edited += [edited_target(destination) for destination in destinations]
        for item in edited:
            if item is not None:
                return Message('Waits until "{name}" is in Object Mode', name=item.name)
        if bpy.app.is_job_running("RENDER"):
            return Message("Waits for the render")
        if self.is_user_interacting(context):
            return Message("Waits for a quiet moment")
        return EMPTY

    def stepped(self) -> None:
        """The user has undone or redone something just now; see `auto_placement_blocker`."""
        self._stepped_at = time.monotonic()

    def auto_placement_blocker(self, context: bpy.types.Context, destination: Destination) -> Message:
        """Why this is the wrong moment for a result to come by itself, or nothing.

        Beside what `placement_blocker` says, its undo step would end all that can be redone. Users who have
        stepped back and do nothing for a while have made up their minds.
        """
        if waits := self.placement_blocker(context, [destination]):
            return waits
        if time.monotonic() - self._stepped_at < STEPPING and not bpy.app.background:
            with context.temp_override(window=context.window_manager.windows[0]):
                if bpy.ops.ed.redo.poll():  # pyright: ignore[reportCallIssue]
                    return Message("Waiting a moment, because you can still redo")
        return EMPTY

    def is_user_interacting(self, context: bpy.types.Context) -> bool:
        """Whether the user is in the middle of something, such as dragging.

        Some add-ons have an operator that is always there and lets all events pass, which is nothing to
        wait for.
        """
        running = [item for window in context.window_manager.windows for item in window.modal_operators]
        now = time.monotonic()
        before, self._modal_since = self._modal_since, {}
        in_hand = False
        for item in running:
            if type(item) is bpy.types.Operator:  # Blender's own
                in_hand = True
            else:
                since = self._modal_since[item.as_pointer()] = before.get(item.as_pointer(), now)
                in_hand = in_hand or now - since < LASTING
        return in_hand


def _edited_in(window: bpy.types.Window) -> bpy.types.Object | None:
    """What is edited, sculpted or painted in a window; each may show another scene."""
    active = window.view_layer.objects.active
    return active if active is not None and active.mode != "OBJECT" else None
