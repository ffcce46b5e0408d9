# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set in the panels is kept as one of Blender's presets."""

from typing import Any, ClassVar

import bpy
from bl_operators.presets import AddPresetBase  # type: ignore[import-not-found]

from ..panels.presets import (
    GENERIO_PT_generate_presets,
    GENERIO_PT_lods_presets,
    GENERIO_PT_optimize_presets,
)
from ..session.options import GeneratePanelOptions, OptimizeOptions
from ..session.parameter_properties import names_of

OF_ONE_REQUEST = ("seed", "random_seed")
"""What no preset keeps."""

LODS = "generio.make_lods"


class AddPreset(AddPresetBase):
    """Mixin: keeps the settings of a panel."""

    preset_defines: ClassVar[list[str]] = ["panel = bpy.context.window_manager.generio"]


class GENERIO_OT_add_generate_preset(AddPreset, bpy.types.Operator):
    """Add or remove a preset for generating models"""

    bl_idname = "generio.add_generate_preset"
    bl_label = "Add Generate Preset"
    preset_menu = GENERIO_PT_generate_presets.__name__
    preset_subdir = GENERIO_PT_generate_presets.preset_subdir
    preset_values: ClassVar[list[str]] = [
        f"panel.{name}" for name in names_of(GeneratePanelOptions) if name not in OF_ONE_REQUEST
    ]


class GENERIO_OT_add_optimize_preset(AddPreset, bpy.types.Operator):
    """Add or remove a preset for optimizing meshes"""

    bl_idname = "generio.add_optimize_preset"
    bl_label = "Add Optimize Preset"
    preset_menu = GENERIO_PT_optimize_presets.__name__
    preset_subdir = GENERIO_PT_optimize_presets.preset_subdir
    preset_values: ClassVar[list[str]] = [f"panel.{name}" for name in names_of(OptimizeOptions)]


class GENERIO_OT_add_lods_preset(AddPreset, bpy.types.Operator):
    """Add or remove a preset with the settings last used for levels of detail"""

    bl_idname = "generio.add_lods_preset"
    bl_label = "Add LOD Preset"
    preset_menu = GENERIO_PT_lods_presets.__name__
    preset_subdir = GENERIO_PT_lods_presets.preset_subdir
    preset_defines: ClassVar[list[str]] = [
        f'lods = bpy.context.window_manager.operator_properties_last("{LODS}")'
    ]

    @property
    def preset_values(self) -> list[str]:
        """What the dialog of the levels of detail asks for."""
        known: Any = bpy.context.window_manager.operator_properties_last(LODS).bl_rna.properties
        return [f"lods.{name}" for name in known.keys() if name != "rna_type"]  # noqa: SIM118


CLASSES = (GENERIO_OT_add_generate_preset, GENERIO_OT_add_optimize_preset, GENERIO_OT_add_lods_preset)
