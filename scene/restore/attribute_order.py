# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh has the attributes that another one has, and in their order."""

from __future__ import annotations

from typing import Any

import bpy

from ..meshes import EDGE_DATA, SENT

FIELDS = {
    "FLOAT": ("value", 1, "f4"),
    "INT": ("value", 1, "i4"),
    "INT8": ("value", 1, "i4"),
    "BOOLEAN": ("value", 1, "?"),
    "FLOAT2": ("vector", 2, "f4"),
    "FLOAT_VECTOR": ("vector", 3, "f4"),
    "FLOAT_COLOR": ("color", 4, "f4"),
    "BYTE_COLOR": ("color", 4, "f4"),
}
"""For each type what its elements have, how many numbers, and numpy's type of these."""


def remove_additions(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    """Remove attributes of `new` that `old` has not, such as numbers that a service gives to vertices.

    UV maps and colors are not among them, nor what tells how edges and faces are.
    """
    wanted = {layer.name for layer in (*new.uv_layers, *new.color_attributes)}
    wanted |= {attribute.name for attribute in old.attributes} | {*SENT, *EDGE_DATA}
    added = [attribute.name for attribute in new.attributes if attribute.name not in wanted]
    for name in added:
        if not name.startswith("."):
            new.attributes.remove(new.attributes[name])


def arrange_layers(old: bpy.types.Mesh, new: bpy.types.Mesh) -> None:
    """Put the attributes of `new` that `old` has, too, into the order in which `old` has them."""
    theirs, ours = _names(old), _names(new)
    wanted = [name for name in theirs if name in ours]
    if wanted == [name for name in ours if name in theirs]:
        return
    colors: Any = new.color_attributes
    chosen = {field: getattr(colors, field) for field in ("active_color_name", "default_color_name")}
    maps = [(layer.name, layer.active, layer.active_render, layer.active_clone) for layer in new.uv_layers]
    _make_anew(new, wanted)
    for field, value in chosen.items():
        setattr(colors, field, value)
    for name, active, render, clone in maps:
        layer = new.uv_layers[name]
        layer.active, layer.active_render, layer.active_clone = active, render, clone


def _names(mesh: bpy.types.Mesh) -> list[str]:
    """The attributes that can be made anew: not what Blender itself needs, or keeps beside them."""
    return [
        attribute.name
        for attribute in mesh.attributes
        if attribute.data_type in FIELDS
        and attribute.name != "position"
        and not attribute.name.startswith(".")
    ]


def _make_anew(mesh: bpy.types.Mesh, names: list[str]) -> None:
    """Let attributes be the last ones, in this order."""
    import numpy as np  # takes longer to import than all of the add-on, and is needed here only

    stored: list[Any] = []
    for name in names:
        attribute: Any = mesh.attributes[name]
        field, size, kind = FIELDS[attribute.data_type]
        values = np.empty(len(attribute.data) * size, dtype=kind)
        attribute.data.foreach_get(field, values)
        stored.append((name, attribute.data_type, attribute.domain, values))
    for name in names:
        mesh.attributes.remove(mesh.attributes[name])
    for name, data_type, domain, values in stored:
        made: Any = mesh.attributes.new(name, data_type, domain)
        made.data.foreach_set(FIELDS[data_type][0], values)
