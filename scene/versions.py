# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimized object has two versions, before and after, until one of them is chosen.

The version that is not shown hangs on the one that is, by custom properties, and so is saved with the file:
    of a mesh    OTHER: the mesh that is not shown; REPORT: figures, JSON, of one that is after
    of an object STASH: an object in no scene that has the other mesh, and the modifiers that belong to it;
                 only where modifiers have been applied
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

import bpy

from .meshes import LEVELS, PREFIX, is_own, mesh_of, triangle_count, users_of

OTHER = PREFIX + "other"
REPORT = PREFIX + "report"
STASH = PREFIX + "stash"

LEFT = frozenset({"ARMATURE", "COLLISION", "PARTICLE_SYSTEM", "PARTICLE_INSTANCE"})
"""Modifiers that are never applied: what they do is no shape of the mesh, or goes on with the animation."""


def is_applied(modifier: bpy.types.Modifier) -> bool:
    """Whether "Apply" makes a modifier part of the mesh: not one that is off in the viewport."""
    return modifier.type not in LEFT and modifier.show_viewport


def applicable(item: bpy.types.Object) -> list[bpy.types.Modifier]:
    """The modifiers of `item` that "Apply" makes part of the mesh."""
    return [modifier for modifier in item.modifiers if is_applied(modifier)]


def remove_modifiers(item: bpy.types.Object, names: Collection[str]) -> None:
    """Remove those modifiers of `item` that have one of these names."""
    for modifier in [modifier for modifier in item.modifiers if modifier.name in names]:
        item.modifiers.remove(modifier)


# ---------------------------------------------------------------------- what there is


def hidden_mesh(item: bpy.types.Object) -> bpy.types.Mesh | None:
    """The other version of the mesh of `item`; None where there is only one."""
    stash = _stash(item)
    return mesh_of(stash) if stash else mesh_of(item).get(OTHER)


def shows_after(item: bpy.types.Object) -> bool:
    """Whether the mesh of `item` is an optimized one."""
    return REPORT in mesh_of(item)


def report_of(item: bpy.types.Object) -> Mapping[str, Any]:
    """The comparison of the two versions; see `fit`."""
    shown, hidden = mesh_of(item), hidden_mesh(item)
    text = shown.get(REPORT) or (hidden.get(REPORT) if hidden else None)
    return json.loads(text) if text else {}


def original_of(item: bpy.types.Object) -> tuple[bpy.types.Object, bpy.types.Mesh] | None:
    """The mesh of `item` before it was ever optimized, while that is kept and another is shown; else None.

    With the object whose modifiers belong to it: `item` itself, or what keeps those that were applied.
    """
    hidden = hidden_mesh(item)
    if hidden is None or not shows_after(item):
        return None
    return _stash(item) or item, hidden


def since_the_first(item: bpy.types.Object, report: dict[str, Any]) -> dict[str, Any]:
    """The report of what `item` is about to get, compared with what it can be reverted to by then.

    report: see `fit`. With "first", if that is still kept: not where what was sent has been accepted since.
    """
    first = report.pop("first", None)
    if first is None:
        return report
    counts = {name: first["before"][name] for name in ("vertices", "triangles")}
    known = report_of(item).get("before")  # with materials and textures, which `first` lacks
    if known is None:
        mesh = mesh_of(item)
        if counts != {"vertices": len(mesh.vertices), "triangles": triangle_count(mesh)}:
            return report
        known = report["before"]  # it has been reverted meanwhile
    return {**report, **first, "before": {**known, **counts}, "after": report["after"]}


def first_count(item: bpy.types.Object) -> int:
    """How many triangles `item` had before it was ever optimized, while that is kept; else it has now.

    Where modifiers were applied, what they made counts, which is what the figures tell of.
    """
    original = original_of(item)
    if original is None:
        return triangle_count(mesh_of(item))
    source, mesh = original
    return triangle_count(mesh) if source == item else report_of(item)["before"]["triangles"]


