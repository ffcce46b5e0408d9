# SPDX-License-Identifier: GPL-3.0-or-later
"""The job list as a grid of pictures, a page at a time."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session.properties import GenerioJob, GenerioProperties
from .job_rows import is_listed
from .thumbnails import icon_of

PAGE = 12
"""Pictures that are drawn at once."""

WIDTH = 76
"""Pixels at scale 1 that a picture takes."""

PICTURE = 3.4  # units of the interface


def draw_gallery(layout: Any, context: bpy.types.Context, panel: GenerioProperties) -> None:
    """The finished jobs that have a picture, as far as the search lets them through, the newest first."""
    words = panel.job_search.lower().split()
    shown = [
        (index, job)
        for index, job in enumerate(panel.jobs)
        if job.thumbnail and is_listed(job, words, panel.job_states)
    ]
    if not shown:
        layout.label(text="No model has a picture yet", icon="IMAGE_DATA")
        return
    pages = (len(shown) + PAGE - 1) // PAGE
    page = min(panel.gallery_page, pages) - 1
    columns = max(1, int(context.region.width / context.preferences.system.ui_scale) // WIDTH)
    grid = layout.box().grid_flow(row_major=True, columns=columns, even_columns=True, align=True)
    for index, job in shown[page * PAGE : (page + 1) * PAGE]:
        _draw_picture(grid.column(align=True), job, index, is_chosen=index == panel.active_job)
    if pages > 1:
        row = layout.row(align=True)
        row.prop(panel, "gallery_page")
        row.label(text=translated(Message("of {pages:,}", pages=pages)), translate=False)


def _draw_picture(column: Any, job: GenerioJob, index: int, is_chosen: bool) -> None:
    column.template_icon(icon_value=icon_of(job.thumbnail), scale=PICTURE)
    row = column.row(align=True)
    choose = row.operator(
        "generio.choose_job", text="", icon="RADIOBUT_ON" if is_chosen else "RADIOBUT_OFF", emboss=False
    )
    choose.index = index
    star = "SOLO_ON" if job.favorite else "SOLO_OFF"
    row.operator("generio.toggle_favorite", text="", icon=star, emboss=False).token = job.token
    row.operator("generio.import_result", text="", icon="IMPORT", emboss=False).token = job.token
