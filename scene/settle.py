# SPDX-License-Identifier: GPL-3.0-or-later
"""A new model settles: how large it gets, where its origin is, and what it stands on, in or beside.

What a *destination* (see `place`) says about it:
    box, uid      name and session uid of the object whose bounds it is fitted into, wherever that is by then
    shared        true: another model is still to come into that box
    location      else: where it stands, world space, Blender units
    base          true: with the middle of its underside there, and its origin; else with its own origin
    height        of the model, Blender units, 0.0 = as it comes
    scale         factor by which it is scaled before anything else
    shading       "smooth" | "flat", "" = as it comes
    group         token of the request that several variants have in common; they stand side by side
    into          name of the collection that it goes into, made where there is none, "" = the active one
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import bpy
from mathutils import Matrix, Vector

from .meshes import PREFIX, TOKEN, is_own, mesh_of
from .opened import find

Destination = Mapping[str, Any]
Bounds = tuple[Vector, Vector]
"""Lowest and highest corner."""

GROUP = "generio_group"
"""Custom property of the models that are variants of each other."""

NAMED = PREFIX + "name"
"""Custom property of a collection that was made for results, and of a variant: what it was called then."""

STANDS = PREFIX + "stands_at"
"""Custom property of a variant: where it was put, to see whether the user has moved it since."""

STILL = 1e-4
"""Blender units; a way that is shorter is none."""

BOX = "generio_box"
"""Custom property of a box that was made to be filled; the model takes its place."""

PART = PREFIX + "part"
"""Custom property of what came in below a model: the token of its job."""

FLAT = 1e-5
"""What is thinner, as a share of its longest side, is flat: a turned plane is never quite."""

SOLID = frozenset({"MESH", "CURVE", "SURFACE", "META", "FONT", "VOLUME"})
"""Types of objects that have bounds of their own."""

GAP = 0.15
"""Between two variants, in widths of the later one."""


def box_of(destination: Destination) -> bpy.types.Object | None:
    """The object into whose bounds a model is to be fitted; None where it is gone."""
    name, asked_in = destination.get("box", ""), destination.get("document", "")
    return find(bpy.data.objects, name, destination.get("uid"), asked_in)


def chosen_box(context: bpy.types.Context) -> bpy.types.Object | None:
    """The selected object whose bounds are meant, the active one first; a light or a camera has none."""
    item = context.active_object
    if item is not None and item.select_get() and any(_sides(item)):
        return item
    return next((other for other in context.selected_objects if any(_sides(other))), None)


def box_matrix(item: bpy.types.Object) -> Any:
    """Takes the unit cube on its base (x, y from -0.5 to 0.5, z from 0 to 1) to the bounds of an object."""
    if item.type == "EMPTY" and not _is_instance(item):
        half = item.empty_display_size
        low, high = Vector((-half, -half, -half)), Vector((half, half, half))
    else:
        low, high = corners_bounds(_corners(item, {}))
    base: Any = Vector(((low.x + high.x) / 2, (low.y + high.y) / 2, low.z))
    size: Any = high - low
    return item.matrix_world @ Matrix.Translation(base) @ Matrix.Diagonal((*size, 1.0))


def _is_instance(item: bpy.types.Object) -> bool:
    return item.instance_type == "COLLECTION" and item.instance_collection is not None


def _corners(item: bpy.types.Object, known: dict[Any, list[Vector]]) -> Iterator[Vector]:
    """Points whose bounds are those of what an object shows, in its own space."""
    if _is_instance(item):
        yield from _corners_inside(item.instance_collection, known)
    else:
        yield from (Vector(corner) for corner in item.bound_box)


def _corners_inside(collection: Any, known: dict[Any, list[Vector]]) -> list[Vector]:
    """The same of an instance of `collection`; known: of those that were looked into before."""
    if collection not in known:
        known[collection] = []  # one that holds an instance of itself, as Blender allows, ends here
        offset = Matrix.Translation(-collection.instance_offset)
        points = [
            offset @ world_matrix(part) @ corner
            for part in collection.all_objects
            if part.type in SOLID or _is_instance(part)
            for corner in _corners(part, known)
        ]
        if points:
            ends = corners_bounds(points)
            known[collection] = [Vector((x.x, y.y, z.z)) for x in ends for y in ends for z in ends]
    return known[collection]


def box_place(box: bpy.types.Object) -> Matrix:
    """Where a model stands in a box: turned as that is, never mirrored, in the middle of its lower side."""
    turned: Any = box.matrix_world.to_3x3()
    if turned.determinant() < 0.0:  # mirrored along the axis that explains it with the least of a turn
        signs = [[-1.0 if axis == mirrored else 1.0 for axis in range(3)] for mirrored in range(3)]
        ways = [(turned @ Matrix.Diagonal(row)).to_quaternion() for row in signs]
        rotation = max(ways, key=lambda way: (round(abs(way.w), 4), (way @ Vector((0.0, 0.0, 1.0))).z))
    else:
        rotation = turned.to_quaternion()
    middle = box_matrix(box) @ Vector((0.0, 0.0, 0.5))
    down = rotation @ Vector((0.0, 0.0, -_sides(box)[2] / 2))
    return Matrix.LocRotScale(middle + down, rotation, None)


def _sides(box: bpy.types.Object) -> list[float]:
    """The lengths of a box's sides, 0.0 where it is flat; of a mirrored one, too."""
    lengths = [abs(length) for length in box_matrix(box).to_scale()]
    return [length if length > FLAT * max(lengths) else 0.0 for length in lengths]


