# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimized mesh comes to the objects that it was made for, or to copies of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy

from ..core.destination import OptimizedMesh
from ..core.messages import Message
from . import copies, lods, modifiers, origins, versions
from .errors import CannotPlace, Misfit, NoFaces, TooFewTriangles
from .lookup import find
from .markers import snapshot_of
from .meshes import MADE_WITH, mesh_of
from .place.collections import collection_called, takes_objects
from .place.unique_names import suffixed
from .restore import datablock
from .restore.material_slots import slot_names
from .restore.restore import RESTORED, CannotRestore, restore_mesh_data

REPLACE = "replace"
BESIDE = "beside"
COLLECTION = "collection"
HIDE = "hide"
LOD = "lod"

COLLECTION_NAME = "Optimized"
CHANGED = Message(
    "Groups, UV maps, attributes, slots or shape keys were changed meanwhile: the optimized mesh has them "
    "as they were when it was sent; the mesh from before has your changes."
)

FEW = 12
"""The triangles of a box: a result with fewer has hardly any shape to be recognized by."""


def restored_mesh(
    objects: Sequence[bpy.types.Object],
    materials: Mapping[str, bpy.types.Material],
    glb: Path,
    target: bpy.types.Object,
    applied: bool,
    is_changed: bool,
    sent: str = "",
) -> bpy.types.Mesh:
    """Return the mesh of an optimized model with the restored data (see `restore_mesh_data`) and its report.

    objects, materials: the imported parts of the model, which belongs to `target`. applied: whether modifiers
    were applied to the mesh that was sent. is_changed: whether the attributes or slots of that mesh were
    changed since, which the report mentions. sent: see `OptimizedMesh`.
    Raises CannotPlace, Misfit, TooFewTriangles, NoFaces.
    """
    parts = [item for item in objects if item.type == "MESH" and len(mesh_of(item).polygons)]
    if not parts:
        raise NoFaces
    outcome = _restore_report(glb)
    if "misfit" in outcome:
        raise _misfit(parts)
    if RESTORED in parts[0]:
        if "fit" not in outcome:
            raise CannotPlace(Message("The statistics of the optimized model are missing."))
        report = outcome["fit"]
    else:
        snapshot = snapshot_of(glb)
        if snapshot is None:
            raise CannotPlace(Message("It is no longer known what was sent."))
        # The way without a child Blender: the window stands still meanwhile.
        try:
            report = restore_mesh_data(
                parts, snapshot, {material: name for name, material in materials.items()}
            )
        except CannotRestore:
            raise _misfit(parts[:1]) from None
    mesh = mesh_of(parts[0])
    for side, path in (("before", glb.with_name("input.glb")), ("after", glb)):
        report[side]["file_bytes"] = path.stat().st_size if path.exists() else 0
    if is_changed:
        report["told"] = [*report.get("told", ()), CHANGED.to_data()]
    report = versions.since_the_first(target, report)
    sent_as = report.get("slot_names", ())  # an earlier version did not note them
    _assign_materials(mesh, target, sent_as, set(materials.values()), applied)
    datablock.transfer_datablock(mesh, mesh_of(target))
    mesh[versions.REPORT] = json.dumps(report)
    if sent:
        mesh[MADE_WITH] = sent
    return mesh


def _misfit(parts: Sequence[bpy.types.Object]) -> CannotPlace:
    """Why the result, all of it, does not fit the mesh that was sent."""
    count = sum(len(mesh.loops) - 2 * len(mesh.polygons) for mesh in map(mesh_of, parts))
    return TooFewTriangles(count) if count < FEW else Misfit()


