# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of jobs, and the details of one."""

from __future__ import annotations

from typing import Any

import bpy

from .. import bridge
from ..properties import GenerioJob, GenerioProperties, properties
from .tab import Tab, preferences_button, wrapped
from .thumbnails import icon_of

SHORT_NAME = 12
"""Characters that the list has room for."""

ICONS: dict[str, Any] = {
    "Queued": "SORTTIME",
    "Preparing": "FILE_REFRESH",
    "Uploading": "EXPORT",
    "Running": "PLAY",
    "Downloading": "IMPORT",
    "Ready": "CHECKMARK",
    "Done": "CHECKMARK",
    "Failed": "ERROR",
    "Cancelling": "CANCEL",
    "Cancelled": "CANCEL",
    "Waiting": "PAUSE",
}


class GENERIO_UL_jobs(bpy.types.UIList):
    bl_idname = "GENERIO_UL_jobs"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: GenerioProperties,
        job: GenerioJob,
        _icon: int,
        _active_data: GenerioProperties,
        _active_property: str,
        _index: int,
    ) -> None:
        split = layout.split(factor=0.6)
        picture = icon_of(job.thumbnail)
        if picture:
            split.label(text=job.name, icon_value=picture)
        else:
            split.label(text=job.name, icon=ICONS.get(job.state, "QUESTION"))
        right = split.row(align=True)
        if not job.finished and job.progress:
            right.progress(factor=job.progress, text=job.remaining or f"{job.progress:.0%}")
        else:
            right.label(text=job.state if job.finished else f"{job.state} {job.elapsed}")
        if not job.finished:
            right.operator("generio.cancel_job", text="", icon="X", emboss=False).token = job.token
        elif job.state == "Ready":
            right.operator("generio.import_result", text="", icon="IMPORT", emboss=False).token = job.token


class GENERIO_PT_jobs(Tab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_jobs"
    bl_label = "Jobs"
    bl_order = 3

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(properties(context).jobs) > 0 or bool(bridge.notice())

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        panel = properties(context)
        if bridge.notice():
            wrapped(layout, bridge.notice(), context.region.width, "INFO")
        layout.template_list("GENERIO_UL_jobs", "", panel, "jobs", panel, "active_job", rows=3)
        if panel.active_job < len(panel.jobs):
            self._details(context, panel.jobs[panel.active_job])

    def _details(self, context: bpy.types.Context, job: GenerioJob) -> None:
        column = self.layout.column()
        width = context.region.width
        picture = icon_of(job.thumbnail)
        if picture:
            column.template_icon(icon_value=picture, scale=5.0)
        wrapped(column, f"{job.state}, {job.elapsed}", width, ICONS.get(job.state, "QUESTION"))
        if job.prompt or len(job.name) > SHORT_NAME:
            wrapped(column, job.prompt or job.name, width, "BLANK1")
        if job.summary:
            wrapped(column, job.summary, width, "BLANK1")
        if job.message:
            wrapped(column, f"{job.message} {job.fix}", width, "BLANK1")
        if job.remedy in ("enter_key", "check_address", "open_preferences"):
            preferences_button(column, "Enter Key" if job.remedy == "enter_key" else "Open Preferences")
        elif job.remedy == "open_account":
            column.operator("wm.url_open", text="Open Account", icon="URL").url = "https://account.generio.ai"
        elif job.remedy == "go_online":
            column.operator("extensions.userpref_allow_online", text="Allow Online Access", icon="INTERNET")
        row = column.row(align=True)
        if job.importable:
            text = "Import" if job.state == "Ready" else "Import Again"
            row.operator("generio.import_result", text=text, icon="IMPORT").token = job.token
        if job.state in ("Failed", "Cancelled", "Waiting"):
            row.operator("generio.retry_job", icon="FILE_REFRESH").token = job.token
        if job.finished:
            row.operator("generio.remove_job", text="Remove", icon="TRASH").token = job.token
        elif job.state != "Cancelling":
            row.operator("generio.cancel_job", text="Cancel", icon="X").token = job.token


CLASSES = (GENERIO_UL_jobs, GENERIO_PT_jobs)
