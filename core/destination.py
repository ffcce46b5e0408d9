# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a result belongs: into the scene of a file, as a new model or as a mesh, or on the disk.

The store keeps a destination as a flat object of JSON, see `to_data`. What is not set is not in it, and keys
that nobody knows are passed over, so that versions can read what others have written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, cast

Location = tuple[float, float, float]
"""World space, Blender units."""

MAP_SIZES = (512, 1024, 2048, 4096, 8192)
"""Pixels a side that baked maps may have."""

MOST_LEVELS = 8
"""Levels of detail beside level 0."""

ORIGIN: Location = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class DatablockRef:
    """A scene, collection or object that is meant.

    name: by which it is known where `uid` is None. uid: its session uid, which means something only as long
    as the file stays open in which the result was asked for.
    """

    name: str = ""
    uid: int | None = None


@dataclass(frozen=True)
class _InFile:
    """What all destinations in a file have.

    document: the opening of the file in which the result was asked for, see `session.document`. file: its
    path, "" where it was not saved. scene: into which the result goes. placeholder_deleted: the result goes
    nowhere by itself, since the user deleted its placeholder.
    """

    document: str = ""
    file: str = ""
    scene: DatablockRef = DatablockRef()
    placeholder_deleted: bool = False


@dataclass(frozen=True)
class NewModel(_InFile):
    """A new model, which stands at a location or is fitted into a box; see `scene.place.transform`.

    collection: the one that was active, into which the model goes. into: the name of another one, made
    where there is none, "" = the active one. location: where the model stands. box: the object whose
    bounds it is fitted into, wherever that is by then. base: with the middle of its underside there, and
    its origin; else with its own origin. height: of the model, Blender units, 0.0 = as it comes. scale:
    factor by which it is scaled before anything else. shading: "smooth" | "flat", "" = as it comes.
    group: token of the request that several variants have in common; they stand side by side, in the
    order of their number. then_optimize: to how many triangles each result is optimized, None = it is not;
    then_percent: to which share of its own, 0.0 = not. That is done before it is placed, unless then_lods or
    then_bake says what is made of it afterwards: how many levels of detail, and which maps, see
    `BakeSettings`, "" = none.
    """

    collection: DatablockRef = DatablockRef()
    into: str = ""
    location: Location = ORIGIN
    box: DatablockRef | None = None
    base: bool = False
    height: float = 0.0
    scale: float = 1.0
    shading: str = ""
    group: str = ""
    number: int = 0
    then_optimize: int | None = None
    then_percent: float = 0.0
    then_lods: int = 0
    then_bake: str = ""


@dataclass(frozen=True)
class OptimizedMesh(_InFile):
    """An optimized mesh, which goes to the objects whose mesh was sent, or to copies of them.

    mode: "replace" (the same objects get it), or copies, which stand "beside" them, in a "collection" of
    their own, or in their place, and "hide" them, or are a "lod" of them; or "bake": no mesh, but maps for
    the one that they have. then_bake: which maps are baked for what has come, see `BakeSettings`, "" = none;
    then_lods: how many levels of detail are made of it.
    level: which LOD. offset: how far copies beside them stand from them along X; a level that has none is
    hidden. target: the object whose mesh was sent. others: more objects that have the same mesh and get the
    result as well. applied: whether modifiers of the objects are in what was sent. modifiers: the names of
    those that are, for `target` and for each of `others`. corners: how many the mesh has that was sent, to
    see whether it has been edited since. points: where some of its vertices are, object space, to see whether
    they have been moved since. traits: what it had beside its shape, to tell of what has been changed since,
    see `scene.place.traits`. corners, points and traits are None or "" where they are not known. made_of: of
    a level, a text that is the same as long as it would be made of the same mesh in the same way; wanted: for
    how many triangles it was asked; switched: whether the levels are shown by how large they are in the
    picture. sent: what was sent, and how, see `scene.origins.Record`, "" where it is not known. renews: the
    copy that gets the mesh, None = a new one is made.
    """

    mode: str = "replace"
    level: int = 0
    offset: float = 0.0
    target: DatablockRef = DatablockRef()
    others: tuple[DatablockRef, ...] = ()
    applied: bool = False
    modifiers: tuple[tuple[str, ...], ...] = ()
    corners: int | None = None
    points: tuple[Location, ...] | None = None
    traits: str = ""
    then_bake: str = ""
    made_of: str = ""
    wanted: int = 0
    switched: bool = False
    then_lods: int = 0
    sent: str = ""
    renews: DatablockRef | None = None


