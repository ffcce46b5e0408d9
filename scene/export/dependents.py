# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs on the vertices, faces or shape keys of an object from elsewhere in the file.

Blender knows these ties from the other end only, so all objects of the file have to be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import bpy

from ...core.messages import Message
from ..meshes import mesh_of


@dataclass
class Dependents:
    """The ties of the objects that have been looked at.

    ties: by the session uid of the object that they end at. driven: by that of the mesh whose shape keys they
    read. users: the objects that have a mesh, by that of the mesh. It holds no data of Blender, so that it
    may be filled bit by bit while the file changes.
    """

    ties: dict[int, dict[Message, None]] = field(default_factory=dict)
    driven: dict[int, dict[Message, None]] = field(default_factory=dict)
    users: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of_file(cls) -> Dependents:
        """The ties of all objects of the file."""
        found = cls()
        for item in bpy.data.objects:
            found.add(item)
        return found

    def add(self, item: bpy.types.Object) -> None:
        """Note on what elements of other objects `item` hangs, and which mesh it has."""
        if item.type == "MESH":
            self.users.setdefault(item.data.session_uid, []).append(item.session_uid)
        for target, tie in _ties(item):
            self.ties.setdefault(target.session_uid, {})[tie] = None
        for mesh in _read_by_drivers(item):
            reason = Message('the shape keys that drive "{name}"', name=item.name)
            self.driven.setdefault(mesh.session_uid, {})[reason] = None

    def on(
        self, items: Iterable[bpy.types.Object] = (), users_of: Iterable[bpy.types.Mesh] = ()
    ) -> list[Message]:
        """What cannot stay as it is when `items`, or all `users_of` meshes, get others.

        Each has the name of the object that hangs there.
        """
        items, meshes = list(items), [mesh.session_uid for mesh in users_of]
        targets = [item.session_uid for item in items]
        targets += [user for mesh in meshes for user in self.users.get(mesh, ())]
        meshes += [mesh_of(item).session_uid for item in items]
        found = [tie for target in targets for tie in self.ties.get(target, ())]
        found += [tie for mesh in meshes for tie in self.driven.get(mesh, ())]
        return list(dict.fromkeys(found))


def _ties(item: bpy.types.Object) -> Iterator[tuple[bpy.types.Object, Message]]:
    """The objects on whose vertices or faces `item` hangs, each with what that is called."""
    parent = item.parent
    if parent is not None:
        if item.parent_type in ("VERTEX", "VERTEX_3"):
            yield parent, Message('the vertices "{name}" is parented to', name=item.name)
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


def _read_by_drivers(item: bpy.types.Object) -> Iterator[bpy.types.Mesh]:
    """The meshes whose shape keys are read by drivers of `item`, or of what it has.

    Drivers of the shape keys themselves go with them.
    """
    data: Any = item.data
    materials = [slot.material for slot in item.material_slots if slot.material]
    holders: list[Any] = [item, data, getattr(data, "shape_keys", None), *materials]
    holders += [getattr(holder, "node_tree", None) for holder in (data, *materials)]
    for holder in holders:
        if holder is None or holder.animation_data is None:
            continue
        for curve in holder.animation_data.drivers:
            for variable in curve.driver.variables:
                for target in variable.targets:
                    mesh = _with_shape_keys(target)
                    if mesh is not None and holder != mesh.shape_keys:
                        yield mesh


def _with_shape_keys(target: bpy.types.DriverTarget) -> bpy.types.Mesh | None:
    """The mesh that has the shape key that a driver reads; None where it reads none."""
    if "key_blocks[" not in target.data_path:
        return None
    found: Any = target.id
    if isinstance(found, bpy.types.Object):
        found = found.data
    elif isinstance(found, bpy.types.Key):
        found = found.user
    return found if isinstance(found, bpy.types.Mesh) and found.shape_keys else None


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
