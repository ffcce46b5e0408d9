# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimized mesh comes to the objects that it was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import bpy
from mathutils import Matrix, Vector

from .errors import CannotPlace
from .meshes import mesh_of

GAP = 1.1
"""How far beside its original a copy stands, in widths of the original."""


def joined_mesh(context: bpy.types.Context, objects: list[bpy.types.Object]) -> bpy.types.Mesh:
    """The one mesh of an optimized model, in the object space of the mesh that was sent."""
    parts = [item for item in objects if item.type == "MESH"]
    if not parts or not any(len(mesh_of(item).polygons) for item in parts):
        raise CannotPlace("The optimized model has no faces.", "Try a higher number of triangles.")
    first = parts[0]
    if len(parts) > 1:
        for item in parts:
            context.scene.collection.objects.link(item)
        context.view_layer.update()
        with context.temp_override(active_object=first, object=first, selected_editable_objects=parts):
            bpy.ops.object.join()
        objects[:] = [item for item in objects if item not in parts[1:]]
        context.scene.collection.objects.unlink(first)
    mesh = mesh_of(first)
    mesh.transform(_matrix_from_root(first))
    return mesh


def _matrix_from_root(item: bpy.types.Object) -> Matrix:
    """`matrix_world` of an object that is in no scene, where Blender does not work it out."""
    own = item.matrix_parent_inverse @ item.matrix_basis
    return _matrix_from_root(item.parent) @ own if item.parent else own


def adopt_names(
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


def swap_mesh(target: bpy.types.Object, mesh: bpy.types.Mesh) -> bpy.types.Object:
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


def copy_beside(target: bpy.types.Object, mesh: bpy.types.Mesh) -> bpy.types.Object:
    """A copy of the target with the new mesh, next to it along the world's X axis."""
    corners = [target.matrix_world @ Vector(corner) for corner in target.bound_box]
    width = max(corner.x for corner in corners) - min(corner.x for corner in corners)
    copy = cast(bpy.types.Object, target.copy())
    copy.data = mesh
    copy.name = f"{target.name}_optimized"
    mesh.name = copy.name
    for collection in target.users_collection:
        collection.objects.link(copy)
    copy.matrix_world = Matrix.Translation((width * GAP, 0.0, 0.0)) @ target.matrix_world
    return copy
