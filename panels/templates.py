# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates that this version does not know, with a form made of what the service says of each."""

from __future__ import annotations

from typing import Any

import bpy

from ..api.descriptions import InputKind
from ..api.form_fields import Field
from ..api.forms import TemplateForm
from ..core.errors import FlowsError
from ..core.messages import EMPTY, Message
from ..i18n import translated
from ..session.properties import GenerioProperties, properties
from ..session.requests.template import check, chosen_input, chosen_mesh
from ..session.template_fields import chosen_form, entered, property_for
from ..session.template_list import template_list
from .refresh_button import refresh_button
from .widgets import (
    LIST_EDGE,
    NAME_SHARE,
    ReadyTab,
    fields,
    fits,
    room_in,
    wrapped,
)

ROWS = 4

LIST = Message("List Other Templates")


class GENERIO_UL_templates(bpy.types.UIList):
    bl_idname = "GENERIO_UL_templates"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        template: Any,
        _icon: int,
        _active_data: Any,
        _active_property: str,
        _index: int,
    ) -> None:
        layout.label(text=template.name, translate=False)  # which stands below, too, where it has no room


class GENERIO_PT_templates(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_templates"
    bl_label = "Other Templates"
    bl_order = 4
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        panel, width, known = properties(context), context.region.width, template_list()
        refresh_button(layout, width, known, "generio.list_templates", LIST)
        if not panel.templates:
            if panel.templates_listed:
                wrapped(layout, translated(Message("The service offers no other templates")), width, "INFO")
            return
        size = {"rows": ROWS, "maxrows": ROWS}
        layout.template_list("GENERIO_UL_templates", "", panel, "templates", panel, "active_template", **size)
        form = chosen_form(panel)
        if form is not None:
            self._form(context, layout, panel, form)

    def _form(
        self, context: bpy.types.Context, layout: Any, panel: GenerioProperties, form: TemplateForm
    ) -> None:
        width = context.region.width
        if not fits(form.name, room_in(width) - LIST_EDGE):
            wrapped(layout, form.name, width)
        if form.description:
            wrapped(layout, form.description, width, "INFO")
        if form.obstacle:
            wrapped(layout, translated(form.obstacle), width, "ERROR")
            return
        self._input(context, layout, panel, form)
        column = fields(layout, context)
        for row, field in zip(panel.template_fields, form.fields, strict=False):
            draw_field(column, row, field, width)
        if form.left_out:
            message = Message("Left out: {names}", names=form.left_out)
            wrapped(layout, translated(message), width, "INFO")
        reason = missing(context, panel, form)
        button = layout.row()
        button.scale_y = 1.4
        button.enabled = not reason
        button.operator("generio.run_template", icon="PLAY")
        # What comes and goes keeps its room: nothing may move under the mouse.
        if reason:
            wrapped(layout, translated(reason), width, "INFO")
        else:
            layout.label(text="")

    def _input(
        self, context: bpy.types.Context, layout: Any, panel: GenerioProperties, form: TemplateForm
    ) -> None:
        """What is sent; which of several that may be, is chosen."""
        if len(form.inputs) > 1:
            row = layout.row(align=True)
            for kind in form.inputs:
                row.prop_enum(panel, "template_source", kind)
        source: InputKind = panel.template_source  # type: ignore[assignment]
        if source == "TEXT":
            layout.prop(panel, "template_prompt", text="", placeholder="What is to be made")
        elif source == "IMAGE":
            layout.prop(panel, "template_image", text="", placeholder="Choose a picture")
        else:
            item = chosen_mesh(context)
            if item is not None:
                layout.label(text=item.name, translate=False, icon="MESH_DATA")
            else:
                layout.label(text="No mesh selected", icon="MESH_DATA")


def draw_field(column: Any, row: Any, field: Field, width: int) -> None:
    """A parameter of a template: its name, its value, and what the service says of it.

    column: of `fields`. Both texts are the service's, and of any length; none is cut.
    """
    name = field.label
    if field.is_required:
        name = translated(Message("{name} (required)", name=name))
    room = room_in(width)
    if column.use_property_split and fits(name, room * NAME_SHARE):
        column.prop(row, property_for(field), text=name, translate=False)
    elif property_for(field) == "boolean" and fits(name, room - CHECKBOX):
        line = column.row()
        line.use_property_split = False
        line.prop(row, "boolean", text=name, translate=False)
    else:
        wrapped(column, name, width)
        line = column.row()
        line.use_property_split = False
        line.prop(row, property_for(field), text="")
    parts = [field.help]
    if field.kind in ("integer", "number"):  # too long a text is refused in a sentence of its own
        parts.append(translated(field.limits))
    if field.kind == "json":
        parts.append(translated(Message("Written as JSON")))
    words = ". ".join(text.rstrip(".") for text in parts if text)
    if words:
        line = column.column()
        line.active = False
        wrapped(line, words, width)


CHECKBOX = 26
"""Pixels at scale 1 that a checkbox has before its name."""


def missing(context: bpy.types.Context, panel: GenerioProperties, form: TemplateForm) -> Message:
    """What stands in the way of running the template, as far as it can be told at once, or nothing."""
    try:
        check(form, entered(panel.template_fields, form), chosen_input(context, panel))
    except FlowsError as error:
        return error.message
    return EMPTY


CLASSES = (GENERIO_UL_templates, GENERIO_PT_templates)
