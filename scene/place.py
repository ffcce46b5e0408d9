# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished model goes into the scene: appended from the .blend that a child made of it, and linked.

A *destination* says where a result belongs. It is a plain dictionary, so that the ledger can keep it:
    mode        "cursor" or "box" (a new model, there) | "replace" (an object gets the new mesh) |
                "beside" (a copy of it does)
    document    which opened file it was asked in, see `here`; file: its path, "" if it was not saved
    scene, collection, object, uid      names, and the object's session uid
    corners     of the mesh that was sent, to see whether it has been edited since
    location    where a new model goes, world space, Blender units; for more about it see `settle`
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import bpy
from mathutils import Matrix, Vector

from ..api import FlowsError
from ..api.errors import Remedy
from . import pictures, settle
from .arrivals import Arrivals
from .meshes import mesh_of, users_of

Destination = Mapping[str, Any]

REPLACE = "replace"
BESIDE = "beside"
CURSOR = "cursor"
BOX = "box"
NEW = (CURSOR, BOX)
"""Modes that bring a new model, and are about no mesh."""

PROVENANCE = "generio_"
"""What the names of the custom properties begin with that say where a model came from."""

LONGEST_NAME = 63
"""Bytes in the name of an ID."""

GAP = 1.1
"""How far beside its original a copy stands, in widths of the original."""

_document = uuid.uuid4().hex


class CannotPlace(FlowsError):
    """The result cannot go where it belongs."""

    remedy: Remedy = ""
    fix = "Use Import to put it at the 3D cursor."


@dataclass(frozen=True)
class Model:
    """A result on disk: the GLB, the .blend made of it ("" = none), its name, and where it came from."""

    glb: str
    blend: str
    name: str
    provenance: Mapping[str, str | int | float | bool]


# ---------------------------------------------------------------------- where a result belongs


def new_document() -> None:
    """Another file has been opened: what was asked before belongs elsewhere."""
    global _document
    _document = uuid.uuid4().hex


def here(context: bpy.types.Context, mode: str, target: bpy.types.Object | None = None) -> dict[str, Any]:
    """The destination that is meant now: cursor and active collection, and `target` for an optimized mesh."""
    assert context.scene is not None
    destination: dict[str, Any] = {
        "mode": mode,
        "document": _document,
        "file": bpy.data.filepath,
        "scene": context.scene.name,
        "collection": context.collection.name if context.collection else "",
        "location": list(context.scene.cursor.location),
    }
    if target is not None:
        corners = len(mesh_of(target).loops)
        destination |= {"object": target.name, "uid": target.session_uid, "corners": corners}
    return destination


def belongs_here(destination: Destination) -> bool:
    """Whether the file that is open is the one in which the result was asked for."""
    file = destination.get("file")
    return destination.get("document") == _document or bool(file and file == bpy.data.filepath)


def not_now(context: bpy.types.Context, destinations: Sequence[Destination]) -> str:
    """Why this is the wrong moment to put something there, or ""."""
    if context.mode != "OBJECT":
        return "Waits until you are in Object Mode"
    for destination in destinations:
        target = _find_target(destination)
        # It may be edited in another window, or in a scene that is not shown.
        if target is not None and any(user.mode != "OBJECT" for user in users_of(mesh_of(target))):
            return f'Waits until "{target.name}" is in Object Mode'
    if bpy.app.is_job_running("RENDER"):
        return "Waits for the render"
    if any(len(window.modal_operators) for window in context.window_manager.windows):
        return "Waits for a quiet moment"
    return ""


# ---------------------------------------------------------------------- putting it there


def place(
    context: bpy.types.Context, models: Sequence[Model], destination: Destination
) -> list[bpy.types.Object]:
    """Put the models where they belong, as one undo step; returns the objects that have them now.

    Raises CannotPlace where the target is gone or a model is not usable.
    """
    if destination.get("mode", CURSOR) not in NEW:
        models = models[:1]  # one object has one mesh
    objects = [_place_one(context, model, destination) for model in models]
    if bpy.ops.ed.undo_push.poll():  # pyright: ignore[reportCallIssue]
        bpy.ops.ed.undo_push(message=f"GENERIO: {models[0].name}")
    return objects


