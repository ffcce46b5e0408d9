# SPDX-License-Identifier: GPL-3.0-or-later
"""Text or image to model."""

from __future__ import annotations

from typing import Any

import bpy

from ..api import IMAGE_TO_MODEL, TEXT_TO_MODEL
from ..api.parameters import parameters_of
from ..core.messages import EMPTY, Message
from ..i18n import translated
from ..scene import assets
from ..scene.export import image_capture
from ..scene.place import boxes, variants
from ..session.properties import GenerioProperties, properties
from .parameters import draw_parameter
from .thumbnails import icon_of
from .widgets import ReadyTab, choice, fields, wrapped

LINES = 3
EXAMPLE = "A modern office chair"
PREVIEW = 6.0  # units of the interface


class GENERIO_PT_generate(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_generate"
    bl_label = "Generate"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        panel = properties(context)
        by_text = panel.source == "TEXT"
        layout.row().prop(panel, "source", expand=True)
        if by_text:
            self._prompt(layout, panel)
        else:
            self._image(layout, panel, context.region.width)
        column = fields(layout, context)
        for parameter in parameters_of(TEXT_TO_MODEL if by_text else IMAGE_TO_MODEL):
            draw_parameter(column, panel, parameter)
        column.prop(panel, "variants")
        choice(column, panel, "where")
        if panel.where == "BOX":
            self._box(column, context)
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
        if reason:
            wrapped(layout, translated(reason), context.region.width, "INFO")
        if variants.chosen_variant(context) is not None:
            layout.operator("generio.keep_variant", icon="CHECKMARK")
        item = context.active_object
        if item is not None and item.select_get() and assets.model_of(item) is not None:
            row = layout.row(align=True)
            row.operator("generio.mark_asset", icon="ASSET_MANAGER")
            row.operator("generio.save_asset", text="", icon="FILE_TICK")

    def _prompt(self, layout: Any, panel: GenerioProperties) -> None:
        row = layout.row(align=True)
        if hasattr(row, "textbox"):  # from 5.2
            row.textbox(panel, "prompt", initial_visible_lines=LINES, placeholder=EXAMPLE)
            row = row.column(align=True)
        else:
            row.prop(panel, "prompt", text="", placeholder=EXAMPLE)
            row.operator("generio.edit_prompt", text="", icon="GREASEPENCIL")
        row.operator("generio.choose_prompt", text="", icon="TIME")

    def _image(self, layout: Any, panel: GenerioProperties, width: int) -> None:
        if panel.image_note:
            icon = icon_of(bpy.path.abspath(panel.image), panel.image_version)
            column = layout.box().column(align=True)
            column.template_icon(icon_value=icon, scale=PREVIEW)
            row = column.row()
            row.alignment = "CENTER"
            row.label(text=panel.image_note, translate=False)
        row = layout.row(align=True)
        row.prop(panel, "image", text="", placeholder="Choose a picture")
        if panel.image_problem:
            wrapped(layout, panel.image_problem, width, "ERROR")
            layout.operator("generio.choose_image", text="Choose Another", icon="FILE_FOLDER")
        row = layout.row(align=True)
        row.operator("generio.use_blender_image", text="Image", icon="IMAGE_DATA")
        row.operator("generio.use_render", text="Render", icon="RENDER_STILL")
        row = layout.row(align=True)
        row.operator("generio.use_view", text="View", icon="VIEW3D")
        if image_capture.reads_clipboard():
            row.operator("generio.paste_image", text="Paste", icon="PASTEDOWN")

    def _box(self, column: Any, context: bpy.types.Context) -> None:
        box = boxes.chosen_box(context)
        if box is not None:
            _beside(column).label(text=box.name, translate=False, icon="CUBE")
        else:
            _beside(column).label(text="No object selected", icon="CUBE")
        _beside(column).operator("generio.add_box", icon="MESH_CUBE")


def missing(context: bpy.types.Context, panel: GenerioProperties) -> Message:
    """What is to be chosen before a model can be made, or nothing."""
    if panel.source == "TEXT" and not panel.prompt.strip():
        return Message("Describe what you want first")
    if panel.source == "IMAGE" and not panel.image:
        return Message("Choose a picture first")
    if panel.source == "IMAGE" and panel.image_problem:
        return Message("Choose another picture first")
    if panel.where == "BOX" and boxes.chosen_box(context) is None:
        return Message("Select the object to fit the model into, or add a box")
    return EMPTY


def _beside(column: Any) -> Any:
    """Where the fields of a column stand."""
    if column.use_property_split:
        column = column.split(factor=0.4)
        column.label()
    return column


CLASSES = (GENERIO_PT_generate,)
