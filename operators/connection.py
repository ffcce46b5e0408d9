# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection doctor: what works between Blender and the service, and what does not."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session import current
from ..session.preferences import api_key, engine_settings
from ..session.properties import properties
from ..session.session import redraw
from .folders import show_folder

if TYPE_CHECKING:
    from ..api.doctor import Finding
    from ..jobs import Settings

DRAIN_SECONDS = 0.1


class Examination:
    """The last one. findings: what a thread has found, None at its end; seen: what of that is shown."""

    def __init__(self) -> None:
        self.findings: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()
        self.seen: list[Finding] = []

    def begin(self) -> None:
        """Forget the one before; what its thread may still find is of no interest."""
        self.findings = queue.SimpleQueue()
        self.seen = []

    def close(self) -> None:
        """End one that is going on."""
        if bpy.app.timers.is_registered(_drain):
            bpy.app.timers.unregister(_drain)
            properties(bpy.context).checking = False  # which outlives the add-on


class GENERIO_OT_test_connection(bpy.types.Operator):
    """Check everything between Blender and the service, and say how to fix what does not work"""

    bl_idname = "generio.test_connection"
    bl_label = "Check Connection"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if properties(context).checking:
            cls.poll_message_set(translated(Message("The check is going on")))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        examination = current().part(Examination)
        examination.begin()
        panel = properties(context)
        panel.findings.clear()
        panel.checking = True
        arguments = (engine_settings(context), examination.findings)
        if bpy.app.background:
            _examine(*arguments)
            _drain()
            return self._told()
        thread = threading.Thread(target=_examine, args=arguments, name="generio-doctor", daemon=True)
        thread.start()
        if not bpy.app.timers.is_registered(_drain):
            bpy.app.timers.register(_drain, first_interval=DRAIN_SECONDS, persistent=True)
        return {"FINISHED"}

    def _told(self) -> set[str]:
        problem = next(
            (finding for finding in current().part(Examination).seen if finding.verdict == "problem"), None
        )
        if problem is not None:
            self.report({"ERROR"}, translated(problem.message, problem.fix))
            return {"CANCELLED"}
        self.report(
            {"INFO"},
            translated(
                next(
                    finding.message
                    for finding in current().part(Examination).seen
                    if finding.check == "Service"
                )
            ),
        )
        return {"FINISHED"}


def _examine(settings: Settings, findings: queue.SimpleQueue[Finding | None]) -> None:
    """In a thread, which knows no Blender."""
    from ..api.doctor import examine

    try:
        examine(settings.base_url, settings.api_key, settings.online, findings.put)
    finally:
        findings.put(None)


def _drain() -> float | None:
    """Show what the doctor has found so far."""
    panel, examination = properties(bpy.context), current().part(Examination)
    over = False
    while not examination.findings.empty():
        finding = examination.findings.get_nowait()
        if finding is None:
            over = True
        else:
            examination.seen.append(finding)
    # Another file may have been opened meanwhile, and the rows so far gone with the one before.
    missing = examination.seen[len(panel.findings) :]
    for finding in missing:
        row = panel.findings.add()
        row.name, row.message = translated(finding.check), translated(finding.message)
        row.verdict, row.fix, row.remedy = finding.verdict, translated(finding.fix), finding.remedy
    panel.checking = not over
    if missing or over:
        redraw(bpy.context, ("VIEW_3D", "PREFERENCES"))
    return None if over else DRAIN_SECONDS


class GENERIO_OT_copy_report(bpy.types.Operator):
    """Copy what the check found and the end of the log, for a bug report. Your key is not included"""

    bl_idname = "generio.copy_report"
    bl_label = "Copy for a Bug Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ..api.doctor import report

        session = current()
        lines = session.log.tail() if session.log is not None else ()
        found = session.part(Examination).seen
        text = report(found, api_key(context), bpy.app.version_string, lines)
        context.window_manager.clipboard = text
        self.report({"INFO"}, translated(Message("Copied the report")))
        return {"FINISHED"}


class GENERIO_OT_show_log(bpy.types.Operator):
    """Open the log, which says what was done and when"""

    bl_idname = "generio.show_log"
    bl_label = "Show Log"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        log = current().log
        if log is None or not log.path.exists():
            cls.poll_message_set(translated(Message("There is no log before the first job")))
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        log = current().log
        assert log is not None
        return show_folder(self, log.path)


CLASSES = (GENERIO_OT_test_connection, GENERIO_OT_copy_report, GENERIO_OT_show_log)
