# SPDX-License-Identifier: GPL-3.0-or-later
"""Which maps are to be baked, and whether that follows the optimizing of a mesh."""

from __future__ import annotations

from typing import Any

import bpy

from ...scene.bake.settings import BakeSettings
from .choice import Choice


def bake_settings(context: bpy.types.Context, choice: Choice) -> BakeSettings:
    """The chosen settings, with the devices that Cycles may use on this computer."""
    device, ids = _devices(context)
    return BakeSettings(
        size=int(choice.bake_size),
        directx=choice.bake_normals == "DIRECTX",
        occlusion=choice.bake_occlusion,
        orm=choice.bake_orm,
        colors=choice.bake_colors,
        is_float=choice.bake_depth == "FLOAT",
        margin=choice.bake_margin,
        device=device,
        device_ids=ids,
    )


def _devices(context: bpy.types.Context) -> tuple[str, tuple[str, ...]]:
    cycles = context.preferences.addons.get("cycles")
    chosen: Any = cycles.preferences if cycles is not None else None
    kind = getattr(chosen, "compute_device_type", "NONE") if chosen is not None else "NONE"
    if kind == "NONE":
        return "NONE", ()
    return kind, tuple(device.id for device in chosen.devices if device.use)


def then_bake(context: bpy.types.Context, choice: Choice) -> str:
    """What is to be baked after optimizing, see `OptimizedMesh`; "" = nothing."""
    return bake_settings(context, choice).to_text() if choice.bake else ""