def metre(scene: bpy.types.Scene) -> float:
    """How many Blender units a metre has, by the scene's own unit."""
    unit: Any = scene.unit_settings
    return 1.0 / unit.scale_length if unit.system != "NONE" else 1.0


def corners_bounds(corners: Iterable[Vector]) -> Bounds:
    """The bounds of some points; of none: of the origin."""
    points = [*corners] or [Vector()]
    return (
        Vector([min(point[axis] for point in points) for axis in range(3)]),
        Vector([max(point[axis] for point in points) for axis in range(3)]),
    )


def world_matrix(item: bpy.types.Object) -> Matrix:
    """`matrix_world` of an object, also where Blender has not worked it out yet."""
    own = item.matrix_parent_inverse @ item.matrix_basis
    return world_matrix(item.parent) @ own if item.parent else own


def bounds(objects: Iterable[bpy.types.Object]) -> Bounds:
    """The bounds of all meshes among the objects, world space."""
    return corners_bounds(
        world_matrix(item) @ Vector(corner)
        for item in objects
        if item.type == "MESH"
        for corner in item.bound_box
    )


def takes_objects(collection: bpy.types.Collection) -> bool:
    """Whether objects can be linked to a collection; Blender calls overrides editable, and refuses."""
    return collection.is_editable and collection.override_library is None


def collection_called(scene: bpy.types.Scene, name: str) -> bpy.types.Collection:
    """The collection of this name in the scene, made where there is none.

    Where another scene has one of this name, Blender numbers it, so that it has the name as a property, too;
    one that the user has called otherwise is meant no more.
    """
    inside = [item for item in scene.collection.children_recursive if takes_objects(item)]
    numbered = re.compile(re.escape(name) + r"\.\d+")
    found = next((item for item in inside if item.name == name), None) or next(
        (item for item in inside if item.get(NAMED) == name and numbered.fullmatch(item.name)), None
    )
    if found is None:
        found = bpy.data.collections.new(name)
        found[NAMED] = name
        scene.collection.children.link(found)
    return found


