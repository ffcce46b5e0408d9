# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of jobs, and the details of one."""

from __future__ import annotations

from typing import Any

import bpy

from ..i18n import translated
from ..jobs import STATES, State
from ..session import current
from ..session.properties import GenerioJob, GenerioProperties, properties
from .gallery import draw_gallery
from .job_counts import JobCounts, Obstacle, draw_obstacle_buttons
from .job_rows import is_listed
from .progress import timing
from .thumbnails import icon_of
from .widgets import (
    BOX,
    ICON,
    LIST_EDGE,
    Tab,
    first_that_fits,
    fits,
    fix_button,
    is_narrow,
    object_mode_button,
    room_in,
    wrapped,
)

ROWS = 5
"""Of the list, however many jobs there are: what is below it stays where it is."""

NEEDS_OTHER_INPUT = frozenset({"edit_input", "edit_prompt", "choose_image"})
"""Remedies of what would fail again as it is."""


class GENERIO_UL_jobs(bpy.types.UIList):
    bl_idname = "GENERIO_UL_jobs"

    def draw_filter(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        draw_search(layout, properties(context))

    def filter_items(
        self, _context: bpy.types.Context, data: GenerioProperties, _property: str
    ) -> tuple[list[int], list[int]]:
        words = data.job_search.lower().split()
        kind = data.job_states
        if not words and kind == "ALL":
            return [], []
        shown = self.bitflag_filter_item
        return [shown if is_listed(job, words, kind) else 0 for job in data.jobs], []

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: GenerioProperties,
        job: GenerioJob,
        _icon: int,
        _active_data: GenerioProperties,
        _active_property: str,
        _index: int,
    ) -> None:
        state = State(job.state)
        label, icon, _filters = STATES[state]
        if is_narrow(context):
            share = 0.8 if job.finished else 0.65
        else:  # one that is done has no button, and so more room for its name
            share = 0.62 if state is State.DONE else 0.55
        split = layout.split(factor=share)
        picture = icon_of(job.thumbnail)
        shown: dict[str, Any] = {"icon_value": picture} if picture else {"icon": icon}
        if job.elsewhere:
            shown = {"icon": "LINKED"}
        if job.placed:
            name = split.row()
            name.alignment = "LEFT"
            show = name.operator("generio.show_result", text=job.name, translate=False, emboss=False, **shown)
            show.token = job.token
        else:
            split.label(text=job.name, translate=False, **shown)
        right = split.row(align=True)
        elapsed, progress, remaining, _is_late = timing(current().engine, job.token)
        room = room_in(context.region.width) * (1.0 - share) - LIST_EDGE
        if not job.finished:
            room -= ICON
        if not job.finished and progress:
            text = first_that_fits(room, remaining or f"{progress:.0%}", elapsed)
            right.progress(factor=progress, text=text, translate=False)
        elif not job.finished:
            text = first_that_fits(room, remaining or f"{translated(label)} {elapsed}", elapsed)
            right.label(text=text, translate=False)
        elif fits(translated(label), room):  # else its icon or picture tells the state
            right.label(text=translated(label), translate=False)
        if job.elsewhere:
            pass  # it is the other one's to cancel
        elif not job.finished:
            right.operator("generio.cancel_job", text="", icon="X", emboss=False).token = job.token
        elif state is State.READY and not job.files_only:
            right.operator("generio.import_result", text="", icon="IMPORT", emboss=False).token = job.token
        elif state is State.FAILED and job.remedy in NEEDS_OTHER_INPUT:
            use = right.operator("generio.use_job_settings", text="", icon="GREASEPENCIL", emboss=False)
            use.token = job.token
        elif state is State.FAILED:
            right.operator("generio.retry_job", text="", icon="FILE_REFRESH", emboss=False).token = job.token


def draw_search(layout: bpy.types.UILayout | None, panel: GenerioProperties) -> None:
    """The row above the list that says which jobs are shown."""
    row = layout.row(align=True)
    row.prop(panel, "job_search", text="", icon="VIEWZOOM")
    row.prop(panel, "job_states", text="", icon_only=True)
    row.prop(panel, "job_view", text="", expand=True, icon_only=True)


