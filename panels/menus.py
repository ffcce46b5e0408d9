# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's own menus: Add > Mesh, and the context menu of objects."""

from __future__ import annotations

from typing import Any

import bpy

from ..operators.assets import models


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
    if models(context):
        layout.operator("generio.mark_asset", icon="ASSET_MANAGER")
        layout.operator("generio.save_asset", icon="ASSET_MANAGER")


PLACES = (("VIEW3D_MT_mesh_add", draw_in_add), ("VIEW3D_MT_object_context_menu", draw_in_context))


def register() -> None:
    """Hang the entries into the menus."""
    for menu, draw in PLACES:
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    """Take them out again."""
    for menu, draw in PLACES:
        getattr(bpy.types, menu).remove(draw)
