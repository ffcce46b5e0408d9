# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduce the selected meshes."""

from __future__ import annotations

import bpy

from ..properties import properties
from ..scene.meshes import mesh_of, triangle_count
from .tab import ReadyTab


class GENERIO_PT_optimize(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_optimize"
    bl_label = "Optimize"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        panel = properties(context)
        meshes = {mesh_of(item): item for item in context.selected_objects if item.type == "MESH"}
        if meshes:
            triangles = sum(triangle_count(mesh) for mesh in meshes)
            first = next(iter(meshes.values()))
            name = first.name if len(meshes) == 1 else f"{len(meshes)} meshes"
            layout.label(text=name, icon="MESH_DATA")
            layout.label(text=f"{triangles:,} triangles", icon="BLANK1")
        else:
            layout.label(text="No mesh selected", icon="MESH_DATA")
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(panel, "polygon_count")
        column.prop(panel, "placement")
        button = layout.row()
        button.scale_y = 1.4
        button.operator("generio.optimize_selected", icon="MOD_DECIM")


CLASSES = (GENERIO_PT_optimize,)
