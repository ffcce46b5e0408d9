# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs on the vertices or faces of an object from elsewhere in the file.

Blender knows these ties from the other end only, so all objects of the file have to be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import bpy

from ...core.messages import Message


@dataclass
class Dependents:
    """The ties of the objects that have been looked at.

    ties: by the session uid of the object that they end at. users: the objects that have a mesh, by that of
    the mesh. It holds no data of Blender, so that it may be filled bit by bit while the file changes.
    """

    ties: dict[int, dict[Message, None]] = field(default_factory=dict)
    users: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of_file(cls) -> Dependents:
        """The ties of all objects of the file."""
        found = cls()
        for item in bpy.data.objects:
            found.look_at(item)
        return found

    def look_at(self, item: bpy.types.Object) -> None:
        """Note on what elements of other objects `item` hangs, and which mesh it has."""
        if item.type == "MESH":
            self.users.setdefault(item.data.session_uid, []).append(item.session_uid)
        for target, tie in _ties(item):
            self.ties.setdefault(target.session_uid, {})[tie] = None

    def on(
        self, items: Iterable[bpy.types.Object] = (), users_of: Iterable[bpy.types.Mesh] = ()
    ) -> list[Message]:
        """What cannot stay as it is when `items`, or all `users_of` meshes, get others.

        Each has the name of the object that hangs there.
        """
        targets = [item.session_uid for item in items]
        targets += [user for mesh in users_of for user in self.users.get(mesh.session_uid, ())]
        return list(dict.fromkeys(tie for target in targets for tie in self.ties.get(target, ())))


def _ties(item: bpy.types.Object) -> Iterator[tuple[bpy.types.Object, Message]]:
    """The objects on whose vertices or faces `item` hangs, each with what that is called."""
    parent = item.parent
    if parent is not None:
        if item.parent_type in ("VERTEX", "VERTEX_3"):
            yield parent, Message('the vertices on which "{name}" hangs', name=item.name)
        elif parent.instance_type == "FACES":
            yield parent, Message('the faces on which "{name}" is instanced', name=item.name)
        elif parent.instance_type == "VERTS":
            yield parent, Message('the vertices on which "{name}" is instanced', name=item.name)
    if not len(item.modifiers):  # which is quicker than to begin with them
        return
    for modifier in item.modifiers:
        target = _bound_to(modifier)
        if target is not None and target != item:
            yield target, Message('the binding of "{name}"', name=item.name)


def _bound_to(modifier: Any) -> bpy.types.Object | None:
    """The other object whose vertices, by their numbers, a modifier goes by; None where there is none."""
    match modifier.type:
        case "SURFACE_DEFORM":
            return modifier.target if modifier.is_bound else None
        case "MESH_DEFORM":
            return modifier.object if modifier.is_bound else None
        case "DATA_TRANSFER":
            return modifier.object if _goes_by_numbers(modifier) else None
    return None


def _goes_by_numbers(transfer: Any) -> bool:
    """Whether a Data Transfer takes something from the element that has the same number."""
    return any(
        getattr(transfer, f"use_{domain}_data") and getattr(transfer, f"{mapping}_mapping") == "TOPOLOGY"
        for domain, mapping in (("vert", "vert"), ("edge", "edge"), ("loop", "loop"), ("poly", "poly"))
    )
