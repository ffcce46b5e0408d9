# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh object has beside its shape, to see whether that was changed while it was optimized."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import bpy

from ..meshes import mesh_of
from ..restore.attribute_order import FIELDS

SAMPLES = 32
"""Elements whose values are looked at: few enough to take no time, enough to notice what changes all."""


def traits(item: bpy.types.Object) -> str:
    """A text that is another one when groups, attributes, slots or shape keys of `item` have been changed.

    While the mesh is edited its attributes cannot be seen, and the text is empty.
    """
    mesh = mesh_of(item)
    if mesh.is_editmode:
        return ""
    keys = [key.name for key in mesh.shape_keys.key_blocks] if mesh.shape_keys else []
    groups = [group.name for group in item.vertex_groups]
    weights = [[(entry.group, entry.weight) for entry in vertex.groups] for vertex in _some(mesh.vertices)]
    found = (len(mesh.materials), keys, groups, weights, sorted(_attributes(mesh)))
    return hashlib.blake2b(repr(found).encode(), digest_size=16).hexdigest()


def _attributes(mesh: bpy.types.Mesh) -> Iterator[tuple[Any, ...]]:
    """The attributes that are the user's: not places, and not what is selected or hidden."""
    every: Any = mesh.attributes
    for attribute in every:
        name, kind = attribute.name, attribute.data_type
        if name == "position" or name.startswith((".", "uv_select_")):
            continue
        field = FIELDS[kind][0] if kind in FIELDS else ""
        yield name, kind, attribute.domain, [_value(element, field) for element in _some(attribute.data)]


def _some(elements: Any) -> Iterator[Any]:
    """Some of the elements, evenly chosen."""
    count = len(elements)
    some = min(count, SAMPLES)
    return (elements[count * number // some] for number in range(some))


def _value(element: Any, field: str) -> Any:
    value: Any = getattr(element, field) if field else None
    return tuple(value) if hasattr(value, "__len__") else value
