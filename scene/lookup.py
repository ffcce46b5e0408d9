# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a datablock again that was meant before."""

from __future__ import annotations

from typing import Any, TypeVar

import bpy

ID = TypeVar("ID", bound=bpy.types.ID)


def find(ids: bpy.types.bpy_prop_collection[ID], name: str, uid: int | None) -> ID | None:
    """The one of `ids` (such as `bpy.data.objects`) with this session uid, whatever its name is by now.

    uid: None where it is not known in this opening of the file; then the name counts. None = it is gone.
    """
    named: Any = ids.get((name, None)) or ids.get(name)  # this file's own before a linked one
    if uid is None:
        return named
    if named is not None and named.session_uid == uid:  # it is asked at each drawing
        return named
    return next((item for item in ids if item.session_uid == uid), None)