class GENERIO_PT_jobs(Tab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_jobs"
    bl_label = "Jobs"
    bl_order = 3

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(properties(context).jobs) > 0 or current().notice is not None

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        header = current().part(JobCounts).header()
        if header and not is_narrow(context):
            self.layout.label(text=translated(header), translate=False)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        panel = properties(context)
        jobs = panel.jobs
        count = len(jobs)
        if notice := current().notice:
            self._notice(context, layout, notice)
        if current().engine is None and not count:
            return
        if obstacle := current().part(JobCounts).obstacle:
            self._obstacle(context, layout, obstacle)
        draw_search(layout, panel)
        if panel.job_view == "GRID":
            draw_gallery(layout, context, panel)
        else:
            layout.template_list(
                "GENERIO_UL_jobs", "", panel, "jobs", panel, "active_job", rows=ROWS, maxrows=ROWS
            )
        words = panel.job_search.lower().split()
        if panel.active_job < count and is_listed(job := jobs[panel.active_job], words, panel.job_states):
            self._actions(context, layout.column(), job)
            header, body = layout.panel("generio_job_details", default_closed=True)
            header.label(text="Details")
            if body is not None:
                self._details(body, job, context.region.width)
        row = layout.row(align=True)
        row.operator("generio.clear_finished_jobs", icon="TRASH")
        row.operator("generio.cancel_all_jobs", text="", icon="CANCEL")
        row.operator("generio.recover_flow", text="", icon="IMPORT")

    def _notice(self, context: bpy.types.Context, layout: Any, notice: Any) -> None:
        """What is to be known of the list itself: the cause that it cannot be opened, or what was mended."""
        width, closed = context.region.width, current().engine is None
        wrapped(layout, translated(notice.message), width, "ERROR" if closed else "INFO")
        if notice.fix:
            wrapped(layout, translated(notice.fix), width, "BLANK1")
        row = layout.column(align=True)
        fix_button(row, notice.remedy)
        if closed:
            row.operator("generio.open_job_list", icon="FILE_REFRESH")
        else:
            row.operator("generio.dismiss_notice", icon="CHECKMARK")

    def _obstacle(self, context: bpy.types.Context, layout: Any, obstacle: Obstacle) -> None:
        """What is wrong with all that wait, once, with its button."""
        width = context.region.width
        if is_narrow(context):
            column = layout.column()
        else:
            width -= round(BOX * context.preferences.system.ui_scale)
            column = layout.box().column()
        wrapped(column, translated(obstacle.problem.message), width, "ERROR")
        wrapped(column, translated(obstacle.problem.fix), width, "BLANK1")
        wrapped(column, translated(obstacle.waiting), width, "BLANK1")
        draw_obstacle_buttons(column, obstacle.problem)

    def _actions(self, context: bpy.types.Context, column: bpy.types.UILayout, job: GenerioJob) -> None:
        """What can be done with the job, its state, and what is wrong and its fix.

        The buttons come first, and are always the same: what happens to a job moves nothing under the mouse,
        and who is about to cancel it does not remove it.
        """
        width, state, token = context.region.width, State(job.state), job.token
        label, icon, _filters = STATES[state]
        self._buttons(column.row(align=True), job)
        known = timing(current().engine, token)
        late = f", {known.remaining}" if known.is_late else ""
        wrapped(column, f"{translated(label)}, {known.elapsed}{late}", width, icon)
        if not _is_shown_above(job):
            if job.message:
                wrapped(column, job.message, width, "BLANK1")
            if job.fix:
                wrapped(column, job.fix, width, "BLANK1")
            if job.remedy and not (job.remedy == "retry" and _retries(job)):
                fix_button(column, job.remedy, token)
        if job.importable and state is State.READY:
            object_mode_button(column, context)

    def _buttons(self, row: Any, job: GenerioJob) -> None:
        state, token = State(job.state), job.token
        main = row.row(align=True)
        if job.files_only:
            main.operator("generio.show_job_folder", icon="FILE_FOLDER").token = token
        elif job.finished:
            main.enabled = job.importable
            text = "Import" if state is not State.DONE else "Import Again"
            main.operator("generio.import_result", text=text, icon="IMPORT").token = token
        else:
            main.enabled = state is not State.CANCELLING and not job.elsewhere
            main.operator("generio.cancel_job", text="Cancel", icon="X").token = token
        retry = row.row(align=True)
        retry.enabled = _retries(job)
        retry.operator("generio.retry_job", text="", icon="FILE_REFRESH").token = token
        star = "SOLO_ON" if job.favorite else "SOLO_OFF"
        row.operator("generio.toggle_favorite", text="", icon=star).token = token
        remove = row.row(align=True)
        remove.enabled = job.finished
        remove.operator("generio.remove_job", text="", icon="TRASH").token = token

    def _details(self, layout: bpy.types.UILayout, job: GenerioJob, width: int) -> None:
        column = layout.column()
        picture = icon_of(job.thumbnail)
        if picture:
            column.template_icon(icon_value=picture, scale=5.0)
        icon = "OUTLINER_OB_FONT" if job.prompt else "MESH_DATA"
        wrapped(column, job.prompt or job.name, width, icon)
        if job.settings:
            wrapped(column, job.settings, width, "SETTINGS")
        if job.summary:
            wrapped(column, job.summary, width, "MESH_DATA")
        if job.flow_id:
            row = column.row(align=True)
            row.label(text=job.flow_id, translate=False, icon="LINKED")
            row.operator("generio.copy_flow_id", text="", icon="COPYDOWN").token = job.token
        column.operator("generio.use_job_settings", icon="LOOP_BACK").token = job.token
        column.operator("generio.show_job_folder", icon="FILE_FOLDER").token = job.token


def _retries(job: GenerioJob) -> bool:
    """Whether a job can be tried again."""
    return job.state in (State.FAILED, State.CANCELLED, State.WAITING) and not job.elsewhere


def _is_shown_above(job: GenerioJob) -> bool:
    """Whether what a job waits for is what the banner says of all."""
    obstacle = current().part(JobCounts).obstacle
    return (
        obstacle is not None
        and job.state == State.WAITING
        and job.message == translated(obstacle.problem.message)
    )


CLASSES = (GENERIO_UL_jobs, GENERIO_PT_jobs)
