# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of levels of detail: how they are made, found, made again and removed.

What is known of a set hangs on its objects, by custom properties, and so is saved with the file:
    of the original, and of the collection of its levels    LEVELS: the same text
    of the collection                                       MESH: what the original's mesh is called
    of a level      LEVEL: its number; MADE_OF: of what it was made; WANTED: with how many triangles;
                    SCREEN_SIZE: from which size in the picture on it is shown; see `preview`
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple, cast

import bpy

from ...core.destination import OptimizedMesh
from .. import modifiers, versions
from ..copies import check_renew, copy_with, hide, move_beside, renew
from ..errors import CannotPlace
from ..meshes import LEVELS, MADE_WITH, PREFIX, mesh_of, triangle_count
from ..origins import link_copy
from ..place.collections import collection_called, hide_collection
from . import preview

LEVEL = PREFIX + "level"
MESH = PREFIX + "mesh"
MADE_OF = PREFIX + "made_of"
WANTED = PREFIX + "wanted"
SCREEN_SIZE = preview.SCREEN_SIZE

OWN = frozenset(
    {LEVEL, MESH, MADE_OF, WANTED, SCREEN_SIZE, preview.DEFAULT_SIZE, preview.PREVIEW_OF, preview.HIDDEN}
)
"""Custom properties that mean nothing in other files."""

LONGEST_BASE = 57
"""Bytes of an object's name that the names of its levels begin with, so that those fit."""


class LodSet(NamedTuple):
    """The levels of detail of an object.

    levels: by their numbers, in order. original: of which they are made, None where it is gone.
    """

    collection: bpy.types.Collection
    levels: dict[int, bpy.types.Object]
    original: bpy.types.Object | None

    @property
    def preview(self) -> bpy.types.Object | None:
        """What shows one level after the other; None where that is off."""
        return preview.preview_of(self.collection)

    @property
    def base(self) -> str:
        """What the names of the levels begin with."""
        first = self.levels.get(0)
        found = re.fullmatch(r"(.*)_LOD0(\.\d+)?", first.name, re.DOTALL) if first else None
        if found is not None:
            return found[1]
        return _cut(self.original.name if self.original else self.collection.name.removesuffix("_LODs"))

    def is_fresh(self, level: int, made_of: str, wanted: int) -> bool:
        """Whether a level is there that was made of the same, with so many triangles asked for."""
        known = self.levels.get(level)
        return known is not None and (known.get(MADE_OF), known.get(WANTED)) == (made_of, wanted)


def set_of(item: bpy.types.Object) -> LodSet | None:
    """The levels that `item` is the original of, or one of them, or the preview; else None.

    It looks at all collections of the file, and where one may be meant at all objects.
    """
    if LEVEL in item:
        return next((_set(each) for each in item.users_collection if _levels(each)), None)
    if preview.PREVIEW_OF in item:
        known = item[preview.PREVIEW_OF]
        return next((_set(each) for each in bpy.data.collections if each.get(LEVELS) == known), None)
    text = item.get(LEVELS)
    likely = (
        each for each in bpy.data.collections if (each[LEVELS] == text if LEVELS in each else _levels(each))
    )
    return next((_set(each) for each in likely if _original(each) == item), None)


def known_set(item: bpy.types.Object | None) -> LodSet | None:
    """As `set_of`, without looking at every object, so that it can be drawn; a duplicate may get one, too.

    The original is known only where it is `item` itself.
    """
    if item is None or not ({LEVELS, LEVEL, preview.PREVIEW_OF} & {*item.keys()}):
        return None
    text = item.get(LEVELS) or item.get(preview.PREVIEW_OF)
    for each in bpy.data.collections:
        if (text and each.get(LEVELS) == text) or (LEVEL in item and each.objects.get(item.name) == item):
            return LodSet(each, _levels(each), item if LEVELS in item else None)
    return None


