# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in a file are unique: where one is taken, Blender numbers what comes in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from ..meshes import PREFIX

LONGEST = 63 if bpy.app.version < (5, 0, 0) else 255
"""Bytes in the name of an ID."""


def suffixed(name: str, suffix: str) -> str:
    """`name` with `suffix`, and less of the name where Blender would cut off the suffix instead."""
    room = LONGEST - len(suffix.encode())
    return name.encode()[:room].decode(errors="ignore") + suffix


@contextmanager
def names_left_free() -> Iterator[None]:
    """For a while all materials of the file are called otherwise, so that others can come in as they are.

    By their names materials are known in a GLB. Those that came in, and stay, are numbered at the end.
    """
    ours = {item: item.name for item in bpy.data.materials if item.library is None}
    _rename(ours)
    try:
        yield
    finally:
        others = {item: item.name for item in bpy.data.materials if item.library is None and item not in ours}
        _rename(others)
        for item, name in (ours | others).items():
            item.name = name


def _rename(items: dict[bpy.types.Material, str]) -> None:
    """Give them names that nothing has."""
    for item in items:
        item.name = PREFIX + uuid.uuid4().hex