def _place_one(context: bpy.types.Context, model: Model, destination: Destination) -> bpy.types.Object:
    mode = destination.get("mode", CURSOR)
    target = _target(destination) if mode not in NEW else None
    if mode == BOX and settle.box_of(destination) is None:
        raise CannotPlace(f'The box "{destination.get("box", "")}" is gone.')
    arrivals = Arrivals()
    loaded = _load(model, arrivals)
    try:
        if target is None:
            placed = _new_model(context, loaded, model.name, destination)
        else:
            mesh = _joined_mesh(context, loaded)
            _adopt_names(mesh, target, loaded.materials)
            placed = _swap_mesh(target, mesh) if mode == REPLACE else _copy_beside(target, mesh)
    finally:
        arrivals.remove_unused()
    for name, value in model.provenance.items():
        # A custom property holds 32 bits.
        placed[PROVENANCE + name] = str(value) if isinstance(value, int) and abs(value) >= 2**31 else value
    return placed


def _find_target(destination: Destination) -> bpy.types.Object | None:
    """The mesh object that a destination means: by uid, or by name where the file was opened again."""
    if destination.get("mode", CURSOR) in NEW:
        return None
    if destination.get("document") == _document:
        uid = destination.get("uid")
        target = next((item for item in bpy.data.objects if item.session_uid == uid), None)
    else:
        target = bpy.data.objects.get((destination.get("object", ""), None))
    return target if target is not None and target.type == "MESH" else None


def _target(destination: Destination) -> bpy.types.Object:
    target = _find_target(destination)
    if target is None:
        raise CannotPlace(f'The object "{destination.get("object", "")}" is gone.')
    if not target.is_editable or not mesh_of(target).is_editable:
        raise CannotPlace(f'The object "{target.name}" is linked from another file.')
    sent = destination.get("corners")
    if sent is not None and sent != len(mesh_of(target).loops):
        raise CannotPlace(f'The mesh of "{target.name}" was changed while it was optimized.')
    return target


@dataclass(frozen=True)
class _Loaded:
    """What came in with a model. materials: by their names in the GLB."""

    objects: list[bpy.types.Object]
    materials: dict[str, bpy.types.Material]


def _load(model: Model, arrivals: Arrivals) -> _Loaded:
    if not model.blend or not Path(model.blend).exists():
        return _import_directly(model, arrivals)
    with bpy.data.libraries.load(model.blend) as (inside, wanted):  # pyright: ignore
        wanted.objects = inside.objects
        wanted.materials = inside.materials
        names = list(inside.materials)
    if not all(pictures.is_there(image) for image in arrivals.of("images") if image in pictures.loose()):
        bpy.data.batch_remove(wanted.objects)
        arrivals.remove_unused()
        return _import_directly(model, arrivals)
    return _Loaded(list(wanted.objects), dict(zip(names, wanted.materials, strict=True)))


def _import_directly(model: Model, arrivals: Arrivals) -> _Loaded:
    """The way without a child Blender: the window stands still meanwhile."""
    taken = {item.name for item in bpy.data.materials}
    importer: Any = bpy.ops.import_scene.gltf
    known = importer.get_rna_type().properties
    options = {"import_scene_as_collection": False} if "import_scene_as_collection" in known else {}
    try:
        importer(filepath=model.glb, **options)
    except RuntimeError as error:
        raise CannotPlace(f"Blender cannot read the model: {' '.join(str(error).split())}") from error
    objects = arrivals.of("objects")
    for item in objects:
        for collection in item.users_collection:
            collection.objects.unlink(item)
    materials: dict[str, bpy.types.Material] = {}
    for item in arrivals.of("materials"):
        # Blender numbered those whose names were taken.
        name = re.sub(r"\.\d{3,}$", "", item.name)
        materials[name if name in taken else item.name] = item
    return _Loaded(objects, materials)


def _new_model(
    context: bpy.types.Context, loaded: _Loaded, name: str, destination: Destination
) -> bpy.types.Object:
    """Link everything that came in, under one root that stands where it belongs and has the model's name."""
    if not loaded.objects:
        raise CannotPlace("The model is empty.")
    scene = bpy.data.scenes.get(destination.get("scene", "")) or context.scene
    assert scene is not None
    collection = bpy.data.collections.get(destination.get("collection", ""))
    usable = collection is not None and collection.is_editable
    if collection is None or not usable or collection not in scene.collection.children_recursive:
        collection = scene.collection
    collection = settle.collection_for(scene, destination, collection)
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
    return settle.settle(root, loaded.objects, destination)


