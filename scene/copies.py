# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of objects that have another mesh: what is in them, and where they stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import bpy
from mathutils import Vector

from . import modifiers, versions
from .errors import CannotPlace, CannotSwap
from .meshes import mesh_of

GAP = 1.1
"""How far beside their originals copies stand, in widths of the originals."""

THIN = 0.1
"""How far at least, as a share of their longest side: a wall across the X axis has no width."""


def copy_with(
    item: bpy.types.Object, mesh: bpy.types.Mesh, name: str, applied: Collection[str]
) -> bpy.types.Object:
    """A copy of `item` in no collection that has `mesh`, and not the modifiers that are in it."""
    modifiers.leave_room([item], mesh)
    copy = modifiers.copy_of(item)
    modifiers.show(copy, mesh)
    copy.name = name
    modifiers.remove_modifiers(copy, applied)
    return copy


def renew(copy: bpy.types.Object, fresh: bpy.types.Object) -> None:
    """Give a copy the mesh and the modifiers of `fresh`, which goes; see `check_renew`."""
    former, mesh = mesh_of(copy), mesh_of(fresh)
    modifiers.copy_modifiers(copy, fresh)
    bpy.data.objects.remove(fresh)
    versions.redirect_versions(former, mesh)
    versions.remove_unused(former)


def check_renew(pairs: Iterable[tuple[bpy.types.Object, bpy.types.Object]]) -> None:
    """Raise CannotPlace, before anything is changed, where one of the copies cannot be renewed."""
    try:
        for copy, fresh in pairs:
            modifiers.check(copy, fresh)
    except CannotSwap as error:
        raise CannotPlace(error.message) from error


def beside(items: Sequence[bpy.types.Object]) -> float:
    """How far along the world's X axis copies of all `items` stand next to all of them; Blender units."""
    corners = [item.matrix_world @ Vector(corner) for item in items for corner in item.bound_box]
    sizes = [max(ends) - min(ends) for ends in zip(*corners, strict=True)]
    return max(sizes[0] * GAP, max(sizes) * THIN)


def move_beside(
    targets: Sequence[bpy.types.Object], copies: Sequence[bpy.types.Object], offset: float
) -> None:
    """Move all copies by `offset`, see `beside`."""
    way = Vector((offset, 0.0, 0.0))
    for item, copy in zip(targets, copies, strict=True):
        around = item.matrix_world @ item.matrix_basis.inverted_safe()
        step = around.to_3x3().inverted_safe() @ way
        moves = item.animation_data is not None or len(item.constraints)
        if moves:
            copy.delta_location = item.delta_location + step  # the location will be set again
        else:
            copy.location = item.location + step


def hide(item: bpy.types.Object) -> None:
    """Hide `item` where it can be seen, and from the render."""
    item.hide_render = True
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            if item.name in layer.objects:
                item.hide_set(True, view_layer=layer)


def collections_of(
    items: Sequence[bpy.types.Object],
) -> dict[bpy.types.Object, list[bpy.types.Collection]]:
    """The collections that each of the objects is in; Blender would look through all of them for each."""
    found: dict[bpy.types.Object, list[bpy.types.Collection]] = {item: [] for item in items}
    for collection in (*bpy.data.collections, *(scene.collection for scene in bpy.data.scenes)):
        for member in collection.objects:
            if member in found:
                found[member].append(collection)
    return found