def settle(
    root: bpy.types.Object, objects: Sequence[bpy.types.Object], destination: Destination
) -> bpy.types.Object:
    """Let a model of `objects` under `root`, all linked, stand where it belongs; returns its root by then."""
    _shade(objects, destination.get("shading", ""))
    # Before the new model is one of them.
    neighbours = [item for item in variants(destination.get("group", "")) if not _was_moved(item)]
    if GROUP not in root and destination.get("group"):
        root[GROUP] = destination["group"]
    box = box_of(destination) if "box" in destination else None
    low, high = bounds(objects)
    size: Any = high - low
    scale = destination.get("scale", 1.0)
    height = destination.get("height", 0.0)
    if height and size.z > 0.0:
        scale = height / size.z
    target = Matrix.Translation(destination.get("location", (0.0, 0.0, 0.0)))
    if box is not None:
        # Where the box or the model is flat there is nothing to keep to.
        flat = FLAT * max(size)
        sides = zip(_sides(box), size, strict=True)
        scale = min((room / side for room, side in sides if room and side > flat), default=1.0)
        target = box_place(box)
    if box is not None or destination.get("base"):
        base = Vector(((low.x + high.x) / 2, (low.y + high.y) / 2, low.z))
        root = _set_on_base(root, objects, base, scale, target)
    else:
        root.matrix_basis = target @ Matrix.Scale(scale, 4) @ root.matrix_basis
    if neighbours:
        _stand_beside(root, objects, neighbours)
    if GROUP in root:
        root[NAMED], root[STANDS] = root.name, [*root.location]
    if box is not None and BOX in box:
        if destination.get("group"):
            box[GROUP] = destination["group"]  # the others need it, too
        elif not destination.get("shared"):
            _remove([box])
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
    top = bpy.data.objects.new(root.name, None)
    for collection in root.users_collection:
        collection.objects.link(top)
    if GROUP in root:
        top[GROUP] = root[GROUP]
        del root[GROUP]
    root.parent = top
    root.matrix_basis = onto_base @ root.matrix_basis
    top.matrix_basis = target
    return top


def variants(group: str) -> list[bpy.types.Object]:
    """The models of one request that stand in a scene, and are this file's own."""
    return [
        item
        for item in bpy.data.objects
        if group and item.get(GROUP) == group and BOX not in item and item.users_scene and is_own(item)
    ]


def _was_moved(item: bpy.types.Object) -> bool:
    """Whether the user has moved a variant from where it was put."""
    if STANDS not in item:
        return False
    return item.parent is not None or (item.location - Vector(item[STANDS])).length > STILL


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


def keep(chosen: bpy.types.Object) -> int:
    """Remove the other variants, with their box, and nothing of the user's own; returns how many are gone.

    What was duplicated has the same properties, but another name than it was given: it stays, as the chosen
    one does, which comes into the box if it still stands beside it.
    """
    group, token = chosen[GROUP], chosen.get(TOKEN)
    others = [item for item in variants(group) if item.get(TOKEN) != token and item.get(NAMED) == item.name]
    boxes = [item for item in bpy.data.objects if item.get(GROUP) == group and BOX in item]
    parts = [part for root in others for part in root.children_recursive if part.get(PART) == root.get(TOKEN)]
    if boxes and not _was_moved(chosen):
        chosen.location = box_place(boxes[0]).translation
    _remove([*boxes, *others, *parts])
    for item in variants(group):
        for name in (GROUP, STANDS, NAMED):
            item.pop(name, None)
    return len(others)


def _remove(items: Sequence[bpy.types.Object]) -> None:
    """Remove objects; what hangs on them and does not go with them stays where it is."""
    gone = {*items}
    for child in [child for item in gone for child in item.children if child not in gone]:
        world = child.matrix_world.copy()
        child.parent = None
        child.matrix_world = world
    bpy.data.batch_remove([*gone])


def _stand_beside(
    root: bpy.types.Object, objects: Sequence[bpy.types.Object], others: Sequence[bpy.types.Object]
) -> None:
    """Move a variant to the right of the others, with all that hangs on them, along the world's X axis."""
    low, high = bounds(objects)
    right = bounds([part for other in others for part in (other, *other.children_recursive)])[1]
    root.location.x += right.x - low.x + (high.x - low.x) * GAP


def make_box(context: bpy.types.Context, size: float) -> bpy.types.Object:
    """A box that stands at the 3D cursor, to be moved and scaled until a model takes its place."""
    box = bpy.data.objects.new("Model Box", None)
    box.empty_display_type = "CUBE"
    box.empty_display_size = size / 2
    box[BOX] = True
    home = context.collection if takes_objects(context.collection) else context.scene.collection
    home.objects.link(box)
    box.location = context.scene.cursor.location + Vector((0.0, 0.0, size / 2))
    return box
