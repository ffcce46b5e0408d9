# SPDX-License-Identifier: GPL-3.0-or-later
"""Models become files for a game engine: one for all, or one for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import bpy

from .collision import TRIANGLES, make_shapes
from .profiles import NO_SHAPES, PROFILES
from .subjects import ONE_FILE, contents, exportable, subject_of
from .write import NothingToExport, path_of, write


@dataclass(frozen=True)
class GameExport:
    """What is wanted.

    engine: of PROFILES. path: the file, or where there are several the folder, or a file in it. files: of
    `subjects.FILES`. own_folder: whether each of several has a folder of its own. shapes: which collision
    shapes are made for models that have none, of `profiles.SHAPES`. triangles, each_part: see
    `collision.make_shapes`. embed: whether textures are in an FBX.
    """

    engine: str
    path: Path
    files: str = ONE_FILE
    own_folder: bool = False
    shapes: str = NO_SHAPES
    triangles: int = TRIANGLES
    each_part: bool = False
    embed: bool = True


def export(context: bpy.types.Context, objects: Iterable[bpy.types.Object], wish: GameExport) -> list[Path]:
    """Write the files, and return their paths. Raises NothingToExport, NoShape, NotExported."""
    profile = PROFILES[wish.engine]
    items = exportable(objects)
    if not items:
        raise NothingToExport
    if profile.hull and wish.shapes != NO_SHAPES:
        for item in items:
            if not subject_of(item).shapes:
                make_shapes(context, item, wish.shapes, wish.triangles, wish.each_part)
    path = wish.path
    found = contents(items, wish.files, path.stem)
    if wish.files == ONE_FILE:
        targets = [path if path.suffix == profile.suffix else path.with_name(path.name + profile.suffix)]
    else:
        folder = path.parent if path.suffix == profile.suffix else path
        targets = _free(path_of(folder, content.name, profile, wish.own_folder) for content in found)
    for content, target in zip(found, targets, strict=True):
        write(context, content, wish.engine, target, wish.embed)
    return targets


def _free(paths: Iterable[Path]) -> list[Path]:
    """The paths, but numbered where two models have names that are one to the disk."""
    found: dict[str, Path] = {}
    for path in paths:
        number, free = 1, path
        while str(free).casefold() in found:
            number += 1
            free = path.with_name(f"{path.stem}_{number}{path.suffix}")
        found[str(free).casefold()] = free
    return list(found.values())
