# SPDX-License-Identifier: GPL-3.0-or-later
"""Which material slots of the mesh that was sent the faces of a result belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import bpy

from ...core.messages import Message
from ..markers import ORIGINAL
from ..meshes import mesh_of
from .matching import Match
from .surfaces import material_indices, set_material_indices

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

UNKNOWN = -1
"""The number that stands for no slot."""

WHOLE = 0.9
"""The share of a material's area that lies in one slot if all of it, but for its border, belongs there."""

MOSTLY = 0.5

RENAMED = Message("Materials came back under other names, and were put back where they had been.")
MERGED = Message("Materials came back merged, and were put back where they had been.")


def name_of(material: bpy.types.Material | None) -> str:
    """The name that a material in a snapshot had in the user's file; "" for none."""
    return str(material.get(ORIGINAL, material.name)) if material else ""


def slot_names(item: bpy.types.Object) -> list[str]:
    """What the materials of the slots are called in the GLB, each by a name of its own; "" for none.

    So slots with the same material, or with none, can be told apart: on another object that has the mesh they
    may have different ones.
    """
    names: list[str] = []
    for number, slot in enumerate(item.material_slots, 1):
        name = name_of(slot.material)
        if name in names:
            name = f"{name.encode()[:50].decode(errors='ignore')} slot {number}".lstrip()
        names.append(name)
    return names


def arrange_slots(
    match: Match, old: bpy.types.Object, new: bpy.types.Object, names: Mapping[bpy.types.Material, str]
) -> list[Message]:
    """Give `new` the slots of `old`; return remarks for the user.

    names: of the materials of `new`, in the GLB. What a service has renamed, split or merged is known by
    where the faces lie.
    """
    import numpy as np

    originals = slot_names(old)
    mesh = mesh_of(new)
    came = list(mesh.materials)
    if not originals:
        mesh.materials.clear()
        return []
    present = np.minimum(material_indices(mesh), max(len(came) - 1, 0))
    under = _under_faces(match, mesh, material_indices(mesh_of(old)), len(originals))
    areas = np.bincount(match.new.faces, match.new.areas, len(present))
    wanted = _by_name([names[material] if material else "" for material in came] or [""], originals)
    remarks: list[Message] = []
    known = np.array(wanted)[present]
    if (strange := known == UNKNOWN).any():
        known[strange] = _by_place(present[strange], under[strange], areas[strange])
        if came and any(originals[slot] for slot in set(known[strange].tolist())):
            remarks.append(RENAMED)  # else they are the service's own, for what has none
    missing = _swallowed(known, under, areas, _areas_of_slots(match, mesh_of(old), len(originals)))
    if missing.any():
        known[missing] = under[missing]
        remarks.append(MERGED)
    set_material_indices(mesh, known)
    carriers = dict(zip(wanted, came, strict=False))
    for index, slot in np.unique(np.stack([present, known]), axis=1).T.tolist() if came else ():
        carriers.setdefault(slot, came[index])
    _fill(mesh, [carriers.get(slot) if name else None for slot, name in enumerate(originals)])
    return remarks


def _fill(mesh: bpy.types.Mesh, materials: Sequence[bpy.types.Material | None]) -> None:
    """Let the slots have these materials; to clear them would set every face's index, which takes long."""
    for index, material in enumerate(materials):
        if index < len(mesh.materials):
            mesh.materials[index] = material
        else:
            mesh.materials.append(material)
    while len(mesh.materials) > len(materials):
        mesh.materials.pop()


def _by_name(came: Sequence[str], originals: Sequence[str]) -> list[int]:
    """For each material that came the slot of its name, or UNKNOWN; case counts where it has to."""
    folded = [name.strip().casefold() for name in originals]
    slots: list[int] = []
    for name in came:
        alike = [index for index, other in enumerate(folded) if other == name.strip().casefold()]
        if name in originals:
            slots.append(originals.index(name))
        else:
            slots.append(alike[0] if len(alike) == 1 and name.strip() else UNKNOWN)
    return slots


def _by_place(present: Array, under: Array, areas: Array) -> Array:
    """The slots of faces whose materials have names that nothing says anything about.

    present: which material each has; under: in which slot the mesh that was sent has what is under it.
    """
    import numpy as np

    slots = under.copy()
    count = int(under.max()) + 1
    tally = np.bincount(present * count + under, areas, (int(present.max()) + 1) * count).reshape(-1, count)
    shares = tally.max(axis=1) / np.where(tally.sum(axis=1) > 0, tally.sum(axis=1), 1.0)
    tops = tally.argmax(axis=1)
    used = np.unique(present)
    # One for one, as they were sent: then the faces at a border are as sure as all others.
    same_count = len(np.unique(tops[used])) == len(used) == len(np.unique(under))
    same_count &= bool((shares[used] >= MOSTLY).all())
    whole = (shares >= WHOLE) | same_count
    slots[whole[present]] = tops[present[whole[present]]]
    return slots


def _swallowed(known: Array, under: Array, areas: Array, sent: Array) -> Array:
    """Which faces lie where a slot was that has no faces any more; sent: the area that each slot had."""
    import numpy as np

    have = np.bincount(known, areas, len(sent))
    there = np.bincount(under, areas, len(sent))
    gone = (have == 0) & (sent > 0) & (there > MOSTLY * sent)
    return gone[under]


def _under_faces(match: Match, mesh: bpy.types.Mesh, sent: Array, count: int) -> Array:
    """For each face of the result the slot of what was sent that is under it."""
    import numpy as np

    under = np.zeros(len(mesh.polygons), dtype=np.int64)
    under[match.new.faces] = np.minimum(sent[match.old.faces[match.triangles]], count - 1)
    return under


def _areas_of_slots(match: Match, old: bpy.types.Mesh, count: int) -> Array:
    import numpy as np

    slots = np.minimum(material_indices(old), count - 1)
    return np.bincount(slots[match.old.faces], match.old.areas, count)
