# SPDX-License-Identifier: GPL-3.0-or-later
"""Several models of one request, side by side, until one of them is kept."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from mathutils import Vector

from ..bounds import Bounds, bounds
from ..meshes import NAMED, PREFIX, TOKEN, is_own
from .boxes import BOX, box_place

GROUP = "generio_group"
"""Custom property of the models that are variants of each other."""

PLACED_AT = PREFIX + "stands_at"
"""Custom property of a model: where it was put, to see whether the user has moved it since."""

REQUESTED_AT = PREFIX + "asked_at"
"""Custom property of a model: the place that it was to come to, where others may stand beside it."""

NUMBER = PREFIX + "number"
"""Custom property of a variant: which one it is."""

MOVE_TOLERANCE = 1e-4
"""Blender units; a way that is shorter is none."""

PART = PREFIX + "part"
"""Custom property of what came in below a model: the token of its job."""

GAP = 0.15
"""Between two variants, in widths of the later one."""


def variants(group: str) -> list[bpy.types.Object]:
    """The models of one request that stand in a scene, and are this file's own."""
    return [
        item
        for item in bpy.data.objects
        if group and item.get(GROUP) == group and BOX not in item and item.users_scene and is_own(item)
    ]


def was_moved(item: bpy.types.Object) -> bool:
    """Whether the user has moved a model from where it was put."""
    if PLACED_AT not in item:
        return False
    return item.parent is not None or (item.location - Vector(item[PLACED_AT])).length > MOVE_TOLERANCE


def variants_at(group: str, location: Sequence[float]) -> list[bpy.types.Object]:
    """The variants that were to come to this place, too, and stand where they were put."""
    meant = Vector(location)
    return [
        item
        for item in variants(group)
        if not was_moved(item) and (Vector(item.get(REQUESTED_AT, meant)) - meant).length <= MOVE_TOLERANCE
    ]


def other_models_at(scene: bpy.types.Scene, group: str, location: Sequence[float]) -> list[bpy.types.Object]:
    """The models of other requests that were to come to this place, too, and stand where they were put."""
    meant = Vector(location)
    return [
        item
        for item in scene.objects
        if (asked := item.get(REQUESTED_AT)) is not None
        and not (group and item.get(GROUP) == group)
        and (Vector(asked) - meant).length <= MOVE_TOLERANCE
        and not was_moved(item)
        and is_own(item)
    ]


def variant_of(item: bpy.types.Object | None) -> bpy.types.Object | None:
    """The variant that an object is, or a part of; None where it is none."""
    while item is not None and (GROUP not in item or BOX in item):
        item = item.parent
    return item


def chosen_variant(context: bpy.types.Context) -> bpy.types.Object | None:
    """The variant that is selected, if any, by whichever of its parts."""
    item = context.active_object
    found = variant_of(item) if item is not None and item.select_get() else None
    return found if found is not None and is_own(found) else None


def choose(chosen: bpy.types.Object) -> int:
    """Remove the other variants, with their box, and nothing of the user's own; returns how many are gone.

    What was duplicated has the same properties, but another name than it was given: it stays, as the chosen
    one does, which comes into the box if it still stands beside it.
    """
    group, token = chosen[GROUP], chosen.get(TOKEN)
    others = [item for item in variants(group) if item.get(TOKEN) != token and _is_no_duplicate(item)]
    boxes = [
        item
        for item in bpy.data.objects
        if BOX in item and item.get(GROUP) == group and _is_no_duplicate(item)
    ]
    parts = [part for root in others for part in root.children_recursive if part.get(PART) == root.get(TOKEN)]
    if boxes and not was_moved(chosen):
        chosen.location = box_place(boxes[0]).translation
    remove([*boxes, *others, *parts])
    for item in variants(group):
        for name in (GROUP, NUMBER, NAMED):
            item.pop(name, None)
    return len(others)


def _is_no_duplicate(item: bpy.types.Object) -> bool:
    """Whether it is what was named so, and no duplicate of that."""
    return item.get(NAMED) == item.name and is_own(item)


def remove(items: Sequence[bpy.types.Object]) -> None:
    """Remove objects; what hangs on them and does not go with them stays where it is."""
    gone = {*items}
    for child in [child for item in gone for child in item.children if child not in gone]:
        world = child.matrix_world.copy()
        child.parent = None
        child.matrix_world = world
    bpy.data.batch_remove([*gone])


def arrange_in_order(
    root: bpy.types.Object,
    objects: Sequence[bpy.types.Object],
    others: Sequence[bpy.types.Object],
    number: int,
) -> None:
    """Let a variant, whichever comes first, stand right of those before it, and left of those after it.

    These make room for it. What hangs on a variant moves with it, along the world's X axis.
    """
    before = [item for item in others if item.get(NUMBER, 0) <= number]
    after = sorted((item for item in others if item not in before), key=lambda item: item[NUMBER])
    if before:
        low, high = bounds(objects)
        root.location.x += _bounds_with_children(before)[1].x - low.x + (high.x - low.x) * GAP
    if after:
        low, high = _bounds_with_children(after[:1])
        step = bounds(objects)[1].x - _bounds_with_children(after)[0].x + (high.x - low.x) * GAP
        for item in after:
            item.location.x += step
            item[PLACED_AT] = [*item.location]


def move_clear(
    root: bpy.types.Object, objects: Sequence[bpy.types.Object], others: Sequence[bpy.types.Object]
) -> None:
    """Let a model that would stand in one of the `others` stand right of all of them."""
    low, high = bounds(objects)
    occupied = [_bounds_with_children([item]) for item in others]
    if any(low.x < end.x and start.x < high.x for start, end in occupied):
        root.location.x += max(end.x for _start, end in occupied) - low.x + (high.x - low.x) * GAP


def _bounds_with_children(items: Sequence[bpy.types.Object]) -> Bounds:
    """The bounds of objects with all that hangs on them."""
    return bounds([part for item in items for part in (item, *item.children_recursive)])
