# SPDX-License-Identifier: GPL-3.0-or-later
"""Which meshes make a scene heavy, and how light they have to become for a budget of triangles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import bpy

from ..formats.images import size_in
from .export.selection import unsuitable_reason
from .export.texture_limit import sizes_of
from .meshes import mesh_of, triangle_count

MOST = 8
"""Meshes that are listed."""

PIECE = 256
"""Objects that are looked at before the window may be drawn."""

PIXEL_BYTES = 4
"""Of a texture in memory."""


class Weight(NamedTuple):
    """A mesh in a scene.

    uid, name: of an object that has it. triangles: of the mesh; users: the objects of the scene that have
    it. share: of all triangles of the scene, with each user counted. texture_bytes: of the images in its
    materials.
    """

    uid: int
    name: str
    triangles: int
    users: int
    share: float = 0.0
    texture_bytes: int = 0


class Weights(NamedTuple):
    """What a scene weighs. total: triangles, with each user of a mesh counted. heaviest: the meshes."""

    total: int = 0
    heaviest: tuple[Weight, ...] = ()


def weigh(scene: bpy.types.Scene, found: list[Weights]) -> Iterator[None]:
    """Look at the meshes of a scene; yields whenever the window may be drawn, and adds the result to `found`.

    No modifier is evaluated: that would take as long as drawing the scene does.
    """
    meshes: dict[int, Weight] = {}
    start = 0
    while piece := scene.objects[start : start + PIECE]:  # in pieces, for the list may change between them
        for item in piece:
            if item.type == "MESH":
                mesh = mesh_of(item)
                known = meshes.get(mesh.session_uid)
                if known is None:
                    known = Weight(item.session_uid, item.name, triangle_count(mesh), 0)
                meshes[mesh.session_uid] = known._replace(users=known.users + 1)
        start += PIECE
        yield
    total = sum(each.triangles * each.users for each in meshes.values())
    first = sorted(meshes.values(), key=lambda each: each.triangles * each.users, reverse=True)[:MOST]
    heaviest: list[Weight] = []
    for each in first:
        item = next((item for item in scene.objects if item.session_uid == each.uid), None)
        if item is not None and each.triangles:
            share = each.triangles * each.users / total
            heaviest.append(each._replace(share=share, texture_bytes=_texture_bytes(item)))
            yield
    found.append(Weights(total, tuple(heaviest)))


def _texture_bytes(item: bpy.types.Object) -> int:
    return sum(PIXEL_BYTES * width * height for width, height in sizes_of(item, size_in).values())


class Plan(NamedTuple):
    """How to get a scene within its budget. objects: one for each mesh to reduce, to so many `triangles`.

    is_enough: whether the scene is within the budget then.
    """

    objects: list[bpy.types.Object]
    triangles: int
    is_enough: bool


def plan(scene: bpy.types.Scene, budget: int) -> Plan:
    """How to get a scene to so many triangles with the fewest meshes reduced: the heaviest, all to one count.

    What cannot be sent stays as it is.
    """
    groups: dict[bpy.types.Mesh, list[bpy.types.Object]] = {}
    for item in scene.objects:
        if item.type == "MESH":
            groups.setdefault(mesh_of(item), []).append(item)
    counts = {mesh: triangle_count(mesh) for mesh in groups}
    can_go = [mesh for mesh, items in groups.items() if not unsuitable_reason(items[0], mesh)]
    stays = sum(counts[mesh] * len(items) for mesh, items in groups.items() if mesh not in {*can_go})
    count = level_for([(counts[mesh], len(groups[mesh])) for mesh in can_go], budget - stays)
    heavy = [mesh for mesh in can_go if counts[mesh] > count]
    light = sum(min(counts[mesh], count) * len(groups[mesh]) for mesh in can_go)
    return Plan([item for mesh in heavy for item in groups[mesh]], count, stays + light <= budget)


def level_for(meshes: Sequence[tuple[int, int]], budget: int) -> int:
    """To how many triangles, at least 1, the heavier ones of `meshes` (triangles, users) go for a budget."""
    remaining, users = budget, sum(count for _, count in meshes)
    for triangles, count in sorted(meshes):
        if triangles * users > remaining:
            return max(1, remaining // users)
        remaining -= triangles * count
        users -= count
    return max((triangles for triangles, _ in meshes), default=1)
