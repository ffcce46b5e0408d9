# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimized mesh comes to the objects that it was made for, or to copies of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

from ..core.destination import OptimizedMesh
from ..core.messages import Message
from . import modifiers, versions
from .errors import CannotPlace, CannotSwap, Misfit, NoFaces, TooFewTriangles
from .lookup import find
from .markers import snapshot_of
from .meshes import LEVELS, PREFIX, mesh_of
from .place.collections import collection_called, hide_collection, takes_objects
from .place.unique_names import suffixed
from .restore import datablock
from .restore.material_slots import slot_names
from .restore.restore import FITTED, DoesNotFit, fit

KEEP = "replace"
BESIDE = "beside"
COLLECTION = "collection"
HIDE = "hide"
LOD = "lod"

COLLECTION_NAME = "Optimized"
LEVEL = PREFIX + "level"
"""Custom property of an object: which level of detail it is."""

LONGEST_BASE = 57
"""Bytes of an object's name that the names of its levels begin with, so that those fit."""

CHANGED = Message(
    "Groups, UV maps, attributes, slots or shape keys were changed meanwhile: the optimized mesh has them as "
    "they were sent, and the one before as they are now."
)

FEW = 12
"""The triangles of a box: a result with fewer has hardly any shape to be recognized by."""

GAP = 1.1
"""How far beside their originals copies stand, in widths of the originals."""

THIN = 0.1
"""How far at least, as a share of their longest side: a wall across the X axis has no width."""


def fitted_mesh(
    objects: Sequence[bpy.types.Object],
    materials: Mapping[str, bpy.types.Material],
    glb: Path,
    target: bpy.types.Object,
    applied: bool,
    is_changed: bool,
) -> bpy.types.Mesh:
    """The mesh of an optimized model, fitted onto the one that was sent (see `fit`) and with its report.

    objects, materials: what has come in of the model, which belongs to `target`. applied: whether modifiers
    were in what was sent. is_changed: whether that has other attributes or slots by now, which is told.
    Raises CannotPlace, Misfit, TooFewTriangles, NoFaces.
    """
    parts = [item for item in objects if item.type == "MESH" and len(mesh_of(item).polygons)]
    if not parts:
        raise NoFaces
    told = _told(glb)
    if "misfit" in told:
        raise _misfit(parts)
    if FITTED in parts[0]:
        if "fit" not in told:
            raise CannotPlace(Message("The statistics of the optimized model are missing."))
        report = told["fit"]
    else:
        snapshot = snapshot_of(glb)
        if snapshot is None:
            raise CannotPlace(Message("It is no longer known what was sent."))
        # The way without a child Blender: the window stands still meanwhile.
        try:
            report = fit(parts, snapshot, {material: name for name, material in materials.items()})
        except DoesNotFit:
            raise _misfit(parts[:1]) from None
    mesh = mesh_of(parts[0])
    for side, path in (("before", glb.with_name("input.glb")), ("after", glb)):
        report[side]["file_bytes"] = path.stat().st_size if path.exists() else 0
    if is_changed:
        report["told"] = [*report.get("told", ()), CHANGED.to_data()]
    report = versions.since_the_first(target, report)
    sent_as = report.get("slot_names", ())  # an earlier version did not note them
    _take_materials(mesh, target, sent_as, set(materials.values()), applied)
    datablock.take_over(mesh, mesh_of(target))
    mesh[versions.REPORT] = json.dumps(report)
    return mesh


def _misfit(parts: Sequence[bpy.types.Object]) -> CannotPlace:
    """Why the result, all of it, does not fit the mesh that was sent."""
    count = sum(len(mesh.loops) - 2 * len(mesh.polygons) for mesh in map(mesh_of, parts))
    return TooFewTriangles(count) if count < FEW else Misfit()


