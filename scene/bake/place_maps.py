# SPDX-License-Identifier: GPL-3.0-or-later
"""Baked maps come into the file: into copies of the materials of the mesh that they are for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ...core.messages import Message
from .. import versions
from ..errors import CannotPlace
from ..markers import BESIDE
from ..meshes import TOKEN, mesh_of
from ..place import packing
from ..place.unique_names import suffixed
from ..restore.surfaces import values_of
from ..unused import freed
from . import slots
from .materials import add_maps, new_material
from .original import original_of
from .settings import BAKED_FROM, forget_original, unbaked

AGAIN = Message("Bake it again; baking is free.")

MANY_MISSES = 0.01
"""Of all rays: more of them are told of, though the rest of the maps is as good as any."""


def place(blend: str, token: str, target: bpy.types.Object, sent: str = "") -> list[bpy.types.Object]:
    """Give `target`, and all that show its mesh, the maps that lie beside `blend`; returns these objects.

    token: of the job that has baked them. sent: see `OptimizedMesh`. Raises CannotPlace.
    """
    figures: dict[str, Any] = _report(Path(blend))
    mesh = mesh_of(target)
    before = set(bpy.data.images)
    with bpy.data.libraries.load(blend) as (inside, wanted):  # pyright: ignore
        wanted.objects = inside.objects
    (item,) = wanted.objects
    light = mesh_of(item)
    if len(light.loops) != len(mesh.loops):
        raise changed(target)
    images = _images(
        figures["maps"], [image for image in bpy.data.images if image not in before], target.name
    )
    uv_map = _copy_uv_map(mesh, light, figures["uv_map"]) if figures["new_uv_map"] else figures["uv_map"]
    users = versions.showing(mesh)
    copies: dict[Any, Any] = {}

    def baked(material: Any) -> Any:
        plain = unbaked(material)
        if plain not in copies:
            made: Any = plain.copy() if plain else new_material(target.name)
            copies[plain] = made
            made.name = suffixed(plain.name if plain else target.name, "_baked")
            made[BAKED_FROM] = plain or ""
            made[TOKEN] = token
            add_maps(made, images, uv_map, figures["directx"])
        return copies[plain]

    with freed():  # maps that were baked before
        if not len(mesh.materials):
            mesh.materials.append(None)
        for index, material in enumerate(mesh.materials):
            mesh.materials[index] = baked(material)
        for user in users:
            slots.assign(user, baked)
        if original_of(target) is None:  # it was accepted meanwhile, so nothing brings back the artist's
            for made in copies.values():
                forget_original(made)
    report = dict(versions.report_of(target))
    report["bake"] = {**figures, "uv_map": uv_map, "meters": figures["distance"] * _meters(target)}
    report["bake"]["token"] = token
    if sent:
        report["bake"]["made_with"] = sent
    mesh[versions.REPORT] = json.dumps(report)
    return users


def changed(target: bpy.types.Object) -> CannotPlace:
    """The error of maps that are for another mesh."""
    return CannotPlace(
        Message('The mesh of "{name}" was changed while it was being baked.', name=target.name), AGAIN
    )


def summary(name: str, placed: Sequence[bpy.types.Object]) -> Message:
    """What is to be told of maps that were put into the file."""
    figures = versions.report_of(placed[0])["bake"]
    return Message(
        '"{name}": shading differs by {after:.1f}°, without the maps by {before:.1f}°',
        name=name,
        before=figures["without"]["mean"],
        after=figures["with"]["mean"],
    )


def warnings(placed: Sequence[bpy.types.Object]) -> list[Message]:
    """What is to be told besides of maps that have just been placed."""
    figures = versions.report_of(placed[0])["bake"]
    lines: list[Message] = []
    if figures["misses"] > MANY_MISSES:
        lines.append(
            Message(
                "{share:.1%} of the rays missed the original: check parts that are thin or far apart",
                share=figures["misses"],
            )
        )
    return lines


def _report(blend: Path) -> dict[str, Any]:
    try:
        return json.loads(blend.with_suffix(".json").read_text(encoding="utf-8"))["bake"]
    except (OSError, ValueError, KeyError):
        raise _gone() from None


def _gone() -> CannotPlace:
    return CannotPlace(Message("The baked maps are not where they were put."), AGAIN)


def _images(kinds: list[str], found: list[Any], name: str) -> dict[str, Any]:
    """The maps that have come in, by kind, with names that say what they are."""
    by_kind = {image.filepath.rpartition("-")[2].partition(".")[0]: image for image in found}
    if any(kind not in by_kind or not Path(by_kind[kind].filepath).exists() for kind in kinds):
        raise _gone()
    is_beside = packing.keeps_files()
    for kind in kinds:
        by_kind[kind].name = suffixed(name, f"_{kind}")
        if is_beside:
            by_kind[kind][BESIDE] = True
    return {kind: by_kind[kind] for kind in kinds}


def _copy_uv_map(mesh: bpy.types.Mesh, light: bpy.types.Mesh, name: str) -> str:
    """Give `mesh` the UV map that was made for the maps; returns what it is called there."""
    present: Any = mesh.uv_layers.get(name)
    layer: Any = present or mesh.uv_layers.new(name=name, do_init=False)
    if layer is None:
        raise CannotPlace(Message("The mesh has as many UV maps as it can have."), AGAIN)
    name = layer.name
    values = values_of(light.uv_layers[name].uv, "vector", 2)
    mesh.uv_layers[name].uv.foreach_set("vector", values.ravel())
    mesh.update()
    return name


def _meters(item: bpy.types.Object) -> float:
    """How long a unit of the mesh of `item` is, where it is longest."""
    scene = next(iter(item.users_scene), None)
    unit = scene.unit_settings.scale_length if scene is not None else 1.0
    return max(abs(side) for side in item.matrix_world.to_scale()[:]) * unit
