# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's own menus: Add > Mesh, Object, the context menu of objects, and File > Export.

What is in a menu, though not in a context menu, is found by the search (F3).
"""

from __future__ import annotations

from typing import Any

import bpy

from ..scene.assets import selected_models
from ..session.options import ONE_MODEL
from ..session.preferences import ADDON


def draw_in_add(self: Any, _context: bpy.types.Context) -> None:
    """In Add > Mesh."""
    self.layout.separator()
    self.layout.operator_context = "INVOKE_DEFAULT"
    self.layout.operator("generio.ask_prompt", text="GENERIO Model", icon="SHADERFX")


def draw_in_context(self: Any, context: bpy.types.Context) -> None:
    """In the context menu of objects."""
    layout = self.layout
    layout.separator()
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator("generio.optimize_selected", icon="MOD_DECIM")
    if selected_models(context):
        layout.operator("generio.mark_asset", icon="ASSET_MANAGER")
        layout.operator("generio.save_asset", icon="FILE_TICK")


class GENERIO_MT_object(bpy.types.Menu):
    bl_idname = "GENERIO_MT_object"
    bl_label = "GENERIO"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("generio.optimize_selected", icon="MOD_DECIM")
        layout.operator("generio.make_lods", text="Make LODs…", icon="MOD_ARRAY")
        layout.operator("generio.bake_detail", icon="RENDER_STILL")
        layout.operator("generio.make_collision", text="Make Collision Shapes", icon="MESH_ICOSPHERE")
        layout.operator("generio.export_for_engine", text="Export for Engine…", icon="EXPORT")
        layout.operator("generio.accept_optimized", text="Accept Optimized", icon="CHECKMARK")
        layout.operator("generio.revert_optimized", text="Discard Optimized", icon="LOOP_BACK")
        layout.separator()
        layout.operator("generio.choose_image", icon="IMAGE_DATA")
        entry = layout.operator("generio.generate_from_image", text="Generate from Image", icon="SHADERFX")
        for name, value in ONE_MODEL.items():
            setattr(entry, name, value)
        layout.operator("generio.add_box", icon="MESH_CUBE")
        layout.operator("generio.keep_variant", icon="CHECKMARK")
        layout.operator("generio.mark_asset", icon="ASSET_MANAGER")
        layout.operator("generio.save_asset", icon="FILE_TICK")
        layout.separator()
        layout.operator("generio.test_connection", icon="INTERNET")
        layout.operator("generio.recover_flow", icon="IMPORT")
        layout.operator("generio.clear_finished_jobs", text="Clear Finished Jobs", icon="TRASH")
        layout.operator("generio.cancel_all_jobs", icon="CANCEL")


class GENERIO_MT_help(bpy.types.Menu):
    bl_idname = "GENERIO_MT_help"
    bl_label = "Help"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator("generio.show_text", text="Guide", icon="HELP").text = "GUIDE"  # type: ignore[attr-defined]
        layout.operator("generio.show_text", text="What's New", icon="INFO").text = "NEWS"  # type: ignore[attr-defined]
        layout.operator("generio.report_bug", icon="URL")
        layout.separator()
        layout.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES").module = ADDON  # type: ignore[attr-defined]


def draw_in_object(self: Any, _context: bpy.types.Context) -> None:
    """In the menu Object."""
    self.layout.separator()
    self.layout.menu("GENERIO_MT_object")


def draw_in_export(self: Any, _context: bpy.types.Context) -> None:
    """In File > Export."""
    self.layout.operator_context = "INVOKE_DEFAULT"
    self.layout.operator("generio.export_for_engine", text="For Game Engines (GENERIO)")


PLACES = (
    ("VIEW3D_MT_object", draw_in_object),
    ("VIEW3D_MT_mesh_add", draw_in_add),
    ("VIEW3D_MT_object_context_menu", draw_in_context),
    ("TOPBAR_MT_file_export", draw_in_export),
)
CLASSES = (GENERIO_MT_object, GENERIO_MT_help)


def register() -> None:
    """Hang the entries into the menus."""
    for menu, draw in PLACES:
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    """Take them out again."""
    for menu, draw in PLACES:
        getattr(bpy.types, menu).remove(draw)
