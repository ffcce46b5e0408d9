# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimized model is fitted onto the mesh that was sent, and compared with it.

A GLB carries neither vertex groups nor the names of UV maps, and it splits a mesh by materials. The child
that reads a result does this with the snapshot beside it, so that the window only has to take the finished
mesh. Where no child can be started, the user's Blender does it itself, in a scene of its own.
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
from .rebuild import keep_faces
from .shading import keep_shading
from .small_groups import keep_small_groups
from .transfer import bring_colors, bring_groups, bring_uv_maps
from .weld import weld

CARRY = "generio_carry"
"""Custom property of the object in a snapshot: what is to be brought over besides, separated by blanks."""

BEFORE = "generio_before"
"""Custom property of the object in a snapshot: the object that was sent before it was ever optimized."""

FITTED = "generio_fitted"
"""Custom property of the object that has been fitted."""

NORMALS = "normals"
COLORS = "colors"


class DoesNotFit(Exception):
    """The result is not where the mesh is that was sent, and nothing brings it there."""


def fit(
    parts: Sequence[bpy.types.Object], snapshot: Path, names: Mapping[bpy.types.Material, str]
) -> dict[str, Any]:
    """Make one mesh of `parts`, in the object space of the mesh in `snapshot`, with what that one has.

    parts: the mesh objects of the optimized model, some with faces, linked into no scene; the first one gets
    the mesh and stands alone at the origin, the others are removed. names: of its materials, in the GLB.
    Returns the comparison (see `compare.comparison`), with "slots": whether its materials came back as they
    were sent, "slot_names": what they were called then, "lost": what the mesh that was sent has and this one
    has not, "told": what the service has changed besides, in sentences, "plain": whether of the materials
    only the names were sent, and "came": how else than what was sent it lay there, see `_put_back`. Where
    the snapshot knows what was sent before it was ever optimized, "first" has the comparison with that, and
    "lost". Raises DoesNotFit, after which the first of `parts` is the whole result as it came.
    """
    before = set(bpy.data.libraries)
    # Linked, not appended: linked data keep their names, whatever names are taken.
    with bpy.data.libraries.load(str(snapshot), link=True) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(SUBJECT)]
    (old,) = wanted.objects
    new = parts[0]
    first = old.get(BEFORE)
    from . import centering  # which has numpy, see `_put_back`

    middle = centering.far_middle(mesh_of(old))
    try:
        for item in (old, first):
            if item is not None:
                centering.move(mesh_of(item), -middle)
        with _scene_of([item for item in (old, first, *parts) if item is not None]) as scene:
            _join(scene, parts)
            came = _put_back(scene, old, new)
            of_slots, of_rest = _take_after(old, new, scene, names)
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
    new[FITTED] = True
    slots = {"slots": not of_slots, "slot_names": sent_as}
    told = [message.to_data() for message in (*of_slots, *of_rest)]
    plain = plain_materials_note(snapshot).exists()
    return {**report, **slots, "told": told, "plain": plain, "came": came}


def _take_after(
    old: bpy.types.Object,
    new: bpy.types.Object,
    scene: bpy.types.Scene,
    names: Mapping[bpy.types.Material, str],
) -> tuple[list[Message], list[Message]]:
    """Let `new`, the result, have what `old`, which was sent, has.

    Returns what is to be told about its materials, and about the rest.
    """
    import numpy as np

    carry = str(old.get(CARRY, "")).split()
    sent, mesh = mesh_of(old), mesh_of(new)
    if mesh.shape_keys is not None:  # which are the service's own, since none are sent
        new.shape_key_clear()
    matched = match(sent, mesh, scene)
    of_slots = arrange_slots(matched, old, new, names)
    if matched.is_unchanged:
        _give_back(old, new)
        return of_slots, []
    if (collapsed := matched.new.collapsed).any() and not collapsed.all():
        # What has no width is no surface, and nobody could tell which of its corners belong together.
        keep_faces(mesh, np.bincount(matched.new.faces[~collapsed], minlength=len(mesh.polygons)) > 0)
        matched = match(sent, mesh, scene)
    weld(mesh, matched)
    remove_additions(sent, mesh)
    told = bring_uv_maps(matched, sent, mesh)
    bring_colors(matched, sent, mesh, COLORS in carry)
    bring_groups(matched, old, new)
    keep_small_groups(matched, old, new)
    told += keep_shading(matched, sent, new, NORMALS in carry)
    arrange_layers(sent, mesh)
    return of_slots, told


def _give_back(old: bpy.types.Object, new: bpy.types.Object) -> None:
    """Let `new` have the mesh of `old` itself, since each of its triangles has come back, and no other.

    But for shape keys, whose animation was not sent.
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
    """The comparison of two objects, with "lost": what `old` has and `new` has not."""
    lost = [kind for kind in unsent(mesh_of(old)) if kind not in unsent(mesh_of(new))]
    if _has_loose(mesh_of(old)) and not _has_loose(mesh_of(new)):
        lost.append(Message("loose edges and vertices"))
    return {**compare.comparison(old, new, graph), "lost": [kind.to_data() for kind in lost]}


@contextmanager
def _scene_of(objects: Sequence[bpy.types.Object]) -> Iterator[bpy.types.Scene]:
    """A scene with these objects alone."""
    scene = bpy.data.scenes.new("GENERIO fit")
    try:
        for item in objects:
            scene.collection.objects.link(item)
        scene.view_layers[0].update()
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


def _join(scene: bpy.types.Scene, parts: Sequence[bpy.types.Object]) -> None:
    """One mesh at the origin. A GLB has no object space, so what was sent stood at the origin as well."""
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


def _put_back(scene: bpy.types.Scene, old: bpy.types.Object, new: bpy.types.Object) -> dict[str, Any]:
    """Turn, scale and shift the mesh of `new` to where that of `old` is, if it came otherwise.

    Returns how it came: "turned" and "shifted", and "scale", a factor. Raises DoesNotFit.
    """
    from . import align, probe

    way = align.similarity(probe.surface(scene, old), probe.surface(scene, new))
    if way is None:
        raise DoesNotFit
    if way is not align.IDENTITY:
        mesh_of(new).transform(Matrix(way.matrix.tolist()))
        probe.snap(mesh_of(old), mesh_of(new))
        scene.view_layers[0].update()
    return {"turned": way.turns, "shifted": way.shifts, "scale": 1.0 / way.scale}


def _has_loose(mesh: bpy.types.Mesh) -> bool:
    """Whether there is anything that is no part of a face."""
    import numpy as np

    corners = np.empty(len(mesh.loops), dtype=np.int32)
    for field, count in (("edge_index", len(mesh.edges)), ("vertex_index", len(mesh.vertices))):
        mesh.loops.foreach_get(field, corners)
        if len(np.unique(corners)) < count:
            return True
    return False
