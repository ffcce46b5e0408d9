# SPDX-License-Identifier: GPL-3.0-or-later
"""A new model settles, as its destination says: how large it gets, and what it stands on, in or beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
from mathutils import Matrix, Vector

from ...core.destination import NewModel
from ..bounds import bounds
from ..meshes import NAMED, mesh_of
from .boxes import BOX, FLAT, box_of, box_place, sides_of
from .variants import (
    GROUP,
    NUMBER,
    PLACED_AT,
    REQUESTED_AT,
    arrange_in_order,
    move_clear,
    other_models_at,
    remove,
    variants_at,
)


def metre(scene: bpy.types.Scene) -> float:
    """How many Blender units a metre has, by the scene's own unit."""
    unit: Any = scene.unit_settings
    return 1.0 / unit.scale_length if unit.system != "NONE" else 1.0


def transform_model(
    root: bpy.types.Object,
    objects: Sequence[bpy.types.Object],
    destination: NewModel,
    more_to_come: bool = False,
) -> bpy.types.Object:
    """Let a model of `objects` under `root`, all linked, stand where it belongs; returns its root by then.

    more_to_come: whether another model is still to come into the same box.
    """
    _shade(objects, destination.shading)
    # Before the new model is one of them.
    location = destination.location
    others = variants_at(destination.group, location)
    apart = (
        other_models_at(root.users_scene[0], destination.group, location) if destination.box is None else []
    )
    if GROUP not in root and destination.group:
        root[GROUP] = destination.group
    box = box_of(destination.box) if destination.box is not None else None
    low, high = bounds(objects)
    size: Any = high - low
    scale = destination.scale
    if destination.height and size.z > 0.0:
        scale = destination.height / size.z
    target = Matrix.Translation(location)
    if box is not None:
        # Where the box or the model is flat there is nothing to keep to.
        flat = FLAT * max(size)
        sides = zip(sides_of(box), size, strict=True)
        scale = min((room / side for room, side in sides if room and side > flat), default=1.0)
        target = box_place(box)
    if box is not None or destination.base:
        base = Vector(((low.x + high.x) / 2, (low.y + high.y) / 2, low.z))
        root = _set_on_base(root, objects, base, scale, target)
    else:
        root.matrix_basis = target @ Matrix.Scale(scale, 4) @ root.matrix_basis
    if others:
        arrange_in_order(root, objects, others, destination.number)
    if apart:
        move_clear(root, objects, [*apart, *others])
    if GROUP in root:
        root[NUMBER], root[NAMED] = destination.number, root.name
    if GROUP in root or destination.box is None:
        root[PLACED_AT], root[REQUESTED_AT] = [*root.location], [*location]
    if box is not None and BOX in box:
        if destination.group:
            box[GROUP], box[NAMED] = destination.group, box.name  # the others need it, too
        elif not more_to_come:
            remove([box])
    return root


def _shade(objects: Sequence[bpy.types.Object], shading: str) -> None:
    for item in objects if shading else ():
        if item.type == "MESH":
            mesh = mesh_of(item)
            if mesh.has_custom_normals:  # which would win
                with bpy.context.temp_override(object=item, active_object=item):
                    bpy.ops.mesh.customdata_custom_splitnormals_clear()
            (mesh.shade_smooth if shading == "smooth" else mesh.shade_flat)()


def _set_on_base(
    root: bpy.types.Object,
    objects: Sequence[bpy.types.Object],
    base: Any,
    scale: float,
    target: Matrix,
) -> bpy.types.Object:
    """Give the model its origin at `base`, its size, and its place; a lone mesh keeps a scale of 1."""
    onto_base = Matrix.Scale(scale, 4) @ Matrix.Translation(-base)
    lone = len(objects) == 1 and root.type == "MESH" and mesh_of(root).users == 1
    if lone and root.animation_data is None:
        mesh_of(root).transform(onto_base @ root.matrix_basis, shape_keys=True)
        root.matrix_basis = target
        return root
    name = root.name
    root.name = "Parts"
    top = bpy.data.objects.new(name, None)
    for collection in root.users_collection:
        collection.objects.link(top)
    if GROUP in root:
        top[GROUP] = root[GROUP]
        del root[GROUP]
    root.parent = top
    root.matrix_basis = onto_base @ root.matrix_basis
    top.matrix_basis = target
    return top
