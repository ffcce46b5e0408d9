# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores in an optimized model the data that a GLB does not carry, and compares it with the original.

A GLB contains neither vertex groups nor the names of UV maps, and it splits a mesh by materials. The
background Blender that imports a result restores them from the snapshot beside it, so that the window only
has to append the finished mesh. If no background Blender can be started, the user's Blender does this itself,
in a separate scene.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import bpy
from mathutils import Matrix

from ...core.messages import Message
from ..markers import ORIGINAL, SUBJECT, plain_materials_note
from ..meshes import mesh_of, unsent
from . import compare
from .attribute_order import arrange_layers, remove_additions
from .matching import match
from .material_slots import arrange_slots, slot_names
from .rebuild import select_faces
from .shading import transfer_shading
from .small_groups import transfer_small_groups
from .transfer import transfer_colors, transfer_groups, transfer_uv_maps
from .weld import weld

CARRY = "generio_carry"
"""Custom property of the object in a snapshot: further data to transfer (NORMALS, COLORS), with blanks."""

BEFORE = "generio_before"
"""Custom property of the object in a snapshot: the object as it was before it was first optimized."""

RESTORED = "generio_fitted"
"""Custom property of an object whose mesh data were restored."""

NORMALS = "normals"
COLORS = "colors"


class CannotRestore(Exception):
    """The result is elsewhere than the mesh that was sent, and no transform aligns them."""


def restore_mesh_data(
    parts: Sequence[bpy.types.Object], snapshot: Path, names: Mapping[bpy.types.Material, str]
) -> dict[str, Any]:
    """Join `parts` into one mesh in the object space of the mesh in `snapshot`, and restore its data.

    parts: the mesh objects of the optimized model, which are in no scene; at least one has faces. The first
    one gets the mesh and ends up at the origin without a parent; the others are removed. names: the names of
    the model's materials in the GLB.

    Returns the comparison (see `compare.comparison`) and these keys: "slots": whether the materials came back
    as they were sent; "slot_names": their names in what was sent; "lost": the data that the original has and
    the result lacks; "told": messages about other changes by the service; "plain": whether only the names of
    the materials were sent; "came": the transform that the result had, see `_align_to_original`. If the
    snapshot has the mesh as it was before it was first optimized, "first" compares the result with that.

    Raises CannotRestore; the first of `parts` is then the whole result as it was received.
    """
    before = set(bpy.data.libraries)
    # Linked, not appended: linked data keep their names, whatever names are taken.
    with bpy.data.libraries.load(str(snapshot), link=True) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(SUBJECT)]
    (old,) = wanted.objects
    new = parts[0]
    first = old.get(BEFORE)
    from . import centering  # imports numpy, see `_align_to_original`

    middle = centering.far_middle(mesh_of(old))
    try:
        for item in (old, first):
            if item is not None:
                centering.move(mesh_of(item), -middle)
        with _scene_of([item for item in (old, first, *parts) if item is not None]) as scene:
            _join(scene, parts)
            came = _align_to_original(scene, old, new)
            of_slots, of_rest = _transfer_data(old, new, scene, names)
            layer = scene.view_layers[0]
            layer.update()
            assert layer.depsgraph is not None
            report = _compared(old, new, layer.depsgraph)
            if first is not None:
                report["first"] = _compared(first, new, layer.depsgraph)
            sent_as = slot_names(old)
        centering.move(mesh_of(new), middle)
    finally:
        bpy.data.batch_remove([item for item in bpy.data.libraries if item not in before])
    new[RESTORED] = True
    slots = {"slots": not of_slots, "slot_names": sent_as}
    remarks = [message.to_data() for message in (*of_slots, *of_rest)]
    plain = plain_materials_note(snapshot).exists()
    return {**report, **slots, "told": remarks, "plain": plain, "came": came}


