# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimized object has two versions, before and after, until one of them is chosen.

The version that is not shown hangs on the one that is, by custom properties, and so is saved with the file:
    of a mesh    OTHER: the mesh that is not shown; REPORT: figures, JSON, of one that is after
    of an object STASH: an object in no scene that has the other mesh, and the modifiers that belong to it;
                 only where modifiers have been applied
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

import bpy

from . import modifiers
from .bake import slots
from .bake.settings import forget_original
from .meshes import MADE_WITH, PREFIX, is_own, mesh_of, triangle_count, users_of
from .place.unique_names import suffixed
from .restore import datablock
from .unused import freed

OTHER = PREFIX + "other"
REPORT = PREFIX + "report"
STASH = PREFIX + "stash"

# ---------------------------------------------------------------------- what there is


def hidden_mesh(item: bpy.types.Object) -> bpy.types.Mesh | None:
    """The other version of the mesh of `item`; None where there is only one."""
    stash = _stash(item)
    return mesh_of(stash) if stash else mesh_of(item).get(OTHER)


def shows_after(item: bpy.types.Object) -> bool:
    """Whether the mesh of `item` is an optimized one."""
    return REPORT in mesh_of(item)


def report_of(item: bpy.types.Object) -> Mapping[str, Any]:
    """The comparison of the two versions; see `restore_mesh_data`."""
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
    """Return the report of a result for `item`, compared with the mesh that `item` can be reverted to.

    report: see `restore_mesh_data`. If the mesh that was sent has been accepted since, "first" is not used.
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


def install(
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
    stashes = {item: _stashed(item) for item in items if applied is not None and _stash(item) is None}
    modifiers.leave_room(items, new)
    for item in items:
        if item in stashes:
            modifiers.show(stashes[item], before)
            item[STASH] = stashes[item]
        modifiers.show(item, new)
        if applied is not None:
            modifiers.remove_modifiers(item, applied[item])
    redirect_versions(present, new)
    if any(_stash(item) is None for item in items):
        new[OTHER] = before
    if present != before:
        remove_unused(present)
    elif not showing(present):
        before.name = suffixed(name, "_before")
    new.name = name


def _stashed(item: bpy.types.Object) -> bpy.types.Object:
    """A copy of `item` as the version that is not shown, which does nothing by itself; see STASH."""
    stash = modifiers.copy_of(item)
    for name in list(stash.keys()):
        del stash[name]  # it may be the stash of before, or refer to the object itself
    if stash.animation_data:
        stash.animation_data.action = None  # but its drivers may be those of modifiers
    stash.parent = None
    stash.constraints.clear()
    stash.name = suffixed(item.name, "_before")
    return stash


def redirect_versions(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    """What refers to the mesh that was shown refers to the one that is, unless that was is still seen."""
    if showing(old):
        return
    stashes = users_of(old)
    others = [mesh for mesh in bpy.data.meshes if mesh.get(OTHER) == old]
    datablock.redirect(old, new)
    for stash in stashes:
        modifiers.show(stash, old)
    for mesh in others:
        mesh[OTHER] = old


def toggle(item: bpy.types.Object) -> None:
    """Show the other version of `item`, and of all that change together with it.

    Raises CannotSwap where one of them cannot get it; then all are as they were.
    """
    shown, hidden = mesh_of(item), hidden_mesh(item)
    if hidden is None:
        return
    users = _together(item)
    for user in users:
        if stash := _stash(user):
            modifiers.check(user, stash)
    if _duplicates_have(hidden, users):
        hidden = cast(bpy.types.Mesh, hidden.copy())
        hidden.pop(OTHER, None)
    name, suffix = shown.name, "_after" if shows_after(item) else "_before"
    stashed = _stash(item) is not None
    for user in users:
        slots.exchange(user)
    owners = _owners()
    for user in users:
        if stash := _stash(user):
            _exchange(user, stash, hidden)
            owners[stash] -= 1
            if not owners[stash]:  # and no duplicate, that was made meanwhile, has it, too
                name_before = stash.name
                bpy.data.objects.remove(stash)
                user[STASH].name = name_before
        else:
            modifiers.show(user, hidden)
    redirect_versions(shown, hidden)
    if not stashed:
        del shown[OTHER]
        hidden[OTHER] = shown
    shown.name = suffixed(name, suffix)
    hidden.name = name


def _owners() -> Counter[bpy.types.Object]:
    """For each stash how many objects have it; Blender's own count has those that it refers to itself by."""
    return Counter(stash for item in bpy.data.objects if (stash := _stash(item)))


def _exchange(item: bpy.types.Object, stash: bpy.types.Object, hidden: bpy.types.Mesh) -> None:
    """Let `item` have the modifiers of `stash`, and `hidden`, and another stash what it has now."""
    other = _stashed(item)
    modifiers.copy_modifiers(item, stash)
    modifiers.show(item, hidden)
    item[STASH] = other


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
        mesh.pop(MADE_WITH, None)
        with freed():
            for material in mesh.materials:
                forget_original(material)


def revert(item: bpy.types.Object) -> None:
    """Go back to the mesh before, and free the one after."""
    if shows_after(item):
        toggle(item)
    _drop_hidden(item)


def _drop_hidden(item: bpy.types.Object) -> None:
    hidden = hidden_mesh(item)
    if hidden is None:
        return
    with freed():
        together = _together(item)
        stashes = {user: stash for user in together if (stash := _stash(user))}
        for user in together:
            slots.forget_waiting(user)
        for user in stashes:
            del user[STASH]
        bpy.data.batch_remove([*({*stashes.values()} - _owners().keys())])
        mesh = mesh_of(item)
        if mesh.get(OTHER) == hidden:  # and not that of objects without modifiers that were applied
            del mesh[OTHER]
        remove_unused(hidden)


def remove_unused(mesh: bpy.types.Mesh) -> None:
    """Remove a mesh that no object uses, with the materials and what else only it used."""
    if mesh.users > mesh.use_fake_user:
        return
    with freed():
        bpy.data.meshes.remove(mesh)
