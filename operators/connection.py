# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the service whether address and key are right."""

import queue
import threading
from typing import Literal

import bpy

from .. import bridge
from ..api import FlowsError
from ..api.check import check_connection
from ..jobs import Settings

Answer = tuple[Literal["INFO", "ERROR"], str]


class GENERIO_OT_test_connection(bpy.types.Operator):
    """Ask the service whether the address and the key are right"""

    bl_idname = "generio.test_connection"
    bl_label = "Test Connection"

    _answers: queue.SimpleQueue[Answer]
    _timer: bpy.types.Timer | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = bridge.why_not(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        self._answers = queue.SimpleQueue()
        arguments = (bridge.settings(context), self._answers)
        thread = threading.Thread(target=_ask, args=arguments, name="generio-connection", daemon=True)
        thread.start()
        if bpy.app.background:
            return self._told(self._answers.get())
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if self._answers.empty():
            return {"PASS_THROUGH"}
        self.cancel(context)
        return self._told(self._answers.get())

    def cancel(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def _told(self, answer: Answer) -> set[str]:
        level, text = answer
        self.report({level}, text)
        return {"FINISHED"} if level == "INFO" else {"CANCELLED"}


def _ask(settings: Settings, answers: queue.SimpleQueue[Answer]) -> None:
    """In a thread, which knows nothing of the operator: Blender may free that at any time."""
    try:
        answers.put(("INFO", check_connection(settings.base_url, settings.api_key)))
    except FlowsError as error:
        answers.put(("ERROR", str(error)))
    except Exception as error:  # the operator waits for an answer, whatever it is
        answers.put(("ERROR", f"GENERIO Flows made a mistake: {type(error).__name__}: {error}"))


CLASSES = (GENERIO_OT_test_connection,)
