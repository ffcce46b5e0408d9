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
from typing import Any

import bpy

from . import compare
from .child import BARE, ORIGINAL
from .groups import keep_small_groups
from .meshes import PREFIX, mesh_of, unsent

SNAPSHOTS = "snapshot-*.blend"
"""The names of snapshots. What stands for the star is the same wherever the same mesh was sent."""

CARRY = "generio_carry"
"""Custom property of the object in a snapshot: what is to be brought over besides, separated by blanks."""

BEFORE = "generio_before"
"""Custom property of the object in a snapshot: the object that was sent before it was ever optimized."""

FITTED = "generio_fitted"
"""Custom property of the object that has been fitted."""

NORMALS = "normals"
COLORS = "colors"


def snapshot_of(path: Path) -> Path | None:
    """The snapshot in the folder of the file `path`."""
    return next(iter(sorted(path.parent.glob(SNAPSHOTS))), None)


def fit(
    parts: Sequence[bpy.types.Object], snapshot: Path, names: Mapping[bpy.types.Material, str]
) -> dict[str, Any]:
    """Make one mesh of `parts`, in the object space of the mesh in `snapshot`, with what that one has.

    parts: the mesh objects of the optimized model, some with faces, linked into no scene; the first one gets
    the mesh and stands alone at the origin, the others are removed. names: of its materials, in the GLB.
    Returns the comparison (see `compare.comparison`), with "slots": whether its materials are those that were
    sent, slot by slot, and "lost": what the mesh that was sent has and this one has not. Where the snapshot
    knows what was sent before it was ever optimized, "first" has the comparison with that, and "lost".
    """
    before = set(bpy.data.libraries)
    # Linked, not appended: linked data keep their names, whatever names are taken.
    with bpy.data.libraries.load(str(snapshot), link=True) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(BARE)]
    (old,) = wanted.objects
    new = parts[0]
    first = old.get(BEFORE)
    try:
        with _scene_of([item for item in (old, first, *parts) if item is not None]) as scene:
            _join(scene, parts)
            _weld(mesh_of(old), mesh_of(new))
            slots = _arrange_slots(old, new, names)
            _name_uv_maps(mesh_of(old), mesh_of(new))
            with bpy.context.temp_override(
                scene=scene,
                view_layer=scene.view_layers[0],
                object=old,
                active_object=old,
                selected_editable_objects=[new],
            ):
                _bring_over(old, new, str(old.get(CARRY, "")).split())
            keep_small_groups(old, new)
            layer = scene.view_layers[0]
            layer.update()
            assert layer.depsgraph is not None
            report = _compared(old, new, layer.depsgraph)
            if first is not None:
                report["first"] = _compared(first, new, layer.depsgraph)
    finally:
        bpy.data.batch_remove([item for item in bpy.data.libraries if item not in before])
    new[FITTED] = True
    return {**report, "slots": slots}


def _compared(old: bpy.types.Object, new: bpy.types.Object, graph: bpy.types.Depsgraph) -> dict[str, Any]:
    """The comparison of two objects, with "lost": what `old` has and `new` has not."""
    lost = [kind for kind in unsent(mesh_of(old)) if kind not in unsent(mesh_of(new))]
    missing = len(mesh_of(old).uv_layers) - len(mesh_of(new).uv_layers)
    if missing > 0:
        lost.append(f"{missing} UV maps" if missing > 1 else "a UV map")
    if _has_loose(mesh_of(old)):
        lost.append("loose edges and vertices")
    return {**compare.comparison(old, new, graph), "lost": lost}


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


