# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of a mesh object: a partial .blend, quick to write, from which a child makes the GLB."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

import bpy

from ..locks import in_thread
from ..markers import SUBJECT
from ..meshes import mesh_of, take_edits
from ..restore.restore import CARRY, SNAPSHOTS
from .image_capture import Save
from .isolate import bare_object
from .texture_limit import LIMIT, TextureLimit


def snapshot_name() -> str:
    """A new name for a snapshot; see `fit.SNAPSHOTS`."""
    return SNAPSHOTS.replace("*", uuid.uuid4().hex)


def write_snapshot(
    source: bpy.types.Object,
    path: Path,
    carry: Collection[str] = (),
    evaluated: bpy.types.Mesh | None = None,
    before: bpy.types.Mesh | None = None,
    textures: TextureLimit | None = None,
) -> None:
    """Write the mesh of `source` with its materials and images to the new .blend file `path`.

    The mesh is written in object space and without modifiers, so that the result fits the same object again,
    wherever it stands by then. carry: what the result is to get beside vertex groups, of `losses.CARRIED`.
    evaluated: the mesh to write instead, see `evaluate`. before: what the result is compared with, if that is
    another mesh. textures: how large those may be, if that matters. Raises RuntimeError where that cannot be
    written.

    Paintings that were never saved become PNG files beside it, by a thread that has the turn of its name (see
    `turns`) until they are there.
    """
    take_edits([source])
    path.parent.mkdir(parents=True, exist_ok=True)
    paintings: list[tuple[Save, Path]] = []

    def keep(save: Save) -> Path:
        paintings.append((save, path.with_name(f"{path.stem}-{len(paintings)}.png")))
        return paintings[-1][1]

    with bare_object(SUBJECT + uuid.uuid4().hex, source, evaluated or mesh_of(source), keep, before) as bare:
        bare[CARRY] = " ".join(carry)
        if textures is not None:
            bare[LIMIT] = textures
        # Absolute paths, since the child opens the file from another folder.
        bpy.data.libraries.write(str(path), {bare}, path_remap="ABSOLUTE")
    if paintings:
        in_thread(path.name, lambda: _save(paintings))


def _save(paintings: Sequence[tuple[Save, Path]]) -> None:
    for save, path in paintings:
        save(path, 0)
