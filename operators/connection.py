"""Ask the service whether address and key are right."""

import threading
from typing import Literal

import bpy

from .. import bridge
from ..api import FlowsError
from ..api.check import check_connection
from ..jobs import Settings


class GENERIO_OT_test_connection(bpy.types.Operator):
    """Ask the service whether the address and the key are right"""

    bl_idname = "generio.test_connection"
    bl_label = "Test Connection"

    _thread: threading.Thread
    _answer: tuple[Literal["INFO", "ERROR"], str] | None
    _timer: bpy.types.Timer | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = bridge.why_not(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        self._answer = None
        settings = bridge.settings(context)
        self._thread = threading.Thread(
            target=self._ask, args=(settings,), name="generio-connection", daemon=True
        )
        self._thread.start()
        if bpy.app.background:
            self._thread.join()
            return self._told()
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _ask(self, settings: Settings) -> None:
        try:
            self._answer = ("INFO", check_connection(settings.base_url, settings.api_key))
        except FlowsError as error:
            self._answer = ("ERROR", str(error))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if self._answer is None:
            return {"PASS_THROUGH"}
        self.cancel(context)
        return self._told()

    def cancel(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def _told(self) -> set[str]:
        assert self._answer is not None
        level, text = self._answer
        self.report({level}, text)
        return {"FINISHED"} if level == "INFO" else {"CANCELLED"}


CLASSES = (GENERIO_OT_test_connection,)
