# SPDX-License-Identifier: GPL-3.0-or-later
"""Text or image to model."""

from __future__ import annotations

from typing import Any

import bpy

from ..api import IMAGE_TO_MODEL, TEXT_TO_MODEL
from ..api.parameters import parameters_of
from ..core.messages import EMPTY, Message, verbatim
from ..i18n import looked_up, translated
from ..scene.export import image_capture
from ..scene.place import boxes
from ..session.properties import GenerioProperties, properties
from .parameters import draw_parameter
from .presets import GENERIO_PT_generate_presets, draw_in_header
from .thumbnails import icon_of
from .widgets import (
    BUTTON,
    ICON,
    ReadyTab,
    choice,
    fields,
    fits,
    is_narrow,
    options,
    room_in,
    wrapped,
)

LINES = 3
EXAMPLE = "A modern office chair"
PREVIEW = 4.0  # units of the interface
PREVIEW_SHARE = 0.4  # of the room, beside the buttons

_LAYOUT: Any = bpy.types.UILayout.bl_rna
_ICONS = _LAYOUT.functions["label"].parameters["icon"]
NO_PICTURE: int = _ICONS.enum_items["IMAGE_DATA"].value


class GENERIO_PT_generate(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_generate"
    bl_label = "Generate"
    bl_order = 1

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        draw_in_header(self.layout, context, GENERIO_PT_generate_presets)
        if not is_narrow(context):
            self.layout.menu("GENERIO_MT_help", text="", icon="QUESTION")

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        panel = properties(context)
        width = context.region.width
        by_text = panel.source == "TEXT"
        layout.row().prop(panel, "source", expand=True)
        if by_text:
            self._prompt(layout, panel)
        else:
            self._image(layout, panel, width)
        quality, *others = parameters_of(TEXT_TO_MODEL if by_text else IMAGE_TO_MODEL)
        draw_parameter(fields(layout, context), panel, quality, width)
        body = options(layout, "generio_generate_options")
        if body is not None:
            column = fields(body, context)
            for parameter in others:
                draw_parameter(column, panel, parameter, width)
            column.prop(panel, "variants")
            choice(column, panel, "where")
        if panel.where == "BOX":
            self._box(layout, context)
        reason = missing(context, panel)
        button = layout.row()
        button.scale_y = 1.4
        button.enabled = not reason
        count = panel.variants
        text = translated(Message("Generate {count} Variants", count=count)) if count > 1 else ""
        button.operator(
            "generio.generate_from_prompt" if by_text else "generio.generate_from_image",
            text=text or Message("Generate Model"),
            translate=not text,
            icon="SHADERFX",
        )
        # What comes and goes keeps its room: nothing may move under the mouse.
        if reason:
            wrapped(layout, translated(reason), width, "INFO")
            if not by_text and panel.image_problem:
                layout.operator("generio.choose_image", text="Choose Another", icon="FILE_FOLDER")
        else:
            layout.label(text="")

    def _prompt(self, layout: Any, panel: GenerioProperties) -> None:
        row = layout.row(align=True)
        if hasattr(row, "textbox"):  # from 5.2
            row.textbox(panel, "prompt", initial_visible_lines=LINES, placeholder=EXAMPLE)
            row = row.column(align=True)
        else:
            row.prop(panel, "prompt", text="", placeholder=EXAMPLE)
            row.operator("generio.edit_prompt", text="", icon="GREASEPENCIL")
        row.operator("generio.choose_prompt", text="", icon="TIME")
        row.operator("generio.generate_list", text="", icon="LINENUMBERS_ON").kind = "TEXT"

    def _image(self, layout: Any, panel: GenerioProperties, width: int) -> None:
        row = layout.row(align=True)
        row.prop(panel, "image", text="", placeholder="Choose a picture")
        row.operator("generio.generate_list", text="", icon="LINENUMBERS_ON").kind = "FOLDER"
        room = room_in(width) * (1.0 - PREVIEW_SHARE) - BUTTON - ICON
        is_beside = all(fits(looked_up(label), room) for label in ("Image", "Render", "View", "Paste"))
        split = layout.split(factor=PREVIEW_SHARE) if is_beside else layout.column()
        # The picture has its room before there is one.
        picture = icon_of(bpy.path.abspath(panel.image), panel.image_version) if panel.image_note else 0
        preview = split.column()
        preview.active = bool(picture)
        preview.template_icon(icon_value=picture or NO_PICTURE, scale=PREVIEW)
        column = split.column(align=True)
        column.operator("generio.use_blender_image", text="Image", icon="IMAGE_DATA")
        column.operator("generio.use_render", text="Render", icon="RENDER_STILL")
        column.operator("generio.use_view", text="View", icon="VIEW3D")
        if image_capture.reads_clipboard():
            column.operator("generio.paste_image", text="Paste", icon="PASTEDOWN")
        column.label(text=panel.image_note, translate=False)

    def _box(self, layout: Any, context: bpy.types.Context) -> None:
        box = boxes.chosen_box(context)
        if box is not None:
            layout.label(text=box.name, translate=False, icon="CUBE")
        else:
            layout.label(text="No object selected", icon="CUBE")
        layout.operator("generio.add_box", icon="MESH_CUBE")


def missing(context: bpy.types.Context, panel: GenerioProperties) -> Message:
    """What is to be chosen before a model can be made, or nothing."""
    if panel.source == "TEXT" and not panel.prompt.strip():
        return Message("Describe what you want first")
    if panel.source == "IMAGE" and not panel.image:
        return Message("Choose a picture first")
    if panel.source == "IMAGE" and panel.image_problem:
        return verbatim(panel.image_problem)
    if panel.where == "BOX" and boxes.chosen_box(context) is None:
        return Message("Select the object to fit the model into, or add a box")
    return EMPTY


CLASSES = (GENERIO_PT_generate,)
