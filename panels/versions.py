# SPDX-License-Identifier: GPL-3.0-or-later
"""Both versions of an optimized mesh, and what the result was like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.messages import Message
from ..i18n import looked_up, translated
from ..scene.bake import pictures
from ..scene.bake.settings import PICTURES
from ..session import current
from .closed_list import closed_list
from .selection_report import selection_report
from .thumbnails import icon_of
from .versions_report import change, report_lines, total_change
from .widgets import (
    ICON,
    ReadyTab,
    buttons,
    fits,
    is_narrow,
    object_mode_button,
    room_in,
    wrapped,
)

PICTURE = 4.0
"""How large the pictures of a bake are, in heights of a button."""

ORIGINAL_EDITED = Message("Original edited")


class GENERIO_PT_versions(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_versions"
    bl_parent_id = "GENERIO_PT_optimize"
    bl_label = "Before and After"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """What became of the selection can be read while the panel is closed, too."""
        if is_narrow(context):
            return
        found = selection_report().latest(context)
        if count := len(found.outdated):
            edited = Message("{count:,} originals edited", count=count) if count > 1 else ORIGINAL_EDITED
            text = translated(edited)
            has_room = fits(looked_up(self.bl_label) + text, room_in(context.region.width) - 2 * ICON)
            self.layout.label(text=text if has_room else "", translate=False, icon="ERROR")
        elif found.reports:
            self.layout.label(text=f"{total_change(found.reports):+.0%}", translate=False)

    def draw(self, context: bpy.types.Context) -> None:
        """Also where there is nothing to compare: a result that comes moves nothing."""
        layout: Any = self.layout
        found = selection_report().latest(context)
        width = context.region.width
        row = layout.row(align=True)
        row.operator(
            "generio.show_version", text="Before", depress=found.after < found.versions
        ).version = "BEFORE"
        is_after = 0 < found.after == found.versions
        row.operator("generio.show_version", text="After", depress=is_after).version = "AFTER"
        if found.reports:
            wrapped(layout, translated(change(found.reports)), width)
        else:
            wrapped(layout, translated(Message("Select what was optimized")), width)
        column = layout.column(align=True)
        column.operator("generio.bake_detail", icon="RENDER_STILL")
        again = column.row()
        again.enabled = bool(found.outdated)
        again.operator("generio.make_again", icon="ERROR" if found.outdated else "FILE_REFRESH")
        row = buttons(layout, width, "Accept", "Discard")
        row.operator("generio.accept_optimized", icon="CHECKMARK")
        row.operator("generio.revert_optimized", icon="LOOP_BACK")
        if found.versions:
            object_mode_button(layout, context)
        if len(found.reports) == 1:
            (report,) = found.reports
            wrapped(
                layout,
                Message(
                    "Deviation {mean:.2%}, at most {most}",
                    mean=report["deviation"]["mean"],
                    most=f"{report['deviation']['max']:.2%}",
                ),
                width,
            )
            body = closed_list(layout, "generio_report", Message("Report"), report_lines(report), width)
            if body is not None and "picture_difference" in report.get("bake", {}):
                _pictures(body, report["bake"], width)
        else:
            layout.label(text="")
            closed_list(layout, "generio_report", Message("Report"), (), width)


def _pictures(layout: Any, figures: Any, width: int) -> None:
    """What was drawn of a bake, as long as its job is in the list."""
    engine = current().engine
    job = engine.job(figures.get("token", "")) if engine is not None else None
    if job is None or not job.placement.results:
        return
    text = Message(
        "Before, after, and where they differ: {share:.1%} on average", share=figures["picture_difference"]
    )
    wrapped(layout, translated(text), width)
    row = layout.row(align=True)
    for name in PICTURES:
        path = pictures.path_of(Path(job.placement.results[0].blend), name)
        row.template_icon(icon_value=icon_of(str(path)), scale=PICTURE)
    layout.operator("generio.show_bake_pictures", icon="IMAGE_DATA")


CLASSES = (GENERIO_PT_versions,)
