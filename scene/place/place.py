# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished model goes into the scene, as one undo step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import bpy

from ...core.destination import InFile, NewModel, OptimizedMesh
from ...core.messages import Message
from .. import replace_mesh, versions
from ..bake import place_maps
from ..bake.settings import is_bake
from ..errors import CannotPlace
from ..meshes import PREFIX, TOKEN, mesh_of
from . import boxes, extras, transform, variants
from .collections import active_then, collection_called, show_in_local_views
from .destination import points_of, scene_of, target_of, targets_of
from .loading import Loaded, Model, load
from .new_data import NewData
from .traits import traits

LONGEST_NAME = 63
"""Bytes in the name of an ID."""


def tokens_in_file() -> set[str]:
    """The jobs whose results stand in the file that is open; takes half a microsecond for each object."""
    owners = (*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials)
    return {token for owner in owners if isinstance(token := owner.get(TOKEN), str)}


def objects_of_result(token: str) -> list[bpy.types.Object]:
    """The objects that the result of a job has become, whose mesh it is, or whose materials have its maps."""
    return [
        item
        for item in bpy.data.objects
        if item.get(TOKEN) == token
        or (item.data is not None and item.data.get(TOKEN) == token)
        or any(
            slot.material is not None and slot.material.get(TOKEN) == token for slot in item.material_slots
        )
    ]


def placed_objects(token: str) -> list[bpy.types.Object]:
    """Return those of `objects_of_result` that are in a scene; the others store data for another object."""
    return [item for item in objects_of_result(token) if item.users_scene]


def placed_message(
    context: bpy.types.Context, name: str, placed: Sequence[bpy.types.Object], destination: InFile
) -> Message:
    """Return the notice about the placed models of the job `name`: where they are, and how light."""
    if is_bake(destination):
        return place_maps.summary(name, placed)
    first = placed[0]
    elsewhere = first.users_scene[0].name if context.scene not in first.users_scene else ""
    report = versions.report_of(first) if first.type == "MESH" else {}
    if not report:
        if elsewhere:
            return Message('"{name}" is in the scene "{scene}"', name=name, scene=elsewhere)
        return Message('"{name}" is in the scene', name=name)
    before, after = report["before"]["triangles"], report["after"]["triangles"]
    if elsewhere:
        return Message(
            '"{name}" in the scene "{scene}": {before:,} → {after:,} triangles',
            name=name,
            scene=elsewhere,
            before=before,
            after=after,
        )
    return Message('"{name}": {before:,} → {after:,} triangles', name=name, before=before, after=after)


def place_models(
    context: bpy.types.Context,
    models: Sequence[Model],
    destination: InFile,
    more_to_come: bool = False,
    is_one_step: bool = True,
) -> list[bpy.types.Object]:
    """Put the models where they belong; returns the objects that have them now.

    more_to_come: whether another job's model is still to come into the same box. is_one_step: whether that is
    an undo step; if not, the caller pushes one, see `push_undo`.
    Raises CannotPlace where the target is gone or a model is not usable.
    """
    if isinstance(destination, OptimizedMesh):
        models = models[:1]  # one object has one mesh
    objects: list[bpy.types.Object] = []
    for number, model in enumerate(models, start=1):
        objects += _place_one(context, model, destination, more_to_come or number < len(models))
    if isinstance(destination, NewModel):
        show_in_local_views(context, [part for root in objects for part in (root, *root.children_recursive)])
    if is_one_step:
        push_undo(models[0].name)
    return objects


def push_undo(name: str) -> None:
    """Let all that was done since the last undo step be one, in whose name `name` is."""
    if bpy.ops.ed.undo_push.poll():  # pyright: ignore[reportCallIssue]
        bpy.ops.ed.undo_push(message=f"GENERIO: {name}")