def _restore_report(glb: Path) -> dict[str, Any]:
    """What the child wrote about the model; nothing where it did not."""
    try:
        return json.loads(glb.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _assign_materials(
    mesh: bpy.types.Mesh,
    target: bpy.types.Object,
    names: Sequence[str],
    copies: Collection[bpy.types.Material],
    applied: bool,
) -> None:
    """Put the materials that were sent into the slots, in the place of their `copies`.

    names: what those of the slots were called when they were sent.
    """
    own = mesh_of(target).materials
    if not applied and len(mesh.materials) == len(own):
        # Slot by slot: clearing them all would set every face's index, which takes long.
        for index, material in enumerate(own):
            mesh.materials[index] = material
        return
    # Modifiers can make slots of their own, or leave some out.
    sent = slot_names(target)
    shown = {name: slot.material for name, slot in zip(sent, target.material_slots, strict=True)}
    for index, name in enumerate(names):
        if sent[index : index + 1] == [name]:
            mesh.materials[index] = own[index]
        elif original := shown.get(name) or _material_called(name, copies):
            mesh.materials[index] = original


def _material_called(name: str, copies: Collection[bpy.types.Material]) -> bpy.types.Material | None:
    """A material of this name that is none of the `copies`, this file's own before a linked one."""
    found = [item for item in bpy.data.materials if item.name == name and item not in copies]
    return min(found, key=lambda item: item.library is not None, default=None)


def assign_mesh(
    scene: bpy.types.Scene,
    mesh: bpy.types.Mesh,
    targets: list[bpy.types.Object],
    destination: OptimizedMesh,
) -> list[bpy.types.Object]:
    """Give `mesh` to `targets`, which share a mesh, or to copies of them; returns what has it now.

    scene: into which new collections go.
    """
    applied = _applied(targets, destination) if destination.applied else None
    mode = destination.mode
    if mode == REPLACE:
        versions.install(targets if applied else versions.showing(mesh_of(targets[0])), mesh, applied)
        return targets
    gone = applied or dict.fromkeys(targets, ())
    if mode == LOD:
        return [lods.place_level(scene, targets[0], mesh, destination, gone[targets[0]])]
    made = [copies.copy_with(item, mesh, suffixed(item.name, "_optimized"), gone[item]) for item in targets]
    former = _renewed(destination)
    if former is not None:
        return [_renew(former, made[0], mesh)]
    for item, copy in zip(targets, made, strict=True):
        origins.link_copy(item, copy)
    mesh.name = made[0].name
    collections = copies.collections_of(targets)
    for item, copy in zip(targets, made, strict=True):
        homes = [home for home in collections[item] if takes_objects(home)] or [scene.collection]
        if mode == COLLECTION:
            homes = [collection_called(scene, COLLECTION_NAME)]
        for collection in homes:
            collection.objects.link(copy)
        copy.select_set(mode == HIDE and item.select_get())  # what the user has selected is the user's
    if mode == BESIDE:
        copies.move_beside(targets, made, destination.offset)
    if mode == HIDE:
        for item in targets:
            copies.hide(item)
    return made


def _renewed(destination: OptimizedMesh) -> bpy.types.Object | None:
    """The copy that gets the mesh; None where a new one is to be made, or it is gone."""
    ref = destination.renews
    found = find(bpy.data.objects, ref.name, ref.uid) if ref is not None else None
    return found if found is not None and found.type == "MESH" else None


def _renew(copy: bpy.types.Object, fresh: bpy.types.Object, mesh: bpy.types.Mesh) -> bpy.types.Object:
    """Give a copy the mesh and modifiers of `fresh`, which goes. Raises CannotPlace."""
    try:
        copies.check_renew([(copy, fresh)])
    except CannotPlace:
        bpy.data.objects.remove(fresh)
        raise
    mesh.name = mesh_of(copy).name
    copies.renew(copy, fresh)
    return copy


def _applied(
    targets: Sequence[bpy.types.Object], destination: OptimizedMesh
) -> dict[bpy.types.Object, Collection[str]]:
    """The names of the modifiers of each target that are in what was sent.

    An earlier version noted none: all that might have been.
    """
    names: dict[bpy.types.Object, Collection[str]] = {
        item: [modifier.name for modifier in modifiers.applicable(item)] for item in targets
    }
    meant = (destination.target, *destination.others)
    for ref, sent in zip(meant, destination.modifiers, strict=False):
        item = find(bpy.data.objects, ref.name, ref.uid)
        if item in names:
            names[item] = sent
    return names
