# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be set on a piece of Blender's data is set the same on another one of its kind."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import bpy

NEVER = frozenset({"rna_type", "name", "type", "is_active", "tag"})
"""What says which one it is, or belongs to the moment."""

FIRST = {"POINTER": 0, "STRING": 1}
"""Types of properties that are set before others, and in which order."""


def copy_settings(target: Any, source: Any, but: Collection[str] = ()) -> None:
    """Set all settings of `target` as they are on `source`; curves that are drawn by hand, too.

    but: the names of settings that stay as they are. Collections are left to the caller.
    """
    entries = [entry for entry in source.bl_rna.properties if entry.identifier not in {*NEVER, *but}]
    # Datablocks and names first: to set one may set others anew, such as where an object hooked a mesh.
    for entry in sorted(entries, key=lambda entry: FIRST.get(entry.type, len(FIRST))):
        name = entry.identifier
        if entry.type == "POINTER" and entry.fixed_type == bpy.types.CurveMapping.bl_rna:
            if getattr(source, name) is not None:
                _copy_curves(getattr(target, name), getattr(source, name))
        elif not entry.is_readonly and entry.type != "COLLECTION":
            value = getattr(source, name)
            if getattr(target, name) != value:  # what other add-ons registered is stored as soon as it is set
                setattr(target, name, value)


def _copy_curves(target: bpy.types.CurveMapping, source: bpy.types.CurveMapping) -> None:
    copy_settings(target, source)
    for ours, theirs in zip(target.curves, source.curves, strict=True):
        while len(ours.points) > len(theirs.points):
            ours.points.remove(ours.points[1])
        while len(ours.points) < len(theirs.points):
            ours.points.new(0.5, 0.5)
        for point, wanted in zip(ours.points, theirs.points, strict=True):
            point.location, point.handle_type = wanted.location, wanted.handle_type
    target.update()
