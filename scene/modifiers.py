# SPDX-License-Identifier: GPL-3.0-or-later
"""Modifiers go from one object to another, all of them or none.

Blender copies a modifier exactly, with what it has bound, when it copies the whole object, or by an operator
that takes neither hooks nor collisions. So an object that is copied has everything, and one that has to stay
the same object gets its modifiers one by one, after a copy of it has got them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import bpy

from ..core.messages import Message
from .errors import CannotSwap
from .meshes import COPY_OF, LEVELS, ORIGIN, mesh_of
from .rna_settings import copy_settings

NEVER_APPLIED = frozenset({"ARMATURE", "COLLISION", "EXPLODE", "PARTICLE_SYSTEM", "PARTICLE_INSTANCE"})
"""Modifiers that are never applied: what they do is no shape of the mesh, or goes on with the animation."""


def is_applied(modifier: bpy.types.Modifier) -> bool:
    """Whether "Apply" makes a modifier part of the mesh: not one that is off in the viewport."""
    return modifier.type not in NEVER_APPLIED and modifier.show_viewport


def applicable(item: bpy.types.Object) -> list[bpy.types.Modifier]:
    """The modifiers of `item` that "Apply" makes part of the mesh."""
    return [modifier for modifier in item.modifiers if is_applied(modifier)]


def remove_modifiers(item: bpy.types.Object, names: Collection[str]) -> None:
    """Remove those modifiers of `item` that have one of these names."""
    for modifier in [modifier for modifier in item.modifiers if modifier.name in names]:
        item.modifiers.remove(modifier)


def copy_of(item: bpy.types.Object) -> bpy.types.Object:
    """A copy of `item` in no collection, without its levels of detail, and known as nobody's original.

    Blender puts that of a rigid body into the world of those.
    """
    copy = cast(bpy.types.Object, item.copy())
    for name in (LEVELS, ORIGIN, COPY_OF):
        copy.pop(name, None)
    if copy.rigid_body or copy.rigid_body_constraint:  # else it is in none, and to ask takes long
        for collection in copy.users_collection:
            collection.objects.unlink(copy)
    return copy


def check(item: bpy.types.Object, source: bpy.types.Object) -> None:
    """Raises CannotSwap, before anything is changed, where `copy_modifiers` would fail."""
    trial = copy_of(item)
    try:
        copy_modifiers(trial, source)
    except Exception as error:  # whatever Blender may raise
        raise CannotSwap(item.name, error) from error
    finally:
        bpy.data.objects.remove(trial)


def copy_modifiers(item: bpy.types.Object, source: bpy.types.Object) -> None:
    """Give `item` the mesh and the modifiers of `source`, with their drivers; see `check`.

    Those of LEFT that both have stay as they are on `item`. Raises RuntimeError.
    """
    show(item, mesh_of(source))
    wanted = [(modifier.name, modifier.type) for modifier in source.modifiers]
    for modifier in list(item.modifiers):
        if modifier.type not in NEVER_APPLIED or (modifier.name, modifier.type) not in wanted:
            item.modifiers.remove(modifier)
    for place, (name, _kind) in enumerate(wanted):
        if name not in item.modifiers:
            _copy(item, source, name)
        item.modifiers.move(item.modifiers.find(name), place)
    if [(modifier.name, modifier.type) for modifier in item.modifiers] != wanted:
        raise RuntimeError(Message("Blender changes the order of the modifiers."))
    active = source.modifiers.active
    if active is not None:
        item.modifiers.active = item.modifiers[active.name]
    _copy_drivers(item, source)


def _copy(item: bpy.types.Object, source: bpy.types.Object, name: str) -> None:
    """Give `item` a copy of one modifier; raises RuntimeError."""
    modifier = source.modifiers[name]
    if modifier.type in ("HOOK", "COLLISION"):
        _copy_by_settings(item, source, modifier)
    else:
        with bpy.context.temp_override(object=source, active_object=source, selected_objects=[item]):
            bpy.ops.object.modifier_copy_to_selected(modifier=name)
    if name not in item.modifiers:
        raise RuntimeError(Message('Blender does not copy the modifier "{name}".', name=name))
    copy = item.modifiers[name]
    for place in _inputs_with(copy, source):
        _set_input(copy, place, item)


def _inputs_with(modifier: Any, inputs: bpy.types.Object) -> list[str]:
    """The inputs by which geometry nodes are given an object."""
    if modifier.type != "NODES":
        return []
    if not hasattr(modifier, "properties"):  # before Blender 5.2
        return [name for name, value in modifier.items() if value == inputs]
    inputs = modifier.properties.inputs
    names = [entry.identifier for entry in inputs.bl_rna.properties]
    return [name for name in names if getattr(getattr(inputs, name), "value", None) == inputs]


def _set_input(modifier: Any, name: str, given: bpy.types.Object) -> None:
    if hasattr(modifier, "properties"):
        getattr(modifier.properties.inputs, name).value = given
    else:
        modifier[name] = given


def _copy_by_settings(item: bpy.types.Object, source: bpy.types.Object, modifier: Any) -> None:
    """Copy a modifier that Blender's operator does not take."""
    made: Any = item.modifiers.new(modifier.name, modifier.type)
    copy_settings(made, modifier)
    if modifier.type == "HOOK":
        made.vertex_indices_set(modifier.vertex_indices)
    else:
        copy_settings(item.collision, source.collision)


def _copy_drivers(item: bpy.types.Object, source: bpy.types.Object) -> None:
    """The drivers of modifiers, which go with them."""
    data = source.animation_data
    driven = [curve for curve in data.drivers if curve.data_path.startswith("modifiers[")] if data else []
    for curve in driven:
        own = item.animation_data or item.animation_data_create()
        if own.drivers.find(curve.data_path, index=curve.array_index) is None:
            redirect_driver(own.drivers.from_existing(src_driver=curve), source, item)


def redirect_driver(curve: Any, old: bpy.types.ID, new: bpy.types.ID) -> None:
    """Let the driver of a curve read `new` where it reads `old`."""
    for variable in curve.driver.variables:
        for target in variable.targets:
            if target.id == old:
                target.id = new


# ---------------------------------------------------------------------- the mesh that they work on


def leave_room(items: list[bpy.types.Object], mesh: bpy.types.Mesh) -> None:
    """Let `mesh` have enough slots for the materials that the objects themselves have."""
    needed = max(
        (
            index + 1
            for item in items
            for index, slot in enumerate(item.material_slots)
            if slot.link == "OBJECT"
        ),
        default=0,
    )
    while len(mesh.materials) < needed:
        mesh.materials.append(None)


def show(item: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
    """Give `item` another mesh, and leave it the materials that are its own."""
    slots = [(slot.link, slot.material) for slot in item.material_slots]
    item.data = mesh
    _set_slots(item, slots)


def _set_slots(item: bpy.types.Object, slots: list[tuple[str, Any]]) -> None:
    for slot, (link, material) in zip(item.material_slots, slots, strict=False):
        if link == "OBJECT" and (slot.link, slot.material) != (link, material):
            slot.link = link
            slot.material = material
