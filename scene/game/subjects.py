# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be exported: models with their levels of detail and collision shapes, and into which files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import bpy

from .. import lods
from ..assets import model_of
from ..meshes import COLLISION, mesh_of
from .collision import shapes_of

ONE_FILE, EACH_OBJECT, EACH_COLLECTION = "ONE", "OBJECT", "COLLECTION"
FILES = (
    (ONE_FILE, "One File", "All models in one file, placed as in the scene"),
    (EACH_OBJECT, "One for Each Model", "A file for each model, with the model at the origin"),
    (EACH_COLLECTION, "One for Each Collection", "A file for each collection that contains models"),
)
"""How many files there are, as an enumeration of Blender's."""

SEEN = frozenset({"CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME"})
"""Types of objects that have something to show, beside meshes."""


@dataclass(frozen=True)
class Subject:
    """A mesh object that is to be exported.

    name: of the model. levels: its levels of detail, or itself. sizes: the screen sizes below which the
    levels from 1 on are shown, see `lods.preview`. shapes: its collision shapes.
    """

    name: str
    levels: Sequence[bpy.types.Object]
    sizes: Sequence[float] = ()
    shapes: Sequence[bpy.types.Object] = ()


@dataclass
class FileContent:
    """What goes into one file. at_origin: whether all is moved so that the first subject is at the origin."""

    name: str
    subjects: list[Subject] = field(default_factory=list)
    at_origin: bool = False


def exportable(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """The models with faces among `objects`; levels, and previews of levels, stand for their original."""
    found = lods.sources(item for item in objects if item.type == "MESH" and COLLISION not in item)
    return [item for item in found if len(mesh_of(item).polygons) or len(item.modifiers)]


def left_out(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """Those of `objects` that are seen, and are no meshes: curves, text, and instances of collections."""
    return [item for item in objects if item.type in SEEN or item.instance_type == "COLLECTION"]


def subject_of(item: bpy.types.Object) -> Subject:
    """An object with what belongs to it."""
    known = lods.set_of(item)
    if known is None or not known.levels:
        return Subject(item.name, [item], (), shapes_of(item))
    sizes = [float(level.get(lods.SCREEN_SIZE, 0.0)) for number, level in known.levels.items() if number]
    name = known.original.name if known.original else known.base
    return Subject(name, [*known.levels.values()], sizes, shapes_of(known.original or item))


def contents(items: Sequence[bpy.types.Object], files: str, name: str) -> list[FileContent]:
    """What goes into which file; files: of FILES; name: of the one file."""
    found: dict[object, FileContent] = {}
    for item in items:
        key: object = None
        if files == EACH_OBJECT:
            model = model_of(item) or item
            key, label = model, model.name
        elif files == EACH_COLLECTION:
            homes = item.users_collection
            key = label = homes[0].name if homes else name
        else:
            label = name
        content = found.setdefault(key, FileContent(label, at_origin=files == EACH_OBJECT))
        content.subjects.append(subject_of(item))
    return list(found.values())