def _weld(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    """Close `new` where the GLB has a vertex more than once: at UV seams, hard edges, and between materials.

    Modifiers would tear it open there. Where normals differ edges become sharp. Vertices that `old` has more
    than once are meant to be.
    """
    import bmesh
    import numpy as np

    places, counts = np.unique(_points(old), axis=0, return_counts=True)
    doubled = {tuple(place) for place in places[counts > 1].tolist()}
    normals = np.empty((len(new.loops), 3), dtype=np.float32)
    shaped = new.has_custom_normals
    if shaped:
        # Custom normals are stored in relation to the faces around a vertex, which will be others.
        new.corner_normals.foreach_get("vector", normals.ravel())
        kept: Any = new.attributes.new(PREFIX + "normal", "FLOAT_VECTOR", "CORNER")
        kept.data.foreach_set("vector", normals.ravel())
    work = bmesh.new()
    work.from_mesh(new)
    first: dict[tuple[float, ...], Any] = {}
    same: dict[Any, Any] = {}
    for vertex in work.verts:
        if vertex.is_boundary and (place := vertex.co[:]) not in doubled:
            if place in first:
                same[vertex] = first[place]
            else:
                first[place] = vertex
    bmesh.ops.weld_verts(work, targetmap=same)
    work.to_mesh(new)
    work.free()
    if shaped:
        kept = new.attributes[PREFIX + "normal"]
        normals = np.empty((len(new.loops), 3), dtype=np.float32)
        kept.data.foreach_get("vector", normals.ravel())
        new.attributes.remove(kept)
        new.normals_split_custom_set(normals)  # type: ignore[arg-type]


def _has_loose(mesh: bpy.types.Mesh) -> bool:
    """Whether there is anything that is no part of a face."""
    import numpy as np

    corners = np.empty(len(mesh.loops), dtype=np.int32)
    for field, count in (("edge_index", len(mesh.edges)), ("vertex_index", len(mesh.vertices))):
        mesh.loops.foreach_get(field, corners)
        if len(np.unique(corners)) < count:
            return True
    return False


def _points(mesh: bpy.types.Mesh) -> Any:
    """The places of the vertices, N x 3."""
    import numpy as np

    points = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    mesh.vertices.foreach_get("co", points.ravel())
    return points


def name_of(material: bpy.types.Material | None) -> str:
    """What a material in a snapshot was called where it was sent; "" for none."""
    return str(material.get(ORIGINAL, material.name)) if material else ""


def slot_names(item: bpy.types.Object) -> list[str]:
    """What the materials of the slots are called in the GLB, each by a name of its own; "" for none.

    So slots with the same material, or with none, can be told apart: on another object that has the mesh they
    may have different ones.
    """
    names: list[str] = []
    for number, slot in enumerate(item.material_slots, 1):
        name = name_of(slot.material)
        if name in names:
            name = f"{name.encode()[:50].decode(errors='ignore')} slot {number}".lstrip()
        names.append(name)
    return names


def _arrange_slots(
    old: bpy.types.Object, new: bpy.types.Object, names: Mapping[bpy.types.Material, str]
) -> bool:
    """Give `new` the slots of `old` by the materials' names; False where its materials are others.

    One that was not sent, beside all that were, is the service's for what has none, and goes.
    """
    originals = slot_names(old)
    mesh = mesh_of(new)
    came = list(mesh.materials)
    wanted = [names[material] if material else "" for material in came]
    sent = {*originals} or {""}
    strange = {*wanted} - sent
    if len(strange) == 1 and sent - {*wanted} == {""}:
        wanted = ["" if name in strange else name for name in wanted]
    if not {*wanted} <= sent:
        return False
    if not originals:
        mesh.materials.clear()
        return True
    slots = [originals.index(name) for name in wanted]
    if slots != list(range(len(slots))):
        _renumber_faces(mesh, slots)
    by_name = {name: material for name, material in zip(wanted, came, strict=True) if name}
    for index, name in enumerate(originals):
        if index < len(mesh.materials):
            mesh.materials[index] = by_name.get(name)
        else:
            mesh.materials.append(by_name.get(name))
    while len(mesh.materials) > len(originals):
        mesh.materials.pop()
    return True


def _renumber_faces(mesh: bpy.types.Mesh, slots: Sequence[int]) -> None:
    """Let faces that have slot i have slot `slots`[i]."""
    import numpy as np  # takes longer to import than all of the add-on, and is needed here only

    attribute: Any = mesh.attributes.get("material_index")  # the polygons' own property is ten times slower
    if attribute is None:  # all faces have slot 0
        attribute = mesh.attributes.new("material_index", "INT", "FACE")
    indices = np.zeros(len(mesh.polygons), dtype=np.int32)
    attribute.data.foreach_get("value", indices)
    attribute.data.foreach_set("value", np.array(slots, dtype=np.int32)[indices])


def _name_uv_maps(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    for layer in new.uv_layers:
        layer.name = "GENERIO " + layer.name  # so that no name is taken by another of them
    for theirs, ours in zip(old.uv_layers, new.uv_layers, strict=False):
        ours.name = theirs.name
        ours.active = theirs.active
        ours.active_render = theirs.active_render


def _bring_over(old: bpy.types.Object, new: bpy.types.Object, carry: Sequence[str]) -> None:
    """Transfer vertex groups, and what else is asked for, from the active object to the selected one."""
    if old.vertex_groups:
        for group in old.vertex_groups:
            new.vertex_groups.new(name=group.name).lock_weight = group.lock_weight
        _transfer("VGROUP_WEIGHTS", vert_mapping="POLYINTERP_NEAREST")
        new.vertex_groups.active_index = old.vertex_groups.active_index
    if COLORS in carry and mesh_of(old).color_attributes:
        _carry_colors(mesh_of(old), mesh_of(new))
    if NORMALS in carry and mesh_of(old).has_custom_normals:
        _transfer("CUSTOM_NORMAL", loop_mapping="POLYINTERP_NEAREST")


def _carry_colors(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    for attribute in list(new.color_attributes):
        new.color_attributes.remove(attribute)  # the GLB's, which has lost its name
    kinds: set[str] = set()
    for attribute in old.color_attributes:
        new.color_attributes.new(attribute.name, attribute.data_type, attribute.domain)
        kinds.add("COLOR_VERTEX" if attribute.domain == "POINT" else "COLOR_CORNER")
    for kind in sorted(kinds):
        _transfer(kind, vert_mapping="POLYINTERP_NEAREST", loop_mapping="POLYINTERP_NEAREST")
    new.color_attributes.active_color_name = old.color_attributes.active_color_name
    new.color_attributes.default_color_name = old.color_attributes.default_color_name


def _transfer(kind: str, **mapping: str) -> None:
    """Blender's data transfer from the active to the selected object, layers by their names."""
    operator: Any = bpy.ops.object.data_transfer
    operator(data_type=kind, layers_select_src="ALL", layers_select_dst="NAME", **mapping)
