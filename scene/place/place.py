# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished model goes into the scene: appended from the .blend that a child made of it, and linked.

A *destination* says where a result belongs. It is a plain dictionary, so that the ledger can keep it:
    mode        "cursor" or "box" (a new model, there), or where an optimized mesh goes: "replace" (the same
                objects get it), or copies, which stand "beside" them, in a "collection" of their own, or in
                their place, and "hide" them, or are a "lod" of them, then `level` says which
    document    which opened file it was asked in, see `here`; file: its path, "" if it was not saved
    scene, collection, object           names; scene_uid, collection_uid, uid: their session uids
    others      names and uids of more objects that have the same mesh and get the result as well
    offset      how far copies beside them stand from them along X
    applied     whether modifiers of the objects are in what was sent
    modifiers   the names of those that are, a list for `object` and for each of `others`
    corners     of the mesh that was sent, to see whether it has been edited since
    points      where some of its vertices are, object space, to see whether they have been moved since
    aside       true: nowhere by itself, for its stand-in was deleted
    location    where a new model goes, world space, Blender units; for more about it see `settle`
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ...core.text import plain_reason
from ...formats.glb import required_extension_in
from .. import replace_mesh, versions
from ..document import document, find
from ..errors import CannotPlace, ExtensionUnknown, FilesGone
from ..meshes import PREFIX, TOKEN, mesh_of, users_of
from . import boxes, extras, memory, packing, transform, variants
from .collections import active_then, collection_called, show_in_local_views
from .new_data import Arrivals
from .unique_names import names_left_free

Destination = Mapping[str, Any]

CURSOR = "cursor"
BOX = "box"
NEW = (CURSOR, BOX)
"""Modes that bring a new model, and are about no mesh."""

LASTING = 30.0
"""Seconds after which an add-on's modal operator is taken for one that does not end."""

STEPPING = 20.0
"""Seconds after an undo or redo in which the user may go on with that."""

LOOKED_AT = 16
"""Vertices by which a mesh is known: few enough to take no time, enough to notice what moves all of them."""

LONGEST_NAME = 63
"""Bytes in the name of an ID."""


_stepped_at = -STEPPING  # undo or redo, time.monotonic()
_others_since: dict[int, float] = {}  # of modal operators in Python, since when, time.monotonic()


class Model(NamedTuple):
    """A result on disk: the GLB, the .blend made of it ("" = none), its name, and where it came from."""

    glb: str
    blend: str
    name: str
    provenance: Mapping[str, str | int | float | bool]


# ---------------------------------------------------------------------- where a result belongs


