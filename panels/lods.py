# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels of detail of the active object."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..scene import lods
from ..scene.lods import preview
from ..scene.meshes import mesh_of, triangle_count
from .presets import GENERIO_PT_lods_presets, draw_in_header
from .widgets import ReadyTab, object_mode_button

COUNT_SHARE = 0.7
"""Of the width of a row: a count of a million triangles has room, and so has a size beside it."""


class GENERIO_PT_lods(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_lods"
    bl_parent_id = "GENERIO_PT_optimize"
    bl_label = "Levels of Detail"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        draw_in_header(self.layout, context, GENERIO_PT_lods_presets)

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        layout.operator("generio.make_lods", text="Make LODs", icon="MOD_ARRAY")
        item: Any = context.active_object
        known = lods.known_set(item)
        if known is None:
            return
        column = layout.column(align=True)
        for number, level in known.levels.items():
            row = column.split(factor=COUNT_SHARE, align=True)
            count = triangle_count(mesh_of(level))
            text = Message("LOD{number}: {count:,} triangles", number=number, count=count)
            row.label(text=translated(text), translate=False)
            if lods.SCREEN_SIZE in level:
                row.prop(level, f'["{lods.SCREEN_SIZE}"]', text="")
        object_mode_button(layout, context)
        is_shown = preview.PREVIEW_OF in item or preview.HIDDEN in item
        layout.operator("generio.preview_lods", icon="OUTLINER_OB_CAMERA", depress=is_shown)
        layout.operator("generio.export_for_engine", icon="EXPORT")
        layout.operator("generio.remove_lods", icon="TRASH")


CLASSES = (GENERIO_PT_lods,)
