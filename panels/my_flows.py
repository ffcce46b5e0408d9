# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's flows, wherever they were asked for, to fetch the model of one."""

from __future__ import annotations

from typing import Any

import bpy

from ..api import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL
from ..core.messages import Message
from ..i18n import translated
from ..session.flow_list import flow_list
from ..session.properties import GenerioFlow, properties
from .refresh_button import refresh_button
from .widgets import (
    ICON,
    LIST_EDGE,
    ReadyTab,
    first_that_fits,
    is_narrow,
    room_in,
    wrapped,
)

KINDS = {
    TEXT_TO_MODEL: ("OUTLINER_OB_FONT", Message("Text")),
    IMAGE_TO_MODEL: ("IMAGE_DATA", Message("Image")),
    OPTIMIZE: ("MOD_DECIM", Message("Optimize")),
}
"""Icon and name of each template that is known."""

STATES = {
    "created": Message("Not Started"),
    "starting": Message("Running"),
    "running": Message("Running"),
    "aborting": Message("Canceling"),
    "completed": Message("Done"),
    "failed": Message("Failed"),
    "aborted": Message("Canceled"),
}

LIST = Message("List My Flows")

ROWS = 6

SHARE = 0.58
"""Of a row, what has the date."""


class GENERIO_UL_flows(bpy.types.UIList):
    bl_idname = "GENERIO_UL_flows"

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        flow: GenerioFlow,
        _icon: int,
        _active_data: Any,
        _active_property: str,
        _index: int,
    ) -> None:
        icon: Any
        icon, kind = KINDS.get(flow.template, ("QUESTION", Message("Other")))
        split = layout.split(factor=SHARE)
        room = room_in(context.region.width) * SHARE - ICON - LIST_EDGE
        when = flow.created[:16].replace("T", " ")
        text = first_that_fits(room, when, when[5:], when[5:10]) if when else translated(kind)
        split.label(text=text, translate=False, icon=icon)
        right = split.row(align=True)
        if not is_narrow(context):
            state = STATES.get(flow.state)
            right.label(text=translated(state) if state else flow.state, translate=False)
        fetch = right.row()
        fetch.operator_context = "EXEC_DEFAULT"
        fetch.enabled = not flow.is_listed
        fetch.operator("generio.recover_flow", text="", icon="IMPORT", emboss=False).flow_id = flow.name


class GENERIO_PT_my_flows(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_my_flows"
    bl_label = "My Flows"
    bl_order = 4
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        panel, width, known = properties(context), context.region.width, flow_list()
        refresh_button(layout, width, known, "generio.list_flows", LIST)
        if not panel.flows:
            if panel.flows_listed:
                wrapped(layout, translated(Message("The service has no flow of yours")), width, "INFO")
            return
        size = {"rows": ROWS, "maxrows": ROWS}
        layout.template_list("GENERIO_UL_flows", "", panel, "flows", panel, "active_flow", **size)
        if panel.active_flow < len(panel.flows):
            flow = panel.flows[panel.active_flow]
            wrapped(layout, f"{flow.template}, {flow.name}", width, "LINKED")
            if flow.is_listed:
                wrapped(layout, translated(Message("It is in the job list")), width, "INFO")


CLASSES = (GENERIO_UL_flows, GENERIO_PT_my_flows)