def here(
    context: bpy.types.Context,
    mode: str,
    target: bpy.types.Object | None = None,
    others: Sequence[bpy.types.Object] = (),
) -> dict[str, Any]:
    """The destination that is meant now: cursor, active collection, and the objects of an optimized mesh.

    others: more objects that have the mesh of `target`.
    """
    assert context.scene is not None
    destination: dict[str, Any] = {
        "mode": mode,
        "document": document(),
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
        destination |= {"corners": len(mesh.loops), "points": _points(mesh)}
        destination["others"] = [[item.name, item.session_uid] for item in others]
    return destination


def _points(mesh: bpy.types.Mesh) -> list[list[float]]:
    """Where some vertices of `mesh` are, evenly chosen, exactly."""
    count = len(mesh.vertices)
    some = min(count, LOOKED_AT)
    return [[*mesh.vertices[count * number // some].co] for number in range(some)]


def renamed(destination: Destination) -> dict[str, Any]:
    """What is called otherwise by now of a destination in the open file; in a later opening names count."""
    if destination.get("document") != document():
        return {}
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
    found = find(ids, name, uid, document())
    return found.name if found is not None else "" if name in ids else name


def tokens() -> set[str]:
    """The jobs whose results stand in the file that is open; takes half a microsecond for each object."""
    owners = (*bpy.data.objects, *bpy.data.meshes)
    return {token for owner in owners if isinstance(token := owner.get(TOKEN), str)}


def holding(token: str) -> list[bpy.types.Object]:
    """The objects that the result of a job has become, or whose mesh it is."""
    return [
        item
        for item in bpy.data.objects
        if item.get(TOKEN) == token or (item.data is not None and item.data.get(TOKEN) == token)
    ]


def scene_of(destination: Destination) -> bpy.types.Scene | None:
    """The scene that a result goes into; None where it is gone."""
    name, asked_in = destination.get("scene", ""), destination.get("document", "")
    scene = find(bpy.data.scenes, name, destination.get("scene_uid"), asked_in)
    return scene if scene is not None and scene.library is None else None


def belongs_here(destination: Destination) -> bool:
    """Whether the file that is open is the one in which the result was asked for."""
    file = destination.get("file")
    here = destination.get("document") == document() or bool(file and file == bpy.data.filepath)
    return here and not destination.get("aside")


def not_now(context: bpy.types.Context, destinations: Sequence[Destination]) -> str:
    """Why this is the wrong moment to put something there, or ""."""
    windows = context.window_manager.windows
    if context.mode != "OBJECT" and len(windows) < 2:
        return "Waits until you are in Object Mode"
    edited = [_edited_in(window) for window in windows]
    edited += [edited_target(destination) for destination in destinations]
    for item in edited:
        if item is not None:
            return f'Waits until "{item.name}" is in Object Mode'
    if bpy.app.is_job_running("RENDER"):
        return "Waits for the render"
    if is_in_hand(context):
        return "Waits for a quiet moment"
    return ""


def _edited_in(window: bpy.types.Window) -> bpy.types.Object | None:
    """What is edited, sculpted or painted in a window; each may show another scene."""
    active = window.view_layer.objects.active
    return active if active is not None and active.mode != "OBJECT" else None


def edited_target(destination: Destination) -> bpy.types.Object | None:
    """The object that is to get a mesh and cannot now; in a window, or in a scene that is not shown."""
    target = _find_target(destination)
    users = users_of(mesh_of(target)) if target is not None else []
    return next((user for user in users if user.mode != "OBJECT"), None)


def stepped() -> None:
    """The user has undone or redone something just now; see `not_by_itself`."""
    global _stepped_at
    _stepped_at = time.monotonic()


def not_by_itself(context: bpy.types.Context, destination: Destination) -> str:
    """Why this is the wrong moment for a result to come by itself, or "".

    Beside what `not_now` says, its undo step would end all that can be redone. Who has stepped back and does
    nothing for a while has made up their mind.
    """
    if waits := not_now(context, [destination]):
        return waits
    if time.monotonic() - _stepped_at < STEPPING and not bpy.app.background:
        with context.temp_override(window=context.window_manager.windows[0]):
            if bpy.ops.ed.redo.poll():  # pyright: ignore[reportCallIssue]
                return "Waiting a moment, because you can still redo"
    return ""


def is_in_hand(context: bpy.types.Context) -> bool:
    """Whether the user is in the middle of something, such as dragging.

    Some add-ons have an operator that is always there and lets all events pass; it is nothing to wait for.
    """
    global _others_since
    running = [item for window in context.window_manager.windows for item in window.modal_operators]
    now = time.monotonic()
    before, _others_since = _others_since, {}
    in_hand = False
    for item in running:
        if type(item) is bpy.types.Operator:  # Blender's own
            in_hand = True
        else:
            since = _others_since[item.as_pointer()] = before.get(item.as_pointer(), now)
            in_hand = in_hand or now - since < LASTING
    return in_hand


# ---------------------------------------------------------------------- putting it there


def place(
    context: bpy.types.Context, models: Sequence[Model], destination: Destination
) -> list[bpy.types.Object]:
    """Put the models where they belong, as one undo step; returns the objects that have them now.

    Raises CannotPlace where the target is gone or a model is not usable.
    """
    if destination.get("mode", CURSOR) not in NEW:
        models = models[:1]  # one object has one mesh
    objects: list[bpy.types.Object] = []
    for number, model in enumerate(models, start=1):
        more_to_come = {"shared": True} if number < len(models) else {}
        objects += _place_one(context, model, {**destination, **more_to_come})
    if destination.get("mode", CURSOR) in NEW:
        show_in_local_views(context, [part for root in objects for part in (root, *root.children_recursive)])
    if bpy.ops.ed.undo_push.poll():  # pyright: ignore[reportCallIssue]
        bpy.ops.ed.undo_push(message=f"GENERIO: {models[0].name}")
    return objects


def _place_one(context: bpy.types.Context, model: Model, destination: Destination) -> list[bpy.types.Object]:
    mode = destination.get("mode", CURSOR)
    targets = _targets(destination) if mode not in NEW else []
    if mode == BOX and boxes.box_of(destination) is None:
        raise CannotPlace(f'The box "{destination.get("box", "")}" is gone.')
    arrivals = Arrivals()
    loaded = _load(model, arrivals)
    try:
        if not targets:
            placed = [_new_model(context, loaded, model.name, destination)]
            owner: bpy.types.ID = placed[0]
            for part in placed[0].children_recursive:
                part[variants.PART] = model.provenance.get("token", "")
            extras.give(scene_of(destination) or context.scene, loaded.beside, arrivals.of("meshes"))
        else:
            # The objects may have a history of their own, so that of the mesh is the mesh's.
            owner = mesh = replace_mesh.fitted_mesh(
                loaded.objects,
                loaded.materials,
                Path(model.glb),
                targets[0],
                applied=bool(destination.get("applied")),
            )
            placed = replace_mesh.put(scene_of(destination) or context.scene, mesh, targets, destination)
    finally:
        arrivals.remove_unused()
    for name, value in model.provenance.items():
        # A custom property holds 32 bits.
        owner[PREFIX + name] = str(value) if isinstance(value, int) and abs(value) >= 2**31 else value
    return placed


def _find_target(destination: Destination) -> bpy.types.Object | None:
    """The mesh object that a destination means first."""
    return next(iter(_find(destination)), None)


def _find(destination: Destination) -> list[bpy.types.Object]:
    """The mesh objects that a destination means: by uid, or by name where the file was opened again."""
    if destination.get("mode", CURSOR) in NEW:
        return []
    meant = [(destination.get("object", ""), destination.get("uid")), *destination.get("others", ())]
    asked_in = destination.get("document", "")
    found = [find(bpy.data.objects, name, uid, asked_in) for name, uid in meant]
    return [item for item in found if item is not None and item.type == "MESH"]


def _targets(destination: Destination) -> list[bpy.types.Object]:
    """The objects that get an optimized mesh; the first one has the mesh that was sent, and so have all."""
    target = _find_target(destination)
    if target is None:
        raise CannotPlace(f'The object "{destination.get("object", "")}" is gone.')
    if not target.is_editable or not mesh_of(target).is_editable:
        raise CannotPlace(f'The object "{target.name}" is linked from another file.')
    now = {"corners": len(mesh_of(target).loops), "points": _points(mesh_of(target))}
    if any(destination.get(what, value) != value for what, value in now.items()):
        raise CannotPlace(f'The mesh of "{target.name}" was changed while it was optimized.')
    return [item for item in _find(destination) if item.data == target.data]


class _Loaded(NamedTuple):
    """What came in with a model.

    materials: by their names in the GLB; beside: what the GLB says of the scene, see `extras.apart`.
    """

    objects: list[bpy.types.Object]
    materials: dict[str, bpy.types.Material]
    beside: Mapping[str, Any]


def is_there(path: str) -> bool:
    """Whether there is such a file; a drive that is out of reach has none."""
    try:
        return bool(path) and Path(path).exists()
    except OSError:
        return False


def _load(model: Model, arrivals: Arrivals) -> _Loaded:
    if not is_there(model.blend):
        if not is_there(model.glb):
            raise FilesGone(Path(model.glb).parent)
        return _import_directly(model, arrivals)
    with memory.taken(), bpy.data.libraries.load(model.blend) as (inside, wanted):  # pyright: ignore
        wanted.objects = inside.objects
        wanted.materials = inside.materials
        names = list(inside.materials)
    if not all(packing.is_there(image) for image in arrivals.of("images") if image in packing.loose()):
        bpy.data.batch_remove(wanted.objects)
        arrivals.remove_unused()
        return _import_directly(model, arrivals)
    materials = dict(zip(names, wanted.materials, strict=True))
    return _Loaded(list(wanted.objects), materials, _beside(Path(model.blend)))


def _beside(blend: Path) -> Mapping[str, Any]:
    """What the child has told of the scene in a GLB; an earlier version told nothing."""
    try:
        return json.loads(blend.with_suffix(".json").read_text(encoding="utf-8"))["scene"]
    except (OSError, ValueError, KeyError):
        return {}


def _import_directly(model: Model, arrivals: Arrivals) -> _Loaded:
    """The way without a child Blender: the window stands still meanwhile."""
    importer: Any = bpy.ops.import_scene.gltf
    known = importer.get_rna_type().properties
    options = {"import_scene_as_collection": False} if "import_scene_as_collection" in known else {}
    layer = bpy.context.view_layer
    assert layer is not None
    selected, active = list(bpy.context.selected_objects), layer.objects.active
    unit: Any = bpy.context.scene.unit_settings
    scale, unit.scale_length = unit.scale_length, 1.0  # as in a child; the importer divides by it
    try:
        with names_left_free(), extras.apart(bpy.context.scene, Path(model.glb)) as beside:
            importer(filepath=model.glb, **options)
            materials = {item.name: item for item in arrivals.of("materials")}
    except RuntimeError as error:
        if extension := required_extension_in(Path(model.glb), str(error)):
            raise ExtensionUnknown(extension) from error
        raise CannotPlace(f"Blender cannot read the model: {plain_reason(str(error))}") from error
    finally:
        unit.scale_length = scale
    objects = arrivals.of("objects")
    for item in objects:
        for collection in item.users_collection:
            collection.objects.unlink(item)
    for item in selected:  # older importers select what comes in, and nothing else
        item.select_set(True)
    layer.objects.active = active
    return _Loaded(objects, materials, beside)


def _new_model(
    context: bpy.types.Context, loaded: _Loaded, name: str, destination: Destination
) -> bpy.types.Object:
    """Link everything that came in, under one root that stands where it belongs and has the model's name."""
    if not loaded.objects:
        raise CannotPlace("The model is empty.")
    scene = scene_of(destination) or context.scene
    assert scene is not None
    if scene.library is not None:
        raise CannotPlace("The scene is linked from another file.")
    into = destination.get("into", "")
    active = active_then(context, scene, destination)
    collection = collection_called(scene, into) if into else active
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
    return transform.settle(root, loaded.objects, destination)


def told_of(placed: Sequence[bpy.types.Object]) -> list[str]:
    """What is to be told of an optimized mesh that has just been placed, see `fit`."""
    first = placed[0]
    return list(versions.report_of(first).get("told", ())) if first.type == "MESH" else []


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