def _transfer_data(
    old: bpy.types.Object,
    new: bpy.types.Object,
    scene: bpy.types.Scene,
    names: Mapping[bpy.types.Material, str],
) -> tuple[list[Message], list[Message]]:
    """Transfer the data of `old`, the original, to `new`, the result.

    Returns the messages about materials, and those about everything else.
    """
    import numpy as np

    carry = str(old.get(CARRY, "")).split()
    sent, mesh = mesh_of(old), mesh_of(new)
    if mesh.shape_keys is not None:  # None are sent, so these are the service's own.
        new.shape_key_clear()
    matched = match(sent, mesh, scene)
    of_slots = arrange_slots(matched, old, new, names)
    if matched.is_unchanged:
        _restore_attributes(old, new)
        return of_slots, []
    if (collapsed := matched.new.collapsed).any() and not collapsed.all():
        # A face without area matches no surface, so its corners could not be assigned.
        select_faces(mesh, np.bincount(matched.new.faces[~collapsed], minlength=len(mesh.polygons)) > 0)
        matched = match(sent, mesh, scene)
    weld(mesh, matched)
    remove_additions(sent, mesh)
    remarks = transfer_uv_maps(matched, sent, mesh)
    transfer_colors(matched, sent, mesh, COLORS in carry)
    transfer_groups(matched, old, new)
    transfer_small_groups(matched, old, new)
    remarks += transfer_shading(matched, sent, new, NORMALS in carry)
    arrange_layers(sent, mesh)
    return of_slots, remarks


def _restore_attributes(old: bpy.types.Object, new: bpy.types.Object) -> None:
    """Give `new` a copy of the mesh of `old`, because the service has returned exactly the same triangles.

    Shape keys are removed, because their animation was not sent.
    """
    came, mesh = mesh_of(new), cast(bpy.types.Mesh, mesh_of(old).copy())
    del mesh[ORIGINAL]
    for index, material in enumerate(came.materials):
        mesh.materials[index] = material
    name = came.name
    new.data = mesh
    bpy.data.meshes.remove(came)
    mesh.name = name
    if mesh.shape_keys is not None:
        new.shape_key_clear()


def _compared(old: bpy.types.Object, new: bpy.types.Object, graph: bpy.types.Depsgraph) -> dict[str, Any]:
    """Return the comparison of two objects, with "lost": the data that `old` has and `new` lacks."""
    lost = [kind for kind in unsent(mesh_of(old)) if kind not in unsent(mesh_of(new))]
    if _has_loose(mesh_of(old)) and not _has_loose(mesh_of(new)):
        lost.append(Message("loose edges and vertices"))
    return {**compare.comparison(old, new, graph), "lost": [kind.to_data() for kind in lost]}


@contextmanager
def _scene_of(objects: Sequence[bpy.types.Object]) -> Iterator[bpy.types.Scene]:
    """Yield a temporary scene with only these objects."""
    scene = bpy.data.scenes.new("GENERIO fit")
    try:
        for item in objects:
            scene.collection.objects.link(item)
        scene.view_layers[0].update()
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


def _join(scene: bpy.types.Scene, parts: Sequence[bpy.types.Object]) -> None:
    """Join `parts` into one mesh at the origin. A GLB has no object space, so the original was there, too."""
    first = parts[0]
    if len(parts) > 1:
        with bpy.context.temp_override(
            scene=scene,
            view_layer=scene.view_layers[0],
            object=first,
            active_object=first,
            selected_editable_objects=list(parts),
        ):
            bpy.ops.object.join()
    mesh_of(first).transform(first.matrix_world)
    first.parent = None
    first.matrix_parent_inverse.identity()
    first.matrix_basis.identity()
    scene.view_layers[0].update()


def _align_to_original(
    scene: bpy.types.Scene, old: bpy.types.Object, new: bpy.types.Object
) -> dict[str, Any]:
    """Align the mesh of `new` with that of `old` if the service has rotated, scaled, or moved it.

    Returns how it differed: "turned", "shifted", and "scale", a factor. Raises CannotRestore.
    """
    from . import align, probe

    transform = align.similarity(probe.surface(scene, old), probe.surface(scene, new))
    if transform is None:
        raise CannotRestore
    if transform is not align.IDENTITY:
        mesh_of(new).transform(Matrix(transform.matrix.tolist()))
        probe.snap(mesh_of(old), mesh_of(new))
        scene.view_layers[0].update()
    return {"turned": transform.rotates, "shifted": transform.shifts, "scale": 1.0 / transform.scale}


def _has_loose(mesh: bpy.types.Mesh) -> bool:
    """Whether a mesh has edges or vertices that belong to no face."""
    import numpy as np

    corners = np.empty(len(mesh.loops), dtype=np.int32)
    for field, count in (("edge_index", len(mesh.edges)), ("vertex_index", len(mesh.vertices))):
        mesh.loops.foreach_get(field, corners)
        if len(np.unique(corners)) < count:
            return True
    return False
