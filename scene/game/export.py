# SPDX-License-Identifier: GPL-3.0-or-later
"""The models to export become an order, which says which of them go into which file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...core import file_names, files
from ...core.errors import FlowsError, Remedy
from ...core.messages import Message
from ..bounds import world_matrix
from ..meshes import COLLISION
from .collision import TRIANGLES
from .order import FileOrder, MeshOrder, Order, SubjectOrder
from .profiles import NO_SHAPES, PROFILES, Profile
from .staging import levels_for, shapes_for
from .subjects import ONE_FILE, Subject, contents, exportable
from .write import path_of


class NothingToExport(FlowsError):
    """None of the objects to export has a mesh."""

    remedy: Remedy = ""
    message = Message("Nothing to export.")
    fix = Message("Select a mesh with faces, or make a collection that contains some active.")


class NotExported(FlowsError):
    """A file cannot be written where it belongs; reason: why."""

    remedy: Remedy = ""
    fix = Message("Choose another name or another folder.")

    def __init__(self, path: Path, reason: Message) -> None:
        super().__init__(Message("{path} cannot be exported: {reason}", path=str(path), reason=reason))


@dataclass(frozen=True)
class GameExport:
    """The settings of an export.

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


@dataclass(frozen=True)
class Plan:
    """An export that can begin.

    folder: where the files go. order: for the converter; its meshes are those of `items`, in the same order,
    and have not been written yet. replaced: how many of the files exist already.
    """

    folder: Path
    order: Order
    items: list[bpy.types.Object]
    replaced: int


def plan(context: bpy.types.Context, objects: Iterable[bpy.types.Object], wish: GameExport) -> Plan:
    """Plan which files these objects go into. Raises NothingToExport, NotExported."""
    profile = PROFILES[wish.engine]
    models = exportable(objects)
    if not models:
        raise NothingToExport
    path = wish.path
    found = contents(models, wish.files, path.stem)
    if wish.files == ONE_FILE:
        folder = path.parent
        paths = [Path(path.name if path.suffix == profile.suffix else path.name + profile.suffix)]
    else:
        folder = path.parent if path.suffix == profile.suffix else path
        paths = _free(path_of(content.name, profile, wish.own_folder) for content in found)
    for target in paths:
        _check(folder / target)
    items: list[bpy.types.Object] = []
    orders = [
        FileOrder(
            target.as_posix(),
            content.name,
            content.at_origin,
            [_subject(subject, profile, items) for subject in content.subjects],
        )
        for content, target in zip(found, paths, strict=True)
    ]
    units: Any = context.scene.unit_settings
    order = Order(
        engine=wish.engine,
        embed=wish.embed,
        collision=wish.shapes,
        triangles=wish.triangles,
        each_part=wish.each_part,
        unit=units.scale_length if units.system != "NONE" else 1.0,
        files=orders,
    )
    return Plan(folder, order, items, sum((folder / target).exists() for target in paths))


def _subject(subject: Subject, profile: Profile, items: list[bpy.types.Object]) -> SubjectOrder:
    """A model of the order; its meshes are added to `items`."""

    def meshes(parts: Iterable[bpy.types.Object]) -> Iterator[MeshOrder]:
        for item in parts:
            items.append(item)
            yield MeshOrder("", [[*row] for row in world_matrix(item)], str(item.get(COLLISION, "")))

    levels, shapes = [*meshes(levels_for(subject, profile))], [*meshes(shapes_for(subject, profile))]
    return SubjectOrder(subject.name, levels, shapes, [*subject.sizes])


def _check(path: Path) -> None:
    """Raise NotExported if something is in the way of a file."""
    if reason := file_names.trouble(path.name):
        raise NotExported(path, reason)
    home = next(folder for folder in path.parents if folder.exists() or folder == folder.parent)
    if not home.is_dir():
        raise NotExported(path, Message("{name} is no folder", name=home.name or str(home)))
    if not os.access(home, os.W_OK):
        raise NotExported(path, Message("nothing may be written into {folder}", folder=str(home)))
    if path.is_dir():
        raise NotExported(path, Message("it is a folder"))
    if files.is_protected(path):
        raise NotExported(path, Message("the file is write-protected"))


def _free(paths: Iterable[Path]) -> list[Path]:
    """The paths, with numbers where the names of two models differ only in ways that the disk ignores."""
    found: dict[str, Path] = {}
    for path in paths:
        number, free = 1, path
        while str(free).casefold() in found:
            number += 1
            free = path.with_name(f"{path.stem}_{number}{path.suffix}")
        found[str(free).casefold()] = free
    return list(found.values())
