# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a selection can be optimized, and to how many triangles."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import bpy

from . import swap
from .fit import COLORS, NORMALS
from .meshes import COLOR_ATTRIBUTES, CUSTOM_NORMALS, mesh_of, triangle_count, unsent

COUNT = "COUNT"
PERCENT = "PERCENT"
BUDGET = "BUDGET"

RESULTS = (
    (swap.KEEP.upper(), "Keep Object", "The same objects get the optimized meshes"),
    (swap.BESIDE.upper(), "Beside", "Copies of the objects get the optimized meshes and stand next to them"),
    (
        swap.COLLECTION.upper(),
        "New Collection",
        "Copies get them, at the same place in a collection of their own",
    ),
    (
        swap.HIDE.upper(),
        "Replace and Hide",
        "Copies get them, at the same place, and the originals are hidden",
    ),
)
TARGETS = (
    (COUNT, "Count", "Each mesh gets this number of triangles"),
    (PERCENT, "Percent", "Each mesh keeps this share of its triangles"),
    (BUDGET, "Budget", "All meshes together get this number of triangles, spread by what each has now"),
)
MODIFIERS = (
    ("KEEP", "Keep", "The mesh without its modifiers is optimized, and the modifiers stay"),
    ("APPLY", "Apply", "What the modifiers make is optimized, and they go; armatures and particles stay"),
)

CONVERTIBLE = frozenset({"CURVE", "CURVES", "FONT", "META", "SURFACE"})
"""Types of objects that can become meshes."""

NO_MESH = "it is no mesh; convert it to one first"

CARRIED = {COLORS: COLOR_ATTRIBUTES, NORMALS: CUSTOM_NORMALS}
"""What can be asked to be brought over, and what it is called."""


class Target(NamedTuple):
    """How light meshes are to become.

    kind: COUNT, each gets `triangles`; PERCENT, each keeps `percent` of its own; BUDGET, all together get
    `triangles`, spread by what each has.
    """

    kind: str
    triangles: int
    percent: float

    def of(self, present: int, total: int) -> int:
        """How many triangles a mesh is to have that has `present` of all the `total`; at least one."""
        if self.kind == COUNT:
            return self.triangles
        if self.kind == PERCENT:
            return max(1, round(present * self.percent / 100))
        return max(1, self.triangles * present // total)


class Selection(NamedTuple):
    """The selected meshes, each mesh once, however many objects share it.

    groups: for each mesh that can be sent, the selected objects that have it; refused: the other ones, each
    with why; triangles: of all that can be sent. Looks at no element of any mesh, so that it can be drawn.
    """

    groups: dict[bpy.types.Mesh, list[bpy.types.Object]]
    refused: list[tuple[bpy.types.Object, str]]
    triangles: int

    @classmethod
    def of(cls, selected: Iterable[bpy.types.Object]) -> Selection:
        """What of `selected` can be sent; objects that have no surface are not spoken of."""
        groups: dict[bpy.types.Mesh, list[bpy.types.Object]] = {}
        refused: list[tuple[bpy.types.Object, str]] = []
        for item in selected:
            if item.type != "MESH":
                if item.type in CONVERTIBLE:
                    refused.append((item, NO_MESH))
                continue
            mesh = mesh_of(item)
            if reason := why_not(item, mesh):
                refused.append((item, reason))
            else:
                groups.setdefault(mesh, []).append(item)
        return cls(groups, refused, sum(map(triangle_count, groups)))

    @property
    def convertible(self) -> list[bpy.types.Object]:
        """Those of the refused that can become meshes."""
        return [item for item, reason in self.refused if reason == NO_MESH]

    @property
    def objects(self) -> list[bpy.types.Object]:
        """One object for each mesh."""
        return [items[0] for items in self.groups.values()]

    def has_modifiers(self) -> bool:
        """Whether there is anything to apply."""
        return any(len(item.modifiers) for items in self.groups.values() for item in items)

    def losses(self, carry: Collection[str] = ()) -> list[str]:
        """What the optimized meshes will not have, each kind with how many objects have it now.

        carry: what is brought over, of CARRIED.
        """
        brought = {CUSTOM_NORMALS, *(CARRIED[what] for what in carry)}  # a GLB has normals, if not these
        counts: dict[str, int] = {}
        for mesh, items in self.groups.items():
            kinds = [kind for kind in unsent(mesh) if kind not in brought]
            for kind in kinds:
                counts[kind] = counts.get(kind, 0) + len(items)
            for item in items:
                for kind in {kind for modifier in item.modifiers if (kind := _of_the_mesh(modifier))}:
                    counts[kind] = counts.get(kind, 0) + 1
        return [
            f"{kind} of {count} objects" if count > 1 else f"{kind} of 1 object"
            for kind, count in counts.items()
        ]


def _of_the_mesh(modifier: bpy.types.Modifier) -> str:
    """What a modifier has that belongs to the elements of this mesh, or ""."""
    if modifier.type == "MULTIRES":
        return "multiresolution details"
    if getattr(modifier, "is_bound", False) or getattr(modifier, "is_bind", False):
        return "bindings of modifiers"
    if isinstance(modifier, bpy.types.HookModifier) and not modifier.vertex_group:
        return "hooked vertices"
    if modifier.type == "PARTICLE_SYSTEM" and _is_combed(modifier.particle_system):  # type: ignore[attr-defined]
        return "combed hair"
    return ""


def _is_combed(system: bpy.types.ParticleSystem) -> bool:
    return system.settings.type == "HAIR" and system.is_edited


def vertex_children(items: Collection[bpy.types.Object]) -> list[bpy.types.Object]:
    """The objects that hang on vertices of `items`, by numbers that will be those of other ones."""
    return [
        child
        for child in bpy.data.objects
        if child.parent_type in ("VERTEX", "VERTEX_3") and child.parent in items
    ]


def convert(context: bpy.types.Context, items: Collection[bpy.types.Object]) -> None:
    """Make meshes of some of the selected objects, as Object > Convert does of all of them."""
    others = [item for item in context.selected_objects if item not in items]
    for item in others:
        item.select_set(False)
    for item in items:
        context.view_layer.objects.active = item
    bpy.ops.object.convert(target="MESH")
    for item in others:
        item.select_set(True)


def why_not(item: bpy.types.Object, mesh: bpy.types.Mesh) -> str:
    """Why a mesh object cannot be sent, or ""."""
    if not item.is_editable or not mesh.is_editable:
        return "it is linked from another file"
    if not len(mesh.polygons):
        return "it has no faces"
    return ""
