# SPDX-License-Identifier: GPL-3.0-or-later
"""What a glTF says beside its models comes into the scene.

Blender's importer makes custom properties of the scene of a glTF's `extras`, and keeps the names of its
material variants (KHR_materials_variants) in a property of the first scene. A child has scenes of its own, so
it writes both into its report.
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
def apart(scene: bpy.types.Scene, glb: Path) -> Iterator[dict[str, Any]]:
    """Keep out of `scene` what an import of `glb` gives to it; the dictionary yielded has it afterwards.

    It can become JSON: "extras", the custom properties, and "variants", the names of material variants.
    """
    told: dict[str, Any] = {"extras": {}, "variants": []}
    kept = _extras(scene)
    variants = [(variant.name, variant.variant_idx) for variant in _variants()]
    try:
        yield told
    finally:
        for name, value in _extras(scene).items():
            if name not in kept:
                told["extras"][name] = value
                del scene[name]
            elif value != kept[name]:
                told["extras"][name] = value
                scene[name] = kept[name]
        came = [(variant.name, variant.variant_idx) for variant in _variants()]
        if came != variants:
            told["variants"] = _names_in(glb)
            _variants().clear()
            for name, number in variants:
                _add_variant(name, number)


def give(scene: bpy.types.Scene, told: Mapping[str, Any], meshes: Iterable[bpy.types.Mesh]) -> None:
    """Give `scene` what came with a model, see `apart`. What has the same name is the user's, and stays.

    meshes: of the model; they know variants by number, and these may be others here.
    """
    for name, value in told.get("extras", {}).items():
        if name not in scene:
            scene[name] = value
    names = told.get("variants", [])
    if names and _can_have_variants():
        _take_variants(names, meshes)


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


def _take_variants(names: list[str], meshes: Iterable[bpy.types.Mesh]) -> None:
    numbers = {variant.name: variant.variant_idx for variant in _variants()}
    for name in names:
        if name not in numbers:
            numbers[name] = max(numbers.values(), default=-1) + 1
            _add_variant(name, numbers[name])
    for mesh in meshes:
        for part in mesh.gltf2_variant_mesh_data:  # type: ignore[attr-defined]
            for pointer in part.variants:
                pointer.variant.variant_idx = numbers[names[pointer.variant.variant_idx]]
