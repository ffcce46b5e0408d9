# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials that belong to an object, and not to its mesh, change with the version that it shows.

A slot that is linked to the object keeps its material whatever mesh the object has. So the artist's materials
wait in a custom property while the mesh with the maps is shown, and the copies with the maps while it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ..meshes import PREFIX
from .settings import forget_original

WAITING = PREFIX + "slots"
"""Custom property of an object: by number of a slot, the material of the version that is not shown."""


def assign(item: bpy.types.Object, baked: Callable[[Any], Any]) -> None:
    """Give slots that are linked to `item` what `baked` makes of their materials; the former ones wait."""
    waiting: dict[str, Any] = {**item.get(WAITING, {})}
    for index, slot in enumerate(item.material_slots):
        if slot.link == "OBJECT" and slot.material is not None:
            waiting.setdefault(str(index), slot.material)
            slot.material = baked(slot.material)
    if waiting:
        item[WAITING] = waiting


def exchange(item: bpy.types.Object) -> None:
    """The other version of `item` is shown from now on."""
    waiting: dict[str, Any] = {**item.get(WAITING, {})}
    for number in waiting:
        if int(number) < len(item.material_slots):
            slot = item.material_slots[int(number)]
            slot.material, waiting[number] = waiting[number], slot.material
    if waiting:
        item[WAITING] = waiting


def forget_waiting(item: bpy.types.Object) -> None:
    """What `item` shows stays; what waited is not kept any more."""
    if item.pop(WAITING, None) is not None:
        for slot in item.material_slots:
            forget_original(slot.material)
