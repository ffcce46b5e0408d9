# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own preset menu for what is set in the panels: those that come with the add-on, and the user's.

The former are in the folder `presets`; Blender keeps the latter beside its own, where they outlive an update.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bl_ui.utils import PresetPanel  # type: ignore[import-not-found]

from .widgets import is_narrow

FOLDER = Path(__file__).parents[1]


class Presets(PresetPanel):
    """Mixin: a menu of presets, which opens from an icon."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "HEADER"
    bl_label = "Presets"
    preset_operator = "script.execute_preset"


class GENERIO_PT_generate_presets(Presets, bpy.types.Panel):
    preset_subdir = "generio_flows/generate"
    preset_add_operator = "generio.add_generate_preset"


class GENERIO_PT_optimize_presets(Presets, bpy.types.Panel):
    preset_subdir = "generio_flows/optimize"
    preset_add_operator = "generio.add_optimize_preset"


class GENERIO_PT_lods_presets(Presets, bpy.types.Panel):
    preset_subdir = "generio_flows/lods"
    preset_add_operator = "generio.add_lods_preset"


def draw_in_header(layout: Any, context: bpy.types.Context, panel: type[Presets]) -> None:
    """The icon that opens a menu of presets, in a panel's header that has room beside its title."""
    if not is_narrow(context):
        layout.emboss = "NONE"
        layout.popover(panel=panel.__name__, icon="PRESET", text="")


def register() -> None:
    """Let Blender find the presets that come with the add-on."""
    bpy.utils.register_preset_path(str(FOLDER))


def unregister() -> None:
    """Let it forget them."""
    bpy.utils.unregister_preset_path(str(FOLDER))


CLASSES = (GENERIO_PT_generate_presets, GENERIO_PT_optimize_presets, GENERIO_PT_lods_presets)