def _joined_mesh(context: bpy.types.Context, loaded: _Loaded) -> bpy.types.Mesh:
    """The one mesh of an optimized model, in the object space of the mesh that was sent."""
    parts = [item for item in loaded.objects if item.type == "MESH"]
    if not parts or not any(len(mesh_of(item).polygons) for item in parts):
        raise CannotPlace("The optimized model has no faces.", "Try a higher number of triangles.")
    first = parts[0]
    if len(parts) > 1:
        for item in parts:
            context.scene.collection.objects.link(item)
        context.view_layer.update()
        with context.temp_override(active_object=first, object=first, selected_editable_objects=parts):
            bpy.ops.object.join()
        loaded.objects[:] = [item for item in loaded.objects if item not in parts[1:]]
        context.scene.collection.objects.unlink(first)
    mesh = mesh_of(first)
    mesh.transform(_matrix_from_root(first))
    return mesh


def _matrix_from_root(item: bpy.types.Object) -> Matrix:
    """`matrix_world` of an object that is in no scene, where Blender does not work it out."""
    own = item.matrix_parent_inverse @ item.matrix_basis
    return _matrix_from_root(item.parent) @ own if item.parent else own


def _adopt_names(
    mesh: bpy.types.Mesh, target: bpy.types.Object, materials: Mapping[str, bpy.types.Material]
) -> None:
    """Give a new mesh the target's own materials where the names match, and its names of UV maps."""
    for old, new in zip(mesh_of(target).uv_layers, mesh.uv_layers, strict=False):
        new.name = old.name
        new.active = old.active
        new.active_render = old.active_render
    for name, value in mesh_of(target).items():
        mesh[name] = value
    originals = [slot.material for slot in target.material_slots]
    slots = {
        material.name if material else "": index for index, material in reversed([*enumerate(originals)])
    }
    name_of = {material: name for name, material in materials.items()}
    wanted = [slots.get(name_of.get(material, "") if material else "") for material in mesh.materials]
    if None in wanted:
        return  # not the materials that were sent: keep those that came
    own = mesh_of(target).materials
    if wanted != list(range(len(wanted))):
        _renumber_faces(mesh, wanted)
    # Slot by slot: clearing them all would set every face's index, which takes long.
    for index, material in enumerate(own):
        if index < len(mesh.materials):
            mesh.materials[index] = material
        else:
            mesh.materials.append(material)
    while len(mesh.materials) > len(own):
        mesh.materials.pop()


def _renumber_faces(mesh: bpy.types.Mesh, slots: Sequence[int | None]) -> None:
    """Let faces that have slot i have slot `slots`[i]."""
    import numpy as np  # takes longer to import than all of the add-on, and is needed here only

    attribute: Any = mesh.attributes.get("material_index")  # the polygons' own property is ten times slower
    if attribute is None:  # all faces have slot 0
        attribute = mesh.attributes.new("material_index", "INT", "FACE")
    indices = np.zeros(len(mesh.polygons), dtype=np.int32)
    attribute.data.foreach_get("value", indices)
    attribute.data.foreach_set("value", np.array(slots, dtype=np.int32)[indices])


def _swap_mesh(target: bpy.types.Object, mesh: bpy.types.Mesh) -> bpy.types.Object:
    """The same object, and all that share its mesh, get the new one."""
    old = mesh_of(target)
    slots = [(slot.link, slot.material) for slot in target.material_slots]
    name = old.name
    old.user_remap(mesh)
    if old.users == 0:
        bpy.data.meshes.remove(old)
    else:
        old.name = f"{name}_original"  # kept by a fake user, say
    mesh.name = name
    for slot, (link, material) in zip(target.material_slots, slots, strict=False):
        if link == "OBJECT":
            slot.link = link
            slot.material = material
    return target


def _copy_beside(target: bpy.types.Object, mesh: bpy.types.Mesh) -> bpy.types.Object:
    """A copy of the target with the new mesh, next to it along the world's X axis."""
    corners = [target.matrix_world @ Vector(corner) for corner in target.bound_box]
    width = max(corner.x for corner in corners) - min(corner.x for corner in corners)
    copy = cast(bpy.types.Object, target.copy())
    copy.data = mesh
    copy.name = shortened(f"{target.name}_optimized")
    mesh.name = copy.name
    for collection in target.users_collection:
        collection.objects.link(copy)
    copy.matrix_world = Matrix.Translation((width * GAP, 0.0, 0.0)) @ target.matrix_world
    return copy


def shortened(name: str) -> str:
    """`name` on one line, cut to what fits into a datablock's name."""
    line = re.sub(r"\s+", " ", name).strip()
    return line.encode()[:LONGEST_NAME].decode(errors="ignore").strip() or "Model"
