# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of several parts: which mesh objects belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import bpy

from ..assets import model_of
from ..lods import LEVEL
from ..meshes import mesh_of
from .selection import unsuitable_reason


@dataclass
class Parts:
    """The parts of models that have been looked at: session uids, by that of the object at the top.

    Those at the top are not among them. It holds no data of Blender, so that it may be filled bit by bit
    while the file changes.

    locked: the objects that are in a collection in which nothing can be selected.
    """

    below: dict[int, list[int]] = field(default_factory=dict)
    locked: set[int] = field(default_factory=lambda: _locked())

    @classmethod
    def of_file(cls) -> Parts:
        """The parts of all models."""
        found = cls()
        for item in bpy.data.objects:
            found.add(item)
        return found

    def add(self, item: bpy.types.Object) -> None:
        """Note what `item` is a part of."""
        if item.parent is not None and self._is_part(item):
            self.below.setdefault(_top(item).session_uid, []).append(item.session_uid)

    def of(self, items: Iterable[bpy.types.Object]) -> set[int]:
        """The session uids of all parts of the models that `items` belong to."""
        tops = {_top(item) for item in items}
        found = {top.session_uid for top in tops if self._is_part(top)}
        return found.union(*(self.below.get(top.session_uid, ()) for top in tops))

    def _is_part(self, item: bpy.types.Object) -> bool:
        """Whether `item` can be sent and selected, and is no level of detail of another."""
        return (
            item.type == "MESH"
            and LEVEL not in item
            and not unsuitable_reason(item, mesh_of(item))
            and item.visible_get()
            and not item.hide_select
            and item.session_uid not in self.locked
        )


def _locked() -> set[int]:
    """The session uids of the objects in collections in which nothing can be selected."""
    locked = [collection for collection in bpy.data.collections if collection.hide_select]
    return {item.session_uid for collection in locked for item in collection.all_objects}


def _top(item: bpy.types.Object) -> bpy.types.Object:
    """The object at the top of a model: what GENERIO made, else the topmost one, as after an import."""
    top = model_of(item)
    if top is None:
        top = item
        while top.parent is not None:
            top = top.parent
    return top
