# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the maps of a light mesh are baked: what it was before, or level 0 of its levels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import bpy

from ...core.errors import InputRefused
from ...core.messages import Message
from .. import versions
from ..export.evaluate import shown_as
from ..lods import LEVEL
from ..meshes import is_own, mesh_of
from ..nodes import images_of
from .settings import unbaked


class NoOriginal(InputRefused):
    """There is nothing that a map could be baked from."""

    message = Message("There is no original to bake from.")
    fix = Message("Select an optimized object that was neither accepted nor discarded, or a level of detail.")


class CannotBake(InputRefused):
    """Maps for this mesh, or from this original, cannot be baked."""

    message = Message("The detail of this object cannot be baked.")
    fix = Message("Select another object.")


class Original(NamedTuple):
    """What maps are baked from.

    item: the object whose materials are shown. mesh: as it is without modifiers. applied: whether those of
    `item` are to be in it.
    """

    item: bpy.types.Object
    mesh: bpy.types.Mesh
    applied: bool


def original_of(item: bpy.types.Object) -> Original | None:
    """What `item` was made of, as long as that is kept; None where it is not, or where that is shown."""
    if item.type != "MESH":
        return None
    found = versions.original_of(item)
    if found is not None:
        source, mesh = found
        return Original(source, mesh, source != item)
    if item.get(LEVEL, 0):
        for collection in item.users_collection:
            for member in collection.objects:
                if member.type == "MESH" and member.get(LEVEL) == 0:
                    applied = len(member.modifiers) > len(item.modifiers)
                    return Original(member, mesh_of(member), applied)
    return None


def check(item: bpy.types.Object) -> Original:
    """The original of `item`. Raises NoOriginal, or CannotBake, with what is to be done about it."""
    if not (is_own(item) and is_own(mesh_of(item))):
        raise CannotBake(
            Message('"{name}" is linked from another file.', name=item.name), Message("Bake it there.")
        )
    if versions.hidden_mesh(item) is not None and not versions.shows_after(item):
        raise CannotBake(
            Message('"{name}" shows the mesh before optimizing.', name=item.name),
            Message("Show the mesh after optimizing."),
        )
    original = original_of(item)
    if original is None:
        raise NoOriginal(Message('There is no original of "{name}" to bake from.', name=item.name))
    check_tiles(original.item, item)
    return original


def check_tiles(*items: bpy.types.Object) -> None:
    """Raise CannotBake where a texture of one of the objects is in several tiles."""
    for item in items:
        materials = [found for slot in item.material_slots if (found := unbaked(slot.material))]
        for image in images_of(materials):
            if image.source == "TILED":
                raise CannotBake(
                    Message('"{name}" has the UDIM texture "{image}".', name=item.name, image=image.name),
                    Message("Maps are baked for one tile. Put the UVs into one tile, or bake by hand."),
                )


@contextmanager
def whole(context: bpy.types.Context, original: Original) -> Iterator[bpy.types.Mesh]:
    """The mesh to bake from, with the modifiers that belong to it; may live only for a while."""
    if not original.applied:
        yield original.mesh
        return
    with shown_as(context, original.item, original.mesh) as mesh:
        yield mesh
