# SPDX-License-Identifier: GPL-3.0-or-later
"""Which opening of a file this is: as long as it lasts, session uids tell which datablock is which."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

import bpy

ID = TypeVar("ID", bound=bpy.types.ID)

_document = uuid.uuid4().hex


def document() -> str:
    """The present one."""
    return _document


def new_document() -> None:
    """Another file has been opened: what was asked before belongs elsewhere."""
    global _document
    _document = uuid.uuid4().hex


def find(ids: bpy.types.bpy_prop_collection[ID], name: str, uid: int | None, asked_in: str) -> ID | None:
    """The one of `ids` (such as `bpy.data.objects`) meant in the opening `asked_in`; None = gone.

    It may be called otherwise by now; in a later opening names are what stays.
    """
    named: Any = ids.get((name, None)) or ids.get(name)  # this file's own before a linked one
    if asked_in != document() or uid is None:
        return named
    if named is not None and named.session_uid == uid:  # it is asked at each drawing
        return named
    return next((item for item in ids if item.session_uid == uid), None)
