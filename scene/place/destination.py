# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a result belongs, and what of the open file is meant by that.

A *destination* says where a result belongs. It is a plain dictionary, so that the ledger can keep it:
    mode        "cursor" or "box" (a new model, there), or where an optimized mesh goes: "replace" (the same
                objects get it), or copies, which stand "beside" them, in a "collection" of their own, or in
                their place, and "hide" them, or are a "lod" of them, then `level` says which
    document    which opened file it was asked in, see `Document`; file: its path, "" if it was not saved
    scene, collection, object           names; scene_uid, collection_uid, uid: their session uids
    others      names and uids of more objects that have the same mesh and get the result as well
    offset      how far copies beside them stand from them along X
    applied     whether modifiers of the objects are in what was sent
    modifiers   the names of those that are, a list for `object` and for each of `others`
    corners     of the mesh that was sent, to see whether it has been edited since
    points      where some of its vertices are, object space, to see whether they have been moved since
    traits      what it had beside its shape, to tell of what has been changed since, see `traits`
    aside       true: nowhere by itself, for its stand-in was deleted
    location    where a new model goes, world space, Blender units; for more about it see `transform.settle`

A session uid means something only as long as the file stays open in which it was asked for. What is handed to
this room has therefore been through `Document.localized`, which takes the others away; then names count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy

from ..lookup import find
from ..meshes import mesh_of, users_of
from .traits import traits

Destination = Mapping[str, Any]

CURSOR = "cursor"
BOX = "box"
NEW = (CURSOR, BOX)
"""Modes that bring a new model, and are about no mesh."""

LOOKED_AT = 16
"""Vertices by which a mesh is known: few enough to take no time, enough to notice what moves all of them."""


def current_destination(
    context: bpy.types.Context,
    mode: str,
    target: bpy.types.Object | None = None,
    others: Sequence[bpy.types.Object] = (),
) -> dict[str, Any]:
    """The destination that is meant now, but for `document`: cursor, collection, objects of an optimized one.

    others: more objects that have the mesh of `target`.
    """
    assert context.scene is not None
    destination: dict[str, Any] = {
        "mode": mode,
        "file": bpy.data.filepath,
        "scene": context.scene.name,
        "scene_uid": context.scene.session_uid,
        "collection": context.collection.name if context.collection else "",
        "collection_uid": context.collection.session_uid if context.collection else 0,
        "location": list(context.scene.cursor.location),
    }
    if target is not None:
        mesh = mesh_of(target)
        destination |= {"object": target.name, "uid": target.session_uid}
        destination |= {"corners": len(mesh.loops), "points": points_of(mesh), "traits": traits(target)}
        destination["others"] = [[item.name, item.session_uid] for item in others]
    return destination


def points_of(mesh: bpy.types.Mesh) -> list[list[float]]:
    """Where some vertices of `mesh` are, evenly chosen, exactly."""
    count = len(mesh.vertices)
    some = min(count, LOOKED_AT)
    return [[*mesh.vertices[count * number // some].co] for number in range(some)]


def renamed(destination: Destination) -> dict[str, Any]:
    """What is called otherwise by now of a destination that was asked for in this opening of the file."""
    names: dict[str, Any] = {"file": bpy.data.filepath}
    for kind, uid, ids in (
        ("scene", "scene_uid", bpy.data.scenes),
        ("collection", "collection_uid", bpy.data.collections),
        ("object", "uid", bpy.data.objects),
        ("box", "uid", bpy.data.objects),
    ):
        if kind in destination:
            names[kind] = _name_now(ids, destination[kind], destination.get(uid))
    if "others" in destination:
        others = destination["others"]
        names["others"] = [[_name_now(bpy.data.objects, name, uid), uid] for name, uid in others]
    return {key: name for key, name in names.items() if name != destination.get(key)}


def _name_now(ids: Any, name: str, uid: int | None) -> str:
    """Of what is gone, the name is kept unless something else has it."""
    found = find(ids, name, uid)
    return found.name if found is not None else "" if name in ids else name


def scene_of(destination: Destination) -> bpy.types.Scene | None:
    """The scene that a result goes into; None where it is gone."""
    scene = find(bpy.data.scenes, destination.get("scene", ""), destination.get("scene_uid"))
    return scene if scene is not None and scene.library is None else None


def target_of(destination: Destination) -> bpy.types.Object | None:
    """The mesh object that a destination means first."""
    return next(iter(targets_of(destination)), None)


def targets_of(destination: Destination) -> list[bpy.types.Object]:
    """The mesh objects that a destination means: by uid, or by name where there is none."""
    if destination.get("mode", CURSOR) in NEW:
        return []
    meant = [(destination.get("object", ""), destination.get("uid")), *destination.get("others", ())]
    found = [find(bpy.data.objects, name, uid) for name, uid in meant]
    return [item for item in found if item is not None and item.type == "MESH"]


def edited_target(destination: Destination) -> bpy.types.Object | None:
    """The object that is to get a mesh and cannot now; in a window, or in a scene that is not shown."""
    target = target_of(destination)
    users = users_of(mesh_of(target)) if target is not None else []
    return next((user for user in users if user.mode != "OBJECT"), None)