@dataclass(frozen=True)
class OutputFile:
    """A file that the command line writes.

    path: as the folder of its jobs says it. optimize: to how many triangles the result is optimized first, or
    None. bake: how many pixels a side the maps have that are baked for it, 0 = none are. wish: the same for
    the same item, whichever service it was asked of, or "".
    """

    path: str
    optimize: int | None = None
    bake: int = 0
    wish: str = ""


@dataclass(frozen=True)
class ExportFolder:
    """A folder of the user's, into which files for a game engine go; an absolute path."""

    folder: str


@dataclass(frozen=True)
class Unknown:
    """Nobody knows where the result belongs: its job was found again."""


UNKNOWN = Unknown()

InFile = NewModel | OptimizedMesh
Destination = NewModel | OptimizedMesh | OutputFile | ExportFolder | Unknown

D = TypeVar("D", bound=Destination)

_CURSOR, _BOX = "cursor", "box"
"""Modes of new models."""

_KEYS = {
    "placeholder_deleted": "aside",
    "then_optimize": "then",
    "target": "object",
    "path": "output",
}
"""Fields whose keys have other names."""

_UIDS = {
    "scene": "scene_uid",
    "collection": "collection_uid",
    "box": "uid",
    "object": "uid",
    "renews": "renews_uid",
}
"""The key of the session uid, for each key of a datablock's name."""


def without_uids(destination: D) -> D:
    """A destination that was asked for in another opening of the file, where only names mean something."""
    changes: dict[str, Any] = {}
    for field in fields(destination):
        value = getattr(destination, field.name)
        if isinstance(value, DatablockRef):
            changes[field.name] = DatablockRef(value.name)
    if isinstance(destination, OptimizedMesh):
        changes["others"] = tuple(DatablockRef(other.name) for other in destination.others)
    return replace(destination, **changes)


def to_data(destination: Destination) -> dict[str, Any]:
    """A destination as JSON can keep it."""
    data: dict[str, Any] = {}
    if isinstance(destination, NewModel):
        data["mode"] = _CURSOR if destination.box is None else _BOX
    elif isinstance(destination, OptimizedMesh):
        data["mode"] = destination.mode
    for field in fields(destination):
        value = getattr(destination, field.name)
        key = _KEYS.get(field.name, field.name)
        if value == field.default:
            continue
        if isinstance(value, DatablockRef):
            data[key] = value.name
            if value.uid is not None:
                data[_UIDS[key]] = value.uid
        elif field.name == "others":
            data[key] = [[other.name, other.uid] for other in value]
        else:
            data[key] = value
    return data


def from_data(data: Mapping[str, Any]) -> Destination:
    """The destination that `to_data` wrote, in this version or another. Raises TypeError or ValueError."""
    if not data:
        return UNKNOWN
    kind: type[NewModel | OptimizedMesh | OutputFile | ExportFolder] = OptimizedMesh
    if "output" in data:
        kind = OutputFile
    elif "folder" in data:
        kind = ExportFolder
    elif data.get("mode", _CURSOR) in (_CURSOR, _BOX):
        kind = NewModel
    known: dict[str, Any] = {}
    for field in fields(kind):
        key = _KEYS.get(field.name, field.name)
        if key not in data:
            continue
        if key in _UIDS:
            known[field.name] = DatablockRef(data[key], data.get(_UIDS[key]))
        elif field.name == "others":
            known[field.name] = tuple(DatablockRef(name, uid) for name, uid in data[key])
        else:
            known[field.name] = _frozen(data[key])
    return kind(**known)


def _frozen(value: object) -> object:
    """A value of JSON whose lists cannot be changed."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(part) for part in cast("list[object] | tuple[object, ...]", value))
    return value
