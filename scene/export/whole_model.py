# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of several parts: which mesh objects belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import bpy

from ..assets import model_of
from ..meshes import mesh_of
from ..replace_mesh import LEVEL


@dataclass
class Parts:
    """The parts of models that have been looked at: session uids, by that of the object at the top.

    Those at the top are not among them. It holds no data of Blender, so that it may be filled bit by bit
    while the file changes.
    """

    below: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of_file(cls) -> Parts:
        """The parts of all models."""
        found = cls()
        for item in bpy.data.objects:
            found.look_at(item)
        return found

    def look_at(self, item: bpy.types.Object) -> None:
        """Note what `item` is a part of."""
        if item.parent is not None and _is_part(item):
            self.below.setdefault(_top(item).session_uid, []).append(item.session_uid)

    def of(self, items: Iterable[bpy.types.Object]) -> set[int]:
        """The session uids of all parts of the models that `items` belong to."""
        tops = {_top(item) for item in items}
        found = {top.session_uid for top in tops if _is_part(top)}
        return found.union(*(self.below.get(top.session_uid, ()) for top in tops))


def _is_part(item: bpy.types.Object) -> bool:
    """Whether `item` has a surface, can be selected, and is no level of detail of another."""
    return (
        item.type == "MESH" and LEVEL not in item and len(mesh_of(item).polygons) > 0 and item.visible_get()
    )


def _top(item: bpy.types.Object) -> bpy.types.Object:
    """The object at the top of a model: what GENERIO made, else the topmost one, as after an import."""
    top = model_of(item)
    if top is None:
        top = item
        while top.parent is not None:
            top = top.parent
    return top
