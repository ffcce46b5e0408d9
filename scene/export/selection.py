# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a selection can be optimized, and to how many triangles."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import bpy

from ...core.messages import EMPTY, Message
from .. import replace_mesh
from ..lods.preview import PREVIEW_OF
from ..meshes import COLLISION, is_own, mesh_of, triangle_count
from ..modifiers import applicable
from .dependents import Dependents
from .losses import Losses

COUNT = "COUNT"
PERCENT = "PERCENT"
BUDGET = "BUDGET"

RESULTS = (
    (replace_mesh.REPLACE.upper(), "Keep Object", "The same objects get the optimized meshes"),
    (
        replace_mesh.BESIDE.upper(),
        "Side by Side",
        "Copies of the objects get the optimized meshes and are placed next to them",
    ),
    (
        replace_mesh.COLLECTION.upper(),
        "New Collection",
        "Copies get the optimized meshes, in the same location, in their own collection",
    ),
    (
        replace_mesh.HIDE.upper(),
        "Replace and Hide",
        "Copies get the optimized meshes, in the same location; the originals are hidden",
    ),
)
TARGETS = (
    (COUNT, "Count", "Each mesh gets this number of triangles"),
    (PERCENT, "Percent", "Each mesh keeps this share of its triangles"),
    (
        BUDGET,
        "Total",
        "All meshes together get this number of triangles, in proportion to their current counts",
    ),
)
MODIFIERS = (
    ("KEEP", "Keep", "The base mesh is optimized; modifiers are kept"),
    ("APPLY", "Apply", "Modifiers are applied before optimizing; armatures and particles are kept"),
)

CONVERTIBLE = frozenset({"CURVE", "CURVES", "FONT", "META", "SURFACE"})
"""Types of objects that can become meshes."""

NO_MESH = Message("it is not a mesh; convert it to one first")

MADE = Message("its faces are made by its modifiers; convert it to a mesh first")

OVERRIDDEN = Message("it is a library override; make it local first")
"""To an override Blender gives no property of ours that lasts, so its mesh before could not come back."""


class Target(NamedTuple):
    """How light meshes are to become.

    kind: COUNT, each gets `triangles`; PERCENT, each keeps `percent` of what it had at first; BUDGET, all
    together get `triangles`, spread by what each has.
    """

    kind: str
    triangles: int
    percent: float

    def of(self, present: int, first: int, total: int) -> int:
        """How many triangles a mesh is to have; at least one.

        present: how many it has, of `total` of all meshes. first: how many it had before it was ever
        optimized, see `versions.first_count`.
        """
        if self.kind == COUNT:
            return self.triangles
        if self.kind == PERCENT:
            return max(1, round(first * self.percent / 100))
        return max(1, self.triangles * present // total)


@dataclass
class Selection:
    """The selected meshes, each mesh once, however many objects share it.

    groups: for each mesh that can be sent, the selected objects that have it; refused: the other ones, each
    with why. Looks at no element of any mesh, so that it can be drawn.
    """

    groups: dict[bpy.types.Mesh, list[bpy.types.Object]] = field(default_factory=dict)
    refused: list[tuple[bpy.types.Object, Message]] = field(default_factory=list)

    @classmethod
    def of(cls, selected: Iterable[bpy.types.Object]) -> Selection:
        """What of `selected` can be sent."""
        found = cls()
        for item in selected:
            found.add(item)
        return found

    def add(self, item: bpy.types.Object) -> None:
        """Take in one more object; of one that has no surface nothing is said."""
        if item.type != "MESH":
            if item.type in CONVERTIBLE:
                self.refused.append((item, NO_MESH))
            return
        mesh = mesh_of(item)
        if reason := unsuitable_reason(item, mesh):
            self.refused.append((item, reason))
        else:
            self.groups.setdefault(mesh, []).append(item)

    @property
    def triangles(self) -> int:
        """How many all that can be sent has."""
        return sum(map(triangle_count, self.groups))

    @property
    def convertible(self) -> list[bpy.types.Object]:
        """Those of the refused that can become meshes with faces."""
        return [item for item, reason in self.refused if reason in (NO_MESH, MADE)]

    @property
    def objects(self) -> list[bpy.types.Object]:
        """One object for each mesh."""
        return [items[0] for items in self.groups.values()]

    def has_modifiers(self) -> bool:
        """Whether there is anything to apply."""
        return any(len(item.modifiers) for items in self.groups.values() for item in items)

    def losses(self, carry: Collection[str] = (), apply: bool = False) -> list[Message]:
        """What the optimized meshes will not have (see `Losses`), and what will lose its hold on them.

        With `apply`, what modifiers make counts as it was evaluated last.
        """
        losses = Losses(carry, apply)
        for mesh, items in self.groups.items():
            for item in items:
                losses.add(item, shapes_of(item, mesh, apply))
        return losses.lines() + self.loosened(Dependents.of_file(), apply)

    def loosened(self, dependents: Dependents, apply: bool) -> list[Message]:
        """What will lose its hold when the objects themselves get the optimized meshes."""
        if not apply:
            return dependents.on(users_of=self.groups)
        return dependents.on(item for items in self.groups.values() for item in items)


def shapes_of(item: bpy.types.Object, mesh: bpy.types.Mesh, apply: bool) -> list[bpy.types.Mesh]:
    """Its own `mesh`, and with `apply` what Blender has evaluated last of what modifiers make of `item`."""
    graph = bpy.context.view_layer.depsgraph if apply and applicable(item) else None
    made = item.evaluated_get(graph).data if graph is not None else None
    return [mesh, made] if isinstance(made, bpy.types.Mesh) else [mesh]


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


def unsuitable_reason(item: bpy.types.Object, mesh: bpy.types.Mesh) -> Message:
    """Why a mesh object cannot be sent, or ""."""
    if not item.is_editable or not mesh.is_editable:
        return Message("it is linked from another file")
    if not is_own(item) or not is_own(mesh):
        return OVERRIDDEN
    if COLLISION in item:
        return Message("it is a collision shape")
    if PREVIEW_OF in item:
        return Message("it is a preview of levels of detail; select the original")
    if not len(mesh.polygons):
        seen = shapes_of(item, mesh, True)
        return MADE if any(len(shape.polygons) for shape in seen) else Message("it has no faces")
    return EMPTY
