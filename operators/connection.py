# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection doctor: what works between Blender and the service, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..core.log import log_tail
from ..core.messages import Message
from ..engine.protocol import settings_to_data
from ..i18n import translated
from ..session import current
from ..session.preferences import api_key, engine_settings
from ..session.properties import properties
from ..session.session import redraw
from .folders import show_folder

if TYPE_CHECKING:
    from ..api.doctor import Finding
    from ..engine.connection import Reply

DRAIN_SECONDS = 0.1

LONGEST_SECONDS = 300.0
"""Of an examination for which somebody waits; each of its calls has a shorter limit."""


class Examination:
    """The last one. reply: the engine's, which looks; seen: what it has found."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.seen: list[Finding] = []

    def begin(self, context: bpy.types.Context) -> Reply:
        """Have the engine look; what it may still find of the one before is of no interest."""
        settings = settings_to_data(engine_settings(context))
        self.reply = reply = current().open_engine(context).ask("examine", settings=settings)
        self.seen = []
        return reply

    def drain(self) -> bool:
        """Take in what has been found; returns whether that is all."""
        from ..api.doctor import Finding

        if self.reply is None:
            return True
        while self.reply.parts:
            self.seen.append(Finding.from_data(self.reply.parts.popleft()))
        return self.reply.is_there

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
            cls.poll_message_set(translated(Message("The check is running")))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        examination = current().part(Examination)
        reply = examination.begin(context)
        panel = properties(context)
        panel.findings.clear()
        panel.checking = True
        if bpy.app.background:
            current().open_engine(context).answer(reply, LONGEST_SECONDS)
            _drain()
            return self._report()
        if not bpy.app.timers.is_registered(_drain):
            bpy.app.timers.register(_drain, first_interval=DRAIN_SECONDS, persistent=True)
        return {"FINISHED"}

    def _report(self) -> set[str]:
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


def _drain() -> float | None:
    """Show what the doctor has found so far."""
    panel, examination = properties(bpy.context), current().part(Examination)
    over = examination.drain()
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
        lines = log_tail(session.log_path(context))
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
    def poll(cls, context: bpy.types.Context) -> bool:
        if not current().log_path(context).exists():
            cls.poll_message_set(translated(Message("There is no log before the first job")))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        return show_folder(self, current().log_path(context))


CLASSES = (GENERIO_OT_test_connection, GENERIO_OT_copy_report, GENERIO_OT_show_log)
