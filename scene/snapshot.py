# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of a mesh object: a partial .blend, quick to write, from which a child makes the GLB."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from .child import BARE
from .fit import CARRY, SNAPSHOTS
from .meshes import PREFIX, mesh_of


def snapshot_name() -> str:
    """A new name for a snapshot; see `fit.SNAPSHOTS`."""
    return SNAPSHOTS.replace("*", uuid.uuid4().hex)


def write_snapshot(
    source: bpy.types.Object,
    path: Path,
    carry: Collection[str] = (),
    evaluated: bpy.types.Mesh | None = None,
) -> None:
    """Write the mesh of `source` with its materials and images to the .blend file `path`.

    The mesh is written in object space and without modifiers, so that the result fits the same object again,
    wherever it stands by then. carry: what the result is to get beside vertex groups, of `fit.CARRIED`.
    evaluated: the mesh to write instead, see `evaluate`. Raises RuntimeError where that cannot be written.
    """
    source.update_from_editmode()
    path.parent.mkdir(parents=True, exist_ok=True)
    mesh = evaluated or mesh_of(source)
    # A bare object with the same mesh: nothing else that `source` refers to comes along.
    bare = bpy.data.objects.new(BARE + uuid.uuid4().hex, mesh)
    try:
        bare[CARRY] = " ".join(carry)
        bare.show_only_shape_key = True  # the first one, which is the mesh as it was made
        for own, slot in zip(bare.material_slots, source.material_slots, strict=False):
            own.link = slot.link
            own.material = slot.material
        with _without_versions(mesh):
            # Absolute paths, since the child opens the file from another folder.
            bpy.data.libraries.write(str(path), {bare}, path_remap="ABSOLUTE")
    finally:
        bpy.data.objects.remove(bare)


@contextmanager
def _without_versions(mesh: bpy.types.Mesh) -> Iterator[None]:
    """Without our own properties, one of which refers to the mesh before or after."""
    own: dict[str, Any] = {name: value for name, value in mesh.items() if name.startswith(PREFIX)}
    for name in own:
        del mesh[name]
    try:
        yield
    finally:
        for name, value in own.items():
            mesh[name] = value
