# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the open file a destination means (see `core.destination`).

What is handed to this room has been through `Document.localized`, which takes session uids away that are of
another opening of the file; then names count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ...core.destination import DatablockRef, Destination, InFile, NewModel, OptimizedMesh
from ..lookup import find
from ..meshes import mesh_of, users_of
from .traits import traits

SAMPLES = 16
"""Vertices by which a mesh is known: few enough to take no time, enough to notice what moves all of them."""


def ref_of(datablock: bpy.types.ID | None) -> DatablockRef:
    """What means a datablock as long as the file stays open."""
    return DatablockRef() if datablock is None else DatablockRef(datablock.name, datablock.session_uid)


def at_cursor(context: bpy.types.Context, document: str) -> NewModel:
    """The destination of a new model at the 3D cursor, in the active collection.

    document: the present opening of the file.
    """
    assert context.scene is not None
    return NewModel(
        document=document,
        file=bpy.data.filepath,
        scene=ref_of(context.scene),
        collection=ref_of(context.collection),
        location=(*context.scene.cursor.location,),
    )


def for_mesh(
    context: bpy.types.Context,
    document: str,
    mode: str,
    target: bpy.types.Object,
    others: Sequence[bpy.types.Object] = (),
) -> OptimizedMesh:
    """The destination of what is made of the mesh of `target` as it is now.

    document: the present opening of the file. others: more objects that have this mesh.
    """
    assert context.scene is not None
    mesh = mesh_of(target)
    return OptimizedMesh(
        document=document,
        file=bpy.data.filepath,
        scene=ref_of(context.scene),
        mode=mode,
        target=ref_of(target),
        others=tuple(ref_of(item) for item in others),
        corners=len(mesh.loops),
        points=points_of(mesh),
        traits=traits(target),
    )


def points_of(mesh: bpy.types.Mesh) -> tuple[tuple[float, float, float], ...]:
    """Where some vertices of `mesh` are, evenly chosen, exactly."""
    count = len(mesh.vertices)
    some = min(count, SAMPLES)
    found: list[Any] = [mesh.vertices[count * number // some].co for number in range(some)]
    return tuple((x, y, z) for x, y, z in found)


def renamed(destination: InFile) -> dict[str, Any]:
    """The fields that have changed, by names, of a destination that was asked for in this opening."""
    now: dict[str, Any] = {"file": bpy.data.filepath, "scene": _now(bpy.data.scenes, destination.scene)}
    if isinstance(destination, NewModel):
        now["collection"] = _now(bpy.data.collections, destination.collection)
        if destination.box is not None:
            now["box"] = _now(bpy.data.objects, destination.box)
    else:
        now["target"] = _now(bpy.data.objects, destination.target)
        now["others"] = tuple(_now(bpy.data.objects, other) for other in destination.others)
        if destination.renews is not None:
            now["renews"] = _now(bpy.data.objects, destination.renews)
    return {name: value for name, value in now.items() if value != getattr(destination, name)}


def _now(ids: Any, ref: DatablockRef) -> DatablockRef:
    """A datablock as it is called by now; of what is gone, the name is kept unless something else has it."""
    found = find(ids, ref.name, ref.uid)
    name = found.name if found is not None else "" if ref.name in ids else ref.name
    return DatablockRef(name, ref.uid)


def scene_of(destination: InFile) -> bpy.types.Scene | None:
    """The scene that a result goes into; None where it is gone."""
    scene = find(bpy.data.scenes, destination.scene.name, destination.scene.uid)
    return scene if scene is not None and scene.library is None else None


def target_of(destination: OptimizedMesh) -> bpy.types.Object | None:
    """The mesh object that a destination means first."""
    return next(iter(targets_of(destination)), None)


def targets_of(destination: OptimizedMesh) -> list[bpy.types.Object]:
    """The mesh objects that a destination means: by uid, or by name where there is none."""
    meant = (destination.target, *destination.others)
    found = [find(bpy.data.objects, ref.name, ref.uid) for ref in meant]
    return [item for item in found if item is not None and item.type == "MESH"]


def edited_target(destination: Destination) -> bpy.types.Object | None:
    """The object that is to get a mesh and cannot now; in a window, or in a scene that is not shown."""
    target = target_of(destination) if isinstance(destination, OptimizedMesh) else None
    users = users_of(mesh_of(target)) if target is not None else []
    return next((user for user in users if user.mode != "OBJECT"), None)