def _place_one(
    context: bpy.types.Context, model: Model, destination: InFile, more_to_come: bool
) -> list[bpy.types.Object]:
    targets = _targets(destination) if isinstance(destination, OptimizedMesh) else []
    if is_bake(destination):
        return _place_maps(model, targets[0], destination.sent)
    box = destination.box if isinstance(destination, NewModel) else None
    if box is not None and boxes.box_of(box) is None:
        raise CannotPlace(Message('The box "{name}" is gone.', name=box.name))
    new_data = NewData()
    loaded = load(model, new_data)
    try:
        if isinstance(destination, NewModel):
            placed = [_new_model(context, loaded, model.name, destination, more_to_come)]
            owner: bpy.types.ID = placed[0]
            for part in placed[0].children_recursive:
                part[variants.PART] = model.provenance.get("token", "")
            extras.add_extras(scene_of(destination) or context.scene, loaded.beside, new_data.of("meshes"))
        else:
            # The objects may have a history of their own, so that of the mesh is the mesh's.
            owner = mesh = replace_mesh.restored_mesh(
                loaded.objects,
                loaded.materials,
                Path(model.glb),
                targets[0],
                applied=destination.applied,
                is_changed=_is_changed(targets[0], destination),
                sent=destination.sent,
            )
            placed = replace_mesh.assign_mesh(
                scene_of(destination) or context.scene, mesh, targets, destination
            )
    finally:
        new_data.remove_unused()
    for name, value in model.provenance.items():
        # A custom property holds 32 bits.
        owner[PREFIX + name] = str(value) if isinstance(value, int) and abs(value) >= 2**31 else value
    return placed


def _place_maps(model: Model, target: bpy.types.Object, sent: str) -> list[bpy.types.Object]:
    new_data = NewData()
    try:
        return place_maps.place(model.blend, str(model.provenance["token"]), target, sent)
    finally:
        new_data.remove_unused()


def _targets(destination: OptimizedMesh) -> list[bpy.types.Object]:
    """The objects that get an optimized mesh; the first one has the mesh that was sent, and so have all."""
    target = target_of(destination)
    if target is None:
        raise CannotPlace(Message('The object "{name}" is gone.', name=destination.target.name))
    if not target.is_editable or not mesh_of(target).is_editable:
        raise CannotPlace(Message('The object "{name}" is linked from another file.', name=target.name))
    mesh = mesh_of(target)
    corners, points = len(mesh.loops), points_of(mesh)
    # An earlier version has not noted all of them.
    if destination.corners not in (None, corners) or destination.points not in (None, points):
        if is_bake(destination):
            raise place_maps.changed(target)
        raise CannotPlace(
            Message('The mesh of "{name}" was changed while it was being optimized.', name=target.name)
        )
    return [item for item in targets_of(destination) if item.data == target.data]


def _is_changed(target: bpy.types.Object, destination: OptimizedMesh) -> bool:
    """Whether what the mesh has beside its shape was changed since it was sent, as far as that is known."""
    return destination.traits not in ("", traits(target))


def _new_model(
    context: bpy.types.Context, loaded: Loaded, name: str, destination: NewModel, more_to_come: bool
) -> bpy.types.Object:
    """Link everything that came in, under one root that stands where it belongs and has the model's name."""
    if not loaded.objects:
        raise CannotPlace(Message("The model is empty."))
    scene = scene_of(destination) or context.scene
    assert scene is not None
    if scene.library is not None:
        raise CannotPlace(Message("The scene is linked from another file."))
    active = active_then(context, scene, destination.collection)
    collection = collection_called(scene, destination.into) if destination.into else active
    roots = [item for item in loaded.objects if item.parent is None]
    root = roots[0]
    if len(roots) > 1:
        root = bpy.data.objects.new(name, None)
        for item in roots:
            item.parent = root
        collection.objects.link(root)
    for item in loaded.objects:
        collection.objects.link(item)
        item.select_set(False)  # what the user has selected is the user's
    root.name = shortened(name)
    if root.type == "MESH" and mesh_of(root).users == 1:
        mesh_of(root).name = root.name
    for item in roots:
        if item.animation_data is None:
            item.rotation_mode = "XYZ"  # the importer leaves quaternions, which few want to edit
    return transform.transform_model(root, loaded.objects, destination, more_to_come)


def placement_remarks(placed: Sequence[bpy.types.Object], destination: InFile) -> list[Message]:
    """Return remarks about a placed mesh, or placed maps, see `restore_mesh_data`."""
    if is_bake(destination):
        return place_maps.warnings(placed)
    first = placed[0]
    remarks = versions.report_of(first).get("told", ()) if first.type == "MESH" else ()
    return [Message.from_data(data) for data in remarks]


def hidden_by(context: bpy.types.Context, placed: Sequence[bpy.types.Object]) -> str:
    """The collection because of which nobody sees what was placed in the scene that is shown, or ""."""
    parts = [part for root in placed for part in (root, *root.children_recursive)]
    if context.scene not in placed[0].users_scene or any(part.visible_get() for part in parts):
        return ""
    return placed[0].users_collection[0].name


def shortened(name: str) -> str:
    """`name` on one line, cut to what fits into a datablock's name."""
    line = re.sub(r"\s+", " ", name).strip()
    return line.encode()[:LONGEST_NAME].decode(errors="ignore").strip() or "Model"
