# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh is beside its geometry: settings, custom properties, animation, and what refers to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ..meshes import PREFIX
from ..modifiers import redirect_driver
from ..rna_settings import copy_settings

OF_THE_GEOMETRY = frozenset(
    {
        "uv_layer_clone",
        "uv_layer_clone_index",
        "uv_layer_stencil",
        "uv_layer_stencil_index",
        "asset_data",
        "use_extra_user",
        "is_runtime_data",
    }
)
"""Properties of a mesh that tell of its layers, or are no settings."""

TEXTURE_SPACE = frozenset({"texspace_location", "texspace_size"})

ACTION = ("action_blend_type", "action_extrapolation", "action_influence", "use_nla")


def transfer_datablock(new: bpy.types.Mesh, old: bpy.types.Mesh) -> None:
    """Give `new` the settings, custom properties and animation of `old`, whatever its own are."""
    copy_settings(new, old, OF_THE_GEOMETRY | (TEXTURE_SPACE if old.use_auto_texspace else set()))
    for ours, theirs in zip(_property_owners(new), _property_owners(old), strict=True):
        for name in [name for name in theirs.keys() if not name.startswith(PREFIX)]:  # noqa: SIM118
            ours[name] = theirs[name]
    for name in old.keys():  # noqa: SIM118 - a mesh is no dictionary
        if not name.startswith(PREFIX):
            _copy_interface(new, old, name)
    _copy_animation(new, old)


def _property_owners(block: Any) -> Iterator[Any]:
    """The data-block itself and, from Blender 5 on, where it has what other add-ons registered."""
    yield block
    if hasattr(block, "bl_system_properties_get"):
        yield block.bl_system_properties_get(do_create=True)


def _copy_interface(new: bpy.types.Mesh, old: bpy.types.Mesh, name: str) -> None:
    """The limits, the description and so on of a custom property; groups and pointers have none."""
    path = f'["{bpy.utils.escape_identifier(name)}"]'
    new.property_overridable_library_set(path, old.is_property_overridable_library(path))
    try:
        theirs: Any = old.id_properties_ui(name)
    except TypeError:
        return
    new.id_properties_ui(name).update_from(theirs)


def _copy_animation(new: bpy.types.Mesh, old: bpy.types.Mesh) -> None:
    source = old.animation_data
    if source is None:
        return
    new.animation_data_clear()
    target: Any = new.animation_data_create()
    for curve in source.drivers:
        redirect_driver(target.drivers.from_existing(src_driver=curve), old, new)
    for track in source.nla_tracks:
        _copy_track(target.nla_tracks.new(), track)
    _copy_action(target, source)


def _copy_action(target: Any, source: Any) -> None:
    target.action = source.action
    if source.action is not None and hasattr(source, "action_slot"):  # from Blender 4.4 on
        target.action_slot = source.action_slot
    for name in ACTION:
        setattr(target, name, getattr(source, name))


def _copy_track(target: Any, source: Any) -> None:
    target.name = source.name
    for strip in source.strips:
        if strip.action is not None:  # transitions, and groups of strips, only an operator makes
            made = target.strips.new(strip.name, int(strip.frame_start), strip.action)
            if hasattr(strip, "action_slot"):
                made.action_slot = strip.action_slot
            copy_settings(made, strip, {"action", "action_slot", "frame_start_ui", "frame_end_ui"})
    copy_settings(target, source)


def redirect(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    """Let whatever refers to `old` refer to `new`: drivers, custom properties, objects; the asset, too."""
    _move_asset(old, new)
    if old.shape_keys is None:
        old.user_remap(new)
        return
    # `user_remap` changes whose the shape keys are as well, which Blender takes for damage when it undoes.
    for user in bpy.data.user_map(subset=[old])[old]:
        if not isinstance(user, bpy.types.Key):
            _redirect_user(user, old, new)
    for curve in _drivers(old.shape_keys):
        redirect_driver(curve, old, new)


def _redirect_user(user: Any, old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    for owner in (user, getattr(user, "node_tree", None)):
        for curve in _drivers(owner):
            redirect_driver(curve, old, new)
    for field in user.bl_rna.properties:
        # Blender counts no users by this one, but counts them down where it is changed.
        is_counted = field.type == "POINTER" and field.identifier != "texture_mesh"
        if is_counted and not field.is_readonly and getattr(user, field.identifier) == old:
            setattr(user, field.identifier, new)
    for owner in _property_owners(user):
        _redirect_properties(owner, old, new)


def _redirect_properties(group: Any, old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    for name, value in list(group.items()):
        if value == old:
            group[name] = new
        elif hasattr(value, "items"):
            _redirect_properties(value, old, new)


def _drivers(owner: Any) -> list[Any]:
    """The driven curves of a data-block, if it is one that may have some."""
    data = getattr(owner, "animation_data", None)
    return list(data.drivers) if data else []


def _move_asset(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    if old.asset_data is None:
        return
    new.asset_mark()
    new.asset_data = old.asset_data
    if old.preview is not None and old.preview.image_size[0]:
        preview = new.preview_ensure()
        preview.image_size = old.preview.image_size
        preview.image_pixels = old.preview.image_pixels
    old.asset_clear()
