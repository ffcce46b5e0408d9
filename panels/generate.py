# SPDX-License-Identifier: GPL-3.0-or-later
"""Text or image to model."""

from __future__ import annotations

import bpy

from ..properties import properties
from .tab import ReadyTab


class GENERIO_PT_generate(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_generate"
    bl_label = "Generate"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        panel = properties(context)
        layout.row().prop(panel, "source", expand=True)
        if panel.source == "TEXT":
            layout.prop(panel, "prompt", text="", placeholder="A modern office chair")
        else:
            layout.prop(panel, "image", text="", placeholder="Choose a picture")
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.row().prop(panel, "quality", expand=True)
        column.prop(panel, "texture")
        seed = column.row(align=True)
        number = seed.row(align=True)
        number.active = not panel.random_seed
        number.prop(panel, "seed")
        seed.prop(panel, "random_seed", text="", icon="FILE_REFRESH")
        button = layout.row()
        button.scale_y = 1.4
        by_text = panel.source == "TEXT"
        button.operator(
            "generio.generate_from_prompt" if by_text else "generio.generate_from_image", icon="SHADERFX"
        )


CLASSES = (GENERIO_PT_generate,)
