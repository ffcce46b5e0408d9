# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the extras and material variants of a glTF into the scene.

Blender's importer turns a glTF's `extras` into custom properties of the scene, and stores the names of its
material variants (KHR_materials_variants) in a property of the first scene. A background Blender has scenes
of its own, so it writes both into its report.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

VARIANTS = "gltf2_KHR_materials_variants_variants"
"""The property of the first scene in which Blender's glTF add-on has the variants."""

SETTINGS = frozenset({VARIANTS, "cycles"})

ADDON = "io_scene_gltf2"


@contextmanager
def capture_extras(scene: bpy.types.Scene, glb: Path) -> Iterator[dict[str, Any]]:
    """Keep `scene` as it is while `glb` is imported; the yielded dictionary has the extras afterwards.

    It is suitable for JSON: "extras" has the custom properties, "variants" the names of material variants.
    """
    extras: dict[str, Any] = {"extras": {}, "variants": []}
    before = _extras(scene)
    variants = [(variant.name, variant.variant_idx) for variant in _variants()]
    try:
        yield extras
    finally:
        for name, value in _extras(scene).items():
            if name not in before:
                extras["extras"][name] = value
                del scene[name]
            elif value != before[name]:
                extras["extras"][name] = value
                scene[name] = before[name]
        variants_after = [(variant.name, variant.variant_idx) for variant in _variants()]
        if variants_after != variants:
            extras["variants"] = _names_in(glb)
            _variants().clear()
            for name, number in variants:
                _add_variant(name, number)


def add_extras(scene: bpy.types.Scene, extras: Mapping[str, Any], meshes: Iterable[bpy.types.Mesh]) -> None:
    """Add the extras of a model (see `capture_extras`) to `scene`; existing properties are not changed.

    meshes: the model's meshes. They refer to variants by number, and the numbers may differ in this file.
    """
    for name, value in extras.get("extras", {}).items():
        if name not in scene:
            scene[name] = value
    names = extras.get("variants", [])
    if names and _can_have_variants():
        _assign_variants(names, meshes)


def _names_in(glb: Path) -> list[str]:
    """The names of the material variants in a GLB; the importer of Blender 5.2 makes other ones of them."""
    with glb.open("rb") as file:
        length = struct.unpack("<12xI4x", file.read(20))[0]
        document = json.loads(file.read(length))
    return [variant["name"] for variant in document["extensions"]["KHR_materials_variants"]["variants"]]


def _extras(scene: bpy.types.Scene) -> dict[str, Any]:
    """The custom properties of a scene, but for those that stand for an add-on's settings."""
    return {name: _plain(value) for name, value in scene.items() if name not in SETTINGS}


def _plain(value: Any) -> Any:
    """The value of a custom property as JSON would have it, but for datablocks."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "to_list"):
        return value.to_list()
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _variants() -> Any:
    return getattr(bpy.data.scenes[0], VARIANTS, [])


def _add_variant(name: str, number: int) -> None:
    variant = _variants().add()
    variant.variant_idx = number  # first: some Blenders compare the name with those of all other numbers
    variant.name = name


def _can_have_variants() -> bool:
    """Let Blender's glTF add-on show variants, as it does when it has read some itself."""
    addon: Any = bpy.context.preferences.addons.get(ADDON)
    if addon is None:
        return False
    if not addon.preferences.KHR_materials_variants_ui:
        addon.preferences.KHR_materials_variants_ui = True
        bpy.context.preferences.is_dirty = True
    return True


def _assign_variants(names: list[str], meshes: Iterable[bpy.types.Mesh]) -> None:
    numbers = {variant.name: variant.variant_idx for variant in _variants()}
    for name in names:
        if name not in numbers:
            numbers[name] = max(numbers.values(), default=-1) + 1
            _add_variant(name, numbers[name])
    for mesh in meshes:
        for part in mesh.gltf2_variant_mesh_data:  # type: ignore[attr-defined]
            for pointer in part.variants:
                pointer.variant.variant_idx = numbers[names[pointer.variant.variant_idx]]