def _told(glb: Path) -> dict[str, Any]:
    """What the child wrote about the model; nothing where it did not."""
    try:
        return json.loads(glb.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _take_materials(
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


def put(
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
    if mode == KEEP:
        versions.begin(targets if applied else versions.showing(mesh_of(targets[0])), mesh, applied)
        return targets
    gone = applied or dict.fromkeys(targets, ())
    if mode == LOD:
        return [_level(scene, targets[0], mesh, destination, gone[targets[0]])]
    copies = [_copy(item, mesh, suffixed(item.name, "_optimized"), gone[item]) for item in targets]
    mesh.name = copies[0].name
    collections = _collections_of(targets)
    for item, copy in zip(targets, copies, strict=True):
        homes = [home for home in collections[item] if takes_objects(home)] or [scene.collection]
        if mode == COLLECTION:
            homes = [collection_called(scene, COLLECTION_NAME)]
        for collection in homes:
            collection.objects.link(copy)
        copy.select_set(mode == HIDE and item.select_get())  # what the user has selected is the user's
    if mode == BESIDE:
        _move_beside(targets, copies, destination.offset)
    if mode == HIDE:
        for item in targets:
            _hide(item)
    return copies


def _collections_of(
    items: Sequence[bpy.types.Object],
) -> dict[bpy.types.Object, list[bpy.types.Collection]]:
    """The collections that each of the objects is in; Blender would look through all of them for each."""
    found: dict[bpy.types.Object, list[bpy.types.Collection]] = {item: [] for item in items}
    for collection in (*bpy.data.collections, *(scene.collection for scene in bpy.data.scenes)):
        for member in collection.objects:
            if member in found:
                found[member].append(collection)
    return found


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


def _copy(
    item: bpy.types.Object, mesh: bpy.types.Mesh, name: str, applied: Collection[str]
) -> bpy.types.Object:
    """A copy of `item` in no collection that has `mesh`, and not the modifiers that are in it."""
    modifiers.leave_room([item], mesh)
    copy = modifiers.copy_of(item)
    modifiers.show(copy, mesh)
    copy.name = name
    modifiers.remove_modifiers(copy, applied)
    return copy


def beside(items: Sequence[bpy.types.Object]) -> float:
    """How far along the world's X axis copies of all `items` stand next to all of them; Blender units."""
    corners = [item.matrix_world @ Vector(corner) for item in items for corner in item.bound_box]
    sizes = [max(ends) - min(ends) for ends in zip(*corners, strict=True)]
    return max(sizes[0] * GAP, max(sizes) * THIN)


def _move_beside(
    targets: Sequence[bpy.types.Object], copies: Sequence[bpy.types.Object], offset: float
) -> None:
    """Move all copies by `offset`, see `beside`."""
    way = Vector((offset, 0.0, 0.0))
    for item, copy in zip(targets, copies, strict=True):
        around = item.matrix_world @ item.matrix_basis.inverted_safe()
        step = around.to_3x3().inverted_safe() @ way
        moves = item.animation_data is not None or len(item.constraints)
        if moves:
            copy.delta_location = item.delta_location + step  # the location will be set again
        else:
            copy.location = item.location + step


def _hide(item: bpy.types.Object) -> None:
    """Hide `item` where it can be seen, and from the render."""
    item.hide_render = True
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            if item.name in layer.objects:
                item.hide_set(True, view_layer=layer)


def _level(
    scene: bpy.types.Scene,
    item: bpy.types.Object,
    mesh: bpy.types.Mesh,
    destination: OptimizedMesh,
    applied: Collection[str],
) -> bpy.types.Object:
    """A level of detail, named as game engines expect it, in a collection with the others and level 0.

    Nothing of it is in the way of `item`: a new collection is hidden, or, where the destination has an
    offset, the levels stand beside it, and level 0, which is where it is, is hidden. A level that is there
    already gets the mesh, and its modifiers; it stays where the user has put it.
    """
    level = destination.level
    name = item.name.encode()[:LONGEST_BASE].decode(errors="ignore")
    collection = collection_called(scene, f"{name}_LODs", lambda found: _are_levels_of(item, found))
    # Another text each time: duplicates that were made of `item` have the one before.
    item[LEVELS] = collection[LEVELS] = uuid.uuid4().hex
    present: dict[int, bpy.types.Object] = {}
    for member in collection.objects:
        present.setdefault(member.get(LEVEL, -1), member)  # the user's duplicates come later
    if 0 not in present:
        original = modifiers.copy_of(item)
        original.name = f"{name}_LOD0"
        original[LEVEL] = 0
        collection.objects.link(original)
        original.select_set(False)
        if destination.offset:
            _hide(original)
        else:
            hide_collection(collection)
    made = _copy(item, mesh, f"{name}_LOD{level}", applied)
    if level in present:
        fresh, made = made, present[level]
        former = mesh_of(made)
        try:
            modifiers.check(made, fresh)
            modifiers.take(made, fresh)
        except CannotSwap as error:
            raise CannotPlace(error.message) from error
        finally:
            bpy.data.objects.remove(fresh)
        versions.follow(former, mesh)
        versions.remove_unused(former)
    else:
        made[LEVEL] = level
        collection.objects.link(made)
        made.select_set(False)
        if destination.offset:
            _move_beside([item], [made], destination.offset)
    mesh.name = made.name
    return made


def _are_levels_of(item: bpy.types.Object, collection: bpy.types.Collection) -> bool:
    """Whether the levels in a collection are those of `item`, and not of another object that had its name.

    Where nothing says whose they are, or duplicates have the same text, the mesh of level 0 tells.
    """
    levels = [member for member in collection.objects if LEVEL in member]
    same = any(member[LEVEL] == 0 and member.data == item.data for member in levels)
    if LEVELS not in collection:  # made by the user, or by an earlier version
        return same or not levels
    owners = [owner for owner in bpy.data.objects if owner.get(LEVELS) == collection[LEVELS]]
    return owners == [item] or (same and (item in owners or not owners))
