# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connection doctor has found; drawn in the tab and in the preferences."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session.preferences import api_key
from ..session.properties import properties
from .widgets import Tab, fix_button, wrapped

ICONS: dict[str, Any] = {
    "ok": "CHECKMARK",
    "warning": "INFO",
    "problem": "ERROR",
    "skipped": "REMOVE",
}


def draw_findings(layout: Any, context: bpy.types.Context, width: int) -> None:
    """The button that starts the check, and one line for each finding; `width`: of the region, pixels."""
    panel = properties(context)
    text = "Checking" if panel.checking else "Check Connection"
    layout.operator("generio.test_connection", text=text, icon="INTERNET")
    column = layout.column(align=True)
    for finding in panel.findings:
        if finding.verdict == "skipped":
            column.label(text=finding.name, translate=False, icon=ICONS["skipped"])
            continue
        line = Message("{name}: {message}", name=finding.name, message=finding.message)
        wrapped(column, translated(line), width, ICONS[finding.verdict])
        if finding.fix:
            wrapped(column, finding.fix, width, "BLANK1")
        fix_button(column, finding.remedy)
    column = layout.column(align=True)
    column.operator("generio.copy_report", icon="COPYDOWN")
    column.operator("generio.show_log", icon="TEXT")


class GENERIO_PT_connection(Tab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_connection"
    bl_label = "Connection"
    bl_order = 5
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - Blender's own way

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(api_key(context))

    def draw(self, context: bpy.types.Context) -> None:
        draw_findings(self.layout, context, context.region.width)


CLASSES = (GENERIO_PT_connection,)
