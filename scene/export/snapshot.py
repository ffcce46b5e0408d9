# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of a mesh object: a partial .blend, quick to write, from which a child makes the GLB."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import bpy

from ...formats.raw_pixels import RawPicture
from .. import markers
from ..bake.settings import LIGHT, SETTINGS, BakeSettings
from ..markers import SNAPSHOTS, SUBJECT
from ..meshes import flush_edits, mesh_of
from ..restore.restore import BEFORE, CARRY
from .isolate import isolated_copy
from .texture_limit import LIMIT, TextureLimit


def run_all(pieces: Iterator[None]) -> None:
    """Do all of what could be done piece by piece."""
    for _ in pieces:
        pass


def snapshot_name() -> str:
    """A new name for a snapshot; see `fit.SNAPSHOTS`."""
    return SNAPSHOTS.replace("*", uuid.uuid4().hex)


def write_snapshot(
    source: bpy.types.Object,
    path: Path,
    carry: Collection[str] = (),
    evaluated: bpy.types.Mesh | None = None,
    before: bpy.types.Mesh | None = None,
    light: tuple[bpy.types.Mesh, BakeSettings] | None = None,
    textures: TextureLimit | None = None,
    later: Callable[[Iterator[None]], object] = run_all,
) -> None:
    """Write the mesh of `source` with its materials and images to the new .blend file `path`.

    The mesh is written in object space and without modifiers, so that the result fits the same object again,
    wherever it stands by then. carry: what the result is to get beside vertex groups, of `losses.CARRIED`.
    evaluated: the mesh to write instead, see `evaluate`. before: what the result is compared with, if that is
    another mesh. light: the mesh that maps are to be baked for, and which. textures: how large those may be,
    if that matters. Raises RuntimeError where that cannot be written.

    Paintings that were never saved are written raw beside it, in pieces: `later` is given what writes them,
    piece by piece. Whoever makes the GLB waits for them, and makes PNG files of them.
    """
    flush_edits([source])
    path.parent.mkdir(parents=True, exist_ok=True)
    paintings: list[tuple[RawPicture, Path]] = []

    def save_image(picture: RawPicture) -> Path:
        paintings.append((picture, path.with_name(f"{path.stem}-{len(paintings)}.png")))
        return paintings[-1][1]

    beside = {} if before is None else {BEFORE: before}
    if light is not None:
        beside[LIGHT] = light[0]
    with isolated_copy(
        SUBJECT + uuid.uuid4().hex, source, evaluated or mesh_of(source), save_image, beside
    ) as bare:
        bare[CARRY] = " ".join(carry)
        if textures is not None:
            bare[LIMIT] = textures
        if light is not None:
            bare[SETTINGS] = light[1].to_text()
        # Absolute paths, since the child opens the file from another folder.
        bpy.data.libraries.write(str(path), {bare}, path_remap="ABSOLUTE")
    if paintings:
        note = json.dumps([painting.name for _, painting in paintings])
        markers.paintings_note(path).write_text(note, encoding="utf-8")
        later(_written(paintings))


def _written(paintings: Sequence[tuple[RawPicture, Path]]) -> Iterator[None]:
    for picture, path in paintings:
        yield from picture.write(markers.raw_painting(path))
