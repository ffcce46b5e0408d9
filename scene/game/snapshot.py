# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a mesh object as a snapshot for an export, the only part of it that the window waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

from ..export.snapshot import write_snapshot
from .seen import seen_meshes


def write_seen(
    context: bpy.types.Context,
    item: bpy.types.Object,
    path: Path,
    later: Callable[[Iterator[None]], object],
) -> None:
    """Write what is seen of an object, with its modifiers and materials, to the new file `path`.

    later: see `write_snapshot`. Raises RuntimeError where that cannot be written.
    """
    with seen_meshes(context, [item], in_triangles=False) as (mesh,):
        stand_in = bpy.data.objects.new(item.name, mesh)  # whose materials are those of the mesh
        try:
            write_snapshot(stand_in, path, evaluated=mesh, later=later)
        finally:
            bpy.data.objects.remove(stand_in)
