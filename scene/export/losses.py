# SPDX-License-Identifier: GPL-3.0-or-later
"""What objects have that their optimized meshes will not have."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import bpy

from ...core.messages import EMPTY, Message
from ..meshes import COLOR_ATTRIBUTES, CUSTOM_NORMALS, unsent
from ..modifiers import is_applied
from ..restore.restore import COLORS, NORMALS

CARRIED = {COLORS: COLOR_ATTRIBUTES, NORMALS: CUSTOM_NORMALS}
"""What can be asked to be brought over, and what it is called."""

BAKED = Message("baked physics")


class Losses:
    """Gathered object by object; looks at no element of any mesh, so that it can be drawn.

    carry: what is brought over, of CARRIED. apply: whether modifiers become part of what is sent. kinds:
    those of `unsent`, whether they are brought over or not.
    """

    def __init__(self, carry: Collection[str] = (), apply: bool = False) -> None:
        # A GLB has normals, if not these.
        self._brought = {CUSTOM_NORMALS, *(CARRIED[what] for what in carry)}
        self._apply = apply
        self._counts: dict[Message, int] = {}
        self.kinds: set[Message] = set()

    def add(self, item: bpy.types.Object, shapes: Iterable[bpy.types.Mesh]) -> None:
        """Note what `item` will not have. shapes: its mesh, and what is sent of it where that is another."""
        unsent_kinds = [kind for shape in shapes for kind in unsent(shape)]
        self.kinds.update(unsent_kinds)
        kinds = {kind: None for kind in unsent_kinds if kind not in self._brought}
        for modifier in item.modifiers:
            kind = _of_the_mesh(modifier)
            # What is applied comes back with Revert, but for what a simulation holds in memory.
            if kind and (kind == BAKED or not (self._apply and is_applied(modifier))):
                kinds[kind] = None
        for kind in kinds:
            self._counts[kind] = self._counts.get(kind, 0) + 1

    def lines(self) -> list[Message]:
        """Each kind with how many objects have it now."""
        return [
            Message("{kind} of {count:,} objects", kind=kind, count=count)
            if count > 1
            else Message("{kind} of 1 object", kind=kind)
            for kind, count in self._counts.items()
        ]


def _of_the_mesh(modifier: Any) -> Message:
    """What a modifier has that belongs to the elements of this mesh, or nothing."""
    if getattr(modifier, "is_bound", False) or getattr(modifier, "is_bind", False):
        return Message("bindings of modifiers")
    match modifier.type:
        case "MULTIRES":
            return Message("multiresolution details")
        case "HOOK" if not modifier.vertex_group:
            return (
                Message('vertices hooked to "{name}"', name=modifier.object.name)
                if modifier.object
                else Message("hooked vertices")
            )
        case "MESH_CACHE" | "MESH_SEQUENCE_CACHE":
            return Message("mesh caches")
        case "PARTICLE_SYSTEM" if _is_combed(modifier.particle_system):
            return Message("combed hair")
        case "CLOTH" | "SOFT_BODY" if _is_baked(modifier.point_cache):
            return BAKED
        case "PARTICLE_SYSTEM" if _is_baked(modifier.particle_system.point_cache):
            return BAKED
        case "DYNAMIC_PAINT" if _is_painted_on_vertices(modifier.canvas_settings):
            return BAKED
    return EMPTY


def _is_combed(system: bpy.types.ParticleSystem) -> bool:
    return system.settings.type == "HAIR" and system.is_edited


def _is_baked(cache: bpy.types.PointCache) -> bool:
    """Whether a simulation goes on from what is stored, vertex by vertex, whatever the mesh is."""
    return cache.is_baked or cache.use_external


def _is_painted_on_vertices(canvas: bpy.types.DynamicPaintCanvasSettings | None) -> bool:
    return canvas is not None and any(
        surface.surface_format == "VERTEX" and _is_baked(surface.point_cache)
        for surface in canvas.canvas_surfaces
    )