def with_versions(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """Those of `objects` that have two versions, one for each mesh that they share.

    Not those of another file, in which they are to be chosen.
    """
    chosen: dict[tuple[Any, Any], bpy.types.Object] = {}
    for item in objects:
        if item.type != "MESH" or not (is_own(item) and is_own(mesh_of(item))):
            continue
        if (hidden := hidden_mesh(item)) is not None:
            chosen.setdefault((item.data, hidden), item)
    return list(chosen.values())


def with_reports(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """Those of `objects` about whose optimizing there are figures, one for each mesh that they share."""
    chosen: dict[Any, bpy.types.Object] = {}
    for item in objects:
        if item.type == "MESH" and (REPORT in mesh_of(item) or hidden_mesh(item) is not None):
            chosen.setdefault(item.data, item)
    return list(chosen.values())


def showing(mesh: bpy.types.Mesh) -> list[bpy.types.Object]:
    """The objects that have this mesh, but for those that only keep it for another object; see STASH."""
    stashes = {item.get(STASH) for item in bpy.data.objects}
    return [item for item in users_of(mesh) if item not in stashes]


def _stash(item: bpy.types.Object) -> bpy.types.Object | None:
    return item.get(STASH)


def _together(item: bpy.types.Object) -> list[bpy.types.Object]:
    """The objects that change their version together with `item`."""
    users = showing(mesh_of(item))
    stash = _stash(item)
    if stash is None:
        return [user for user in users if _stash(user) is None]
    return [user for user in users if (other := _stash(user)) and other.data == stash.data]


# ---------------------------------------------------------------------- what can be done


def begin(
    items: list[bpy.types.Object],
    new: bpy.types.Mesh,
    applied: Mapping[bpy.types.Object, Collection[str]] | None,
) -> None:
    """`items`, which share a mesh, get `new`, and keep what they have as the version before.

    applied: the names of the modifiers of each that `new` was made with, and which go; None: it was made with
    none, and they stay. Of what had two versions already, the first one is kept, and the one in between goes.
    """
    for item in items:  # each may have one of its own
        if hidden_mesh(item) is not None and not shows_after(item):
            _drop_hidden(item)
    first = items[0]
    present = mesh_of(first)
    before = hidden_mesh(first) or present
    name = present.name
    if REPORT in before:  # it was a mesh after, and has been accepted
        del before[REPORT]
    leave_room(items, new)
    for item in items:
        if applied is not None and _stash(item) is None:
            stash = copy_of(item)
            if stash.animation_data:
                stash.animation_data.action = None  # but its drivers may be those of modifiers
            stash.parent = None
            stash.constraints.clear()
            stash.name = f"{item.name}_before"
            show(stash, before)
            item[STASH] = stash
        show(item, new)
        if applied is not None:
            remove_modifiers(item, applied[item])
    if any(_stash(item) is None for item in items):
        new[OTHER] = before
    if present != before:
        remove_unused(present)
    elif not showing(present):
        before.name = f"{name}_before"
    new.name = name


def toggle(item: bpy.types.Object) -> None:
    """Show the other version of `item`, and of all that change together with it."""
    shown, hidden = mesh_of(item), hidden_mesh(item)
    if hidden is None:
        return
    users = _together(item)
    if _duplicates_have(hidden, users):
        hidden = cast(bpy.types.Mesh, hidden.copy())
        hidden.pop(OTHER, None)
    name, suffix = shown.name, "after" if shows_after(item) else "before"
    stashed = _stash(item) is not None
    for user in users:
        if stash := _stash(user):
            if stash.users > 1:  # a duplicate that was made meanwhile has it, too
                stash = user[STASH] = cast(bpy.types.Object, stash.copy())
            show(stash, hidden)
            _exchange(user, stash)
        else:
            show(user, hidden)
    if not stashed:
        del shown[OTHER]
        hidden[OTHER] = shown
    shown.name = f"{name}_{suffix}"
    hidden.name = name


def _duplicates_have(hidden: bpy.types.Mesh, users: list[bpy.types.Object]) -> bool:
    """Whether duplicates of `users` with meshes of their own have `hidden` as a version, too, or show it."""
    stashes = {stash for user in users if (stash := _stash(user))}
    if stashes:
        return any(item.get(STASH) in stashes for item in bpy.data.objects if item not in users)
    shown = mesh_of(users[0])
    return OTHER in hidden or any(mesh.get(OTHER) == hidden for mesh in bpy.data.meshes if mesh != shown)


def accept(item: bpy.types.Object) -> None:
    """Keep the mesh after, and free the one before."""
    if not shows_after(item):
        toggle(item)
    _drop_hidden(item)
    mesh = mesh_of(item)
    if all(hidden_mesh(user) is None for user in users_of(mesh)):
        del mesh[REPORT]


def revert(item: bpy.types.Object) -> None:
    """Go back to the mesh before, and free the one after."""
    if shows_after(item):
        toggle(item)
    _drop_hidden(item)


def _drop_hidden(item: bpy.types.Object) -> None:
    hidden = hidden_mesh(item)
    if hidden is None:
        return
    for user in _together(item):
        if stash := _stash(user):
            del user[STASH]
            if not stash.users:
                bpy.data.objects.remove(stash)
    mesh = mesh_of(item)
    if mesh.get(OTHER) == hidden:  # and not that of objects without modifiers that were applied
        del mesh[OTHER]
    remove_unused(hidden)


def remove_unused(mesh: bpy.types.Mesh) -> None:
    """Remove a mesh that no object uses, with the materials and images that only it used."""
    if mesh.users > mesh.use_fake_user:
        return
    materials = {material for material in mesh.materials if material}
    bpy.data.meshes.remove(mesh)
    unused = {material for material in materials if not material.users}
    images = {
        node.image  # type: ignore[attr-defined]
        for material in unused
        if material.node_tree
        for node in material.node_tree.nodes
        if node.type == "TEX_IMAGE" and node.image  # type: ignore[attr-defined]
    }
    bpy.data.batch_remove([*unused])
    bpy.data.batch_remove([image for image in images if not image.users])


# ---------------------------------------------------------------------- how


def copy_of(item: bpy.types.Object) -> bpy.types.Object:
    """A copy of `item` in no collection and without its levels of detail.

    Blender puts that of a rigid body into the world of those.
    """
    copy = cast(bpy.types.Object, item.copy())
    copy.pop(LEVELS, None)
    if copy.rigid_body or copy.rigid_body_constraint:  # else it is in none, and to ask takes long
        for collection in copy.users_collection:
            collection.objects.unlink(copy)
    return copy


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


def _exchange(item: bpy.types.Object, stash: bpy.types.Object) -> None:
    """Let the two have each other's mesh and modifiers."""
    between = cast(bpy.types.Object, item.copy())
    take(item, stash)
    take(stash, between)
    bpy.data.objects.remove(between)


def take(item: bpy.types.Object, source: bpy.types.Object) -> None:
    """Give `item` the mesh and the modifiers of `source`."""
    show(item, mesh_of(source))
    names = [modifier.name for modifier in source.modifiers]
    for modifier in list(item.modifiers):
        if modifier.type not in LEFT or modifier.name not in names:
            item.modifiers.remove(modifier)
    for place, name in enumerate(names):
        if name not in item.modifiers:
            with bpy.context.temp_override(object=source, active_object=source, selected_objects=[item]):
                bpy.ops.object.modifier_copy_to_selected(modifier=name)
        item.modifiers.move(item.modifiers.find(name), place)
    _take_drivers(item, source)


def _take_drivers(item: bpy.types.Object, source: bpy.types.Object) -> None:
    """The drivers of modifiers, which go with them."""
    data = source.animation_data
    driven = [curve for curve in data.drivers if curve.data_path.startswith("modifiers[")] if data else []
    for curve in driven:
        own = item.animation_data or item.animation_data_create()
        if own.drivers.find(curve.data_path, index=curve.array_index) is None:
            copy = own.drivers.from_existing(src_driver=curve)
            for variable in copy.driver.variables:
                for target in variable.targets:
                    if target.id == source:
                        target.id = item