def sources(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """The objects, but for each level of detail or preview its original; where that is gone, level 0."""
    found: dict[bpy.types.Object, None] = {}
    for item in objects:
        known = set_of(item) if LEVEL in item or preview.PREVIEW_OF in item else None
        found[(known.original or known.levels.get(0, item)) if known else item] = None
    return list(found)


def _set(collection: bpy.types.Collection) -> LodSet:
    return LodSet(collection, _levels(collection), _original(collection))


def _levels(collection: bpy.types.Collection) -> dict[int, bpy.types.Object]:
    """The levels in a collection by their numbers, in order; the user's duplicates come later in it."""
    found: dict[int, bpy.types.Object] = {}
    for member in collection.objects:
        if LEVEL in member:
            found.setdefault(member[LEVEL], member)
    return dict(sorted(found.items()))


def _original(collection: bpy.types.Collection) -> bpy.types.Object | None:
    """The object whose levels are in a collection. Of duplicates, that have the same text, its mesh tells."""
    if LEVELS in collection:
        owners = [owner for owner in bpy.data.objects if owner.get(LEVELS) == collection[LEVELS]]
        if len(owners) > 1 and MESH in collection:
            owners = [owner for owner in owners if owner.data.name == collection[MESH]]
        return owners[0] if len(owners) == 1 else None
    first = _levels(collection).get(0)  # of the user's, or of an earlier version: linked duplicates
    users = [item for item in bpy.data.objects if first and item.data == first.data and item != first]
    return users[0] if users else None


def place_level(
    scene: bpy.types.Scene,
    item: bpy.types.Object,
    mesh: bpy.types.Mesh,
    destination: OptimizedMesh,
    applied: Collection[str],
) -> bpy.types.Object:
    """A level of detail with `mesh`, named as game engines expect it, in a collection with the others.

    Nothing of it is in the way of `item`: a new collection is hidden, or, where the destination has an
    offset, the levels stand beside it, and level 0, which is where it is, is hidden. A level that is there
    already gets the mesh, and its modifiers; it stays where the user has put it. So does level 0, if the
    original is another one by now. Raises CannotPlace, and then nothing has changed.
    """
    known = set_of(item) or _new_set(scene, item)
    base, levels = known.base, known.levels
    fresh = {destination.level: copy_with(item, mesh, f"{base}_LOD{destination.level}", applied)}
    if LEVEL not in item and (0 not in levels or levels[0].get(MADE_OF) != destination.made_of):
        fresh[0] = _picture(item, f"{base}_LOD0")
    for made in fresh.values():
        preview.unhide(made)
    try:
        check_renew((levels[number], made) for number, made in fresh.items() if number in levels)
    except CannotPlace:
        pictures = [mesh_of(made) for made in fresh.values() if mesh_of(made) != mesh]
        bpy.data.batch_remove([*fresh.values(), *pictures])
        raise
    if known.original == item:
        # Another text each time: duplicates that were made of `item` have the one before.
        _mark(known, item)
    for number, made in sorted(fresh.items()):
        if number in levels:
            renew(levels[number], made)
        else:
            levels[number] = made
            known.collection.objects.link(made)
            made.select_set(False)
            _arrange(known.collection, item, made, number, destination)
        mesh_of(levels[number]).name = levels[number].name
        levels[number][LEVEL] = number
        levels[number][MADE_OF] = destination.made_of
    level = levels[destination.level]
    level[WANTED] = destination.wanted
    link_copy(item, level)
    _size(level, levels[0])
    if destination.switched or known.preview is not None:
        preview.show(known.collection, dict(sorted(levels.items())), item)
    return level


def _new_set(scene: bpy.types.Scene, item: bpy.types.Object) -> LodSet:
    collection = collection_called(
        scene, f"{_cut(item.name)}_LODs", lambda found: LEVELS not in found and not _levels(found)
    )
    return LodSet(collection, {}, item)


def _cut(name: str) -> str:
    return name.encode()[:LONGEST_BASE].decode(errors="ignore")


def _mark(known: LodSet, item: bpy.types.Object) -> None:
    text = uuid.uuid4().hex
    shown = known.preview
    item[LEVELS] = known.collection[LEVELS] = text
    known.collection[MESH] = mesh_of(item).name
    if shown is not None:
        shown[preview.PREVIEW_OF] = text


def _picture(item: bpy.types.Object, name: str) -> bpy.types.Object:
    """A copy of `item` as it is, with a mesh of its own and only one version of that."""
    copy = modifiers.copy_of(item)
    modifiers.show(copy, cast(bpy.types.Mesh, mesh_of(item).copy()))
    copy.name = name
    for owner in (copy, mesh_of(copy)):
        for own in (versions.OTHER, versions.REPORT, versions.STASH, MADE_WITH):
            owner.pop(own, None)
    return copy


def _arrange(
    collection: bpy.types.Collection,
    item: bpy.types.Object,
    made: bpy.types.Object,
    number: int,
    destination: OptimizedMesh,
) -> None:
    """Put a new level where it is not in the way."""
    if number and destination.offset:
        move_beside([item], [made], destination.offset)
    elif not number and destination.offset:
        hide(made)
    elif not number:
        hide_collection(collection)


def _size(level: bpy.types.Object, first: bpy.types.Object) -> None:
    """The size below which a level is shown, where the user has set none: all have as many triangles a pixel.

    So a quarter of the triangles is enough where the object is half as large in the picture.
    """
    known = level.get(SCREEN_SIZE)
    if known is not None and not math.isclose(known, level.get(preview.DEFAULT_SIZE, -1.0), rel_tol=1e-4):
        return
    share = triangle_count(mesh_of(level)) / max(triangle_count(mesh_of(first)), 1)
    level[SCREEN_SIZE] = level[preview.DEFAULT_SIZE] = min(1.0, math.sqrt(share))
    ui: Any = level.id_properties_ui(SCREEN_SIZE)
    ui.update(
        min=0.0,
        max=1.0,
        soft_min=0.0,
        soft_max=1.0,
        precision=2,
        step=1,
        description="The level is shown where the object takes up less of the height of the picture",
    )


def remove(known: LodSet) -> None:
    """Remove the levels of a set, its preview, and the collection unless other things are in it."""
    preview.hide(known.collection, known.original)
    meshes = [mesh_of(level) for level in known.levels.values()]
    bpy.data.batch_remove([*known.levels.values()])
    for mesh in dict.fromkeys(meshes):
        versions.remove_unused(mesh)
    if known.original is not None:
        known.original.pop(LEVELS, None)
    if not known.collection.all_objects and not known.collection.children:
        bpy.data.collections.remove(known.collection)
    else:
        for name in (LEVELS, MESH):
            known.collection.pop(name, None)
