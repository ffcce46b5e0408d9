# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what an optimized mesh, a copy, a level of detail or a bake was made, and whether that was edited since.

What is known of it hangs on what was made, by custom properties, and so is saved with the file:
    of a mesh      MADE_WITH: what was sent, and how, see `Record`
    of a copy      COPY_OF: the same text that its original has as ORIGIN

To look at a mesh of a million triangles takes some milliseconds. So it is looked at anew only after Blender
has told that a mesh was changed, array by array, and only where a panel or an operator wants to know.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import bpy

from . import versions
from .lookup import find
from .meshes import COPY_OF, MADE_WITH, ORIGIN, is_own, mesh_of
from .modifiers import applicable

MESH, MAPS = "MESH", "MAPS"
"""What is out of date: the mesh, and with it its maps, or only these."""

A_COST = 20_000
"""Bytes of a mesh that cost as much to look at as an object does."""

OF_THE_SCREEN = frozenset(
    {"execution_time", "is_active", "name", "persistent_uid", "rna_type", "show_render", "type"}
    | {"show_expanded", "show_group_selector", "show_in_editmode", "show_on_cage", "show_viewport"}
    | {"use_apply_on_spline", "use_pin_to_last"}
)
"""Properties of a modifier that do not change what it makes of a mesh that is sent."""


class Record(NamedTuple):
    """What was sent for a mesh that was optimized, or for maps.

    looks: the digests of the objects' meshes, see `MeshDigests`; equal ones count once. applied: whether
    modifiers were applied. options: the options to make it again with, as `Choice` has them; for maps the
    text of their `BakeSettings`.
    """

    looks: tuple[str, ...]
    applied: bool
    options: dict[str, Any]

    def to_text(self) -> str:
        """The record as a custom property keeps it."""
        return json.dumps(self._asdict())

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The record that `to_text` wrote."""
        data = json.loads(text)
        return cls(tuple(data["looks"]), data["applied"], data["options"])

    @classmethod
    def of(cls, sources: Iterable[Source], options: dict[str, Any], meshes: MeshDigests) -> Record:
        """What is known of something that is made of these sources now."""
        found = [*sources]
        digests = dict.fromkeys(meshes.of(source) for source in found)
        return cls(tuple(digests), any(source.applied for source in found), options)


class Source(NamedTuple):
    """A mesh that something is made of, with the object whose modifiers are applied, if any are."""

    item: bpy.types.Object
    mesh: bpy.types.Mesh
    applied: bool


@dataclass
class Owners:
    """The originals of copies: names and session uids, by what they have as ORIGIN.

    It holds no data of Blender, so that it may be filled bit by bit while the file changes.
    """

    known: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    @classmethod
    def of_file(cls) -> Owners:
        """The originals among all objects."""
        found = cls()
        for item in bpy.data.objects:
            found.add(item)
        return found

    def add(self, item: bpy.types.Object) -> None:
        """Note whether `item` is an original."""
        if (text := item.get(ORIGIN)) is not None:
            self.known.setdefault(text, []).append((item.name, item.session_uid))

    def of(self, copy: bpy.types.Object) -> list[bpy.types.Object]:
        """The object of which `copy` was made, and the user's duplicates of that; none where it is gone."""
        known = self.known.get(copy.get(COPY_OF, ""), [])
        found = [find(bpy.data.objects, name, uid) for name, uid in known]
        return [item for item in found if item is not None and item.type == "MESH"]


class MeshDigests:
    """Digests of meshes, which stay known until Blender tells that a mesh was changed."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}  # by session uid

    def outdate(self) -> None:
        """A mesh of the file was changed, whichever it was."""
        self._known.clear()

    def of(self, source: Source) -> str:
        """A text that is the same as long as the source is."""
        self._known.pop(source.mesh.session_uid, None)  # a script may have told Blender nothing
        for _ in self._compute_digest(source.mesh):
            pass
        return self._text(source)

    def outdated(self, item: bpy.types.Object, owners: Owners) -> Generator[int, None, str]:
        """What of `item` was made of something that has been edited since: MESH, MAPS or "" for nothing.

        Yields what each step costs, see `SelectionReport`; another object may be looked at in between, but
        the file must not change.
        """
        for part, record in _records(item):
            sources = [*_sources(item, owners, record.applied)]
            for source in sources:
                yield from self._compute_digest(source.mesh)
            if sources and not any(self._text(source) in record.looks for source in sources):
                return part
        return ""

    def _text(self, source: Source) -> str:
        digest = self._known.get(source.mesh.session_uid, "")
        return f"{digest} {_modifier_settings(source.item)}" if source.applied else digest

    def _compute_digest(self, mesh: bpy.types.Mesh) -> Iterator[int]:
        import numpy as np  # takes longer to import than all of the add-on

        if mesh.session_uid in self._known:
            return
        parts = [len(mesh.vertices), len(mesh.loops), len(mesh.polygons), len(mesh.materials)]
        for name, member, kind, size in _arrays(mesh):
            layer: Any = mesh.attributes.get(name)
            if layer is not None and len(layer.data):
                values = np.empty(len(layer.data) * size, dtype=kind)
                layer.data.foreach_get(member, values)
                parts.append(zlib.crc32(values.data))
                yield values.nbytes // A_COST
        self._known[mesh.session_uid] = "-".join(f"{part:x}" for part in parts)


def _arrays(mesh: bpy.types.Mesh) -> Iterator[tuple[str, str, str, int]]:
    """The attributes that are looked at: names, and what they hold, in which type and how many of it.

    Corners of faces tell nearly all of the faces, and are read a hundred times as quickly.
    """
    yield "position", "vector", "float32", 3
    yield ".corner_vert", "value", "int32", 1
    yield "material_index", "value", "int32", 1
    for layer in mesh.uv_layers:
        yield layer.name, "vector", "float32", 2


def _modifier_settings(item: bpy.types.Object) -> str:
    found = [[modifier.type, *_settings(modifier)] for modifier in applicable(item)]
    return f"{zlib.crc32(repr(found).encode()):x}"


def _settings(modifier: Any) -> Iterator[Any]:
    """What can be set of a modifier, but for curves and what other objects look like."""
    for entry in modifier.bl_rna.properties:
        if entry.identifier in OF_THE_SCREEN or entry.type == "COLLECTION":
            continue
        value = getattr(modifier, entry.identifier)
        if entry.type != "POINTER":
            yield [*value] if getattr(entry, "is_array", False) else value
        elif isinstance(value, bpy.types.ID):
            yield value.name
    if modifier.type == "NODES" and not hasattr(modifier, "properties"):  # before Blender 5.2
        yield sorted((name, _plain(value)) for name, value in modifier.items())
    elif modifier.type == "NODES" and modifier.node_group is not None:
        inputs = modifier.properties.inputs
        names = [entry.identifier for entry in inputs.bl_rna.properties if entry.identifier != "rna_type"]
        yield [(name, _plain(getattr(getattr(inputs, name), "value", None))) for name in names]


def _plain(value: Any) -> str:
    if isinstance(value, bpy.types.ID):
        return value.name
    return repr([*value]) if hasattr(value, "__len__") and not isinstance(value, str) else repr(value)


def _after(item: bpy.types.Object) -> bpy.types.Mesh:
    """The optimized mesh of `item`, whether or not it is shown."""
    hidden = versions.hidden_mesh(item)
    return hidden if hidden is not None and not versions.shows_after(item) else mesh_of(item)


def record_of(item: bpy.types.Object) -> Record | None:
    """Of what the optimized mesh of `item` was made; None where that is not known."""
    text = _after(item).get(MADE_WITH)
    return Record.from_text(text) if text else None


def record_of_maps(item: bpy.types.Object) -> Record | None:
    """Of what the baked maps of the optimized mesh of `item` were made; None where there are none."""
    bake = versions.report_of(item).get("bake", {})
    return Record.from_text(bake["made_with"]) if "made_with" in bake else None


def _records(item: bpy.types.Object) -> Iterator[tuple[str, Record]]:
    if item.type != "MESH" or not (is_own(item) and is_own(mesh_of(item))):
        return
    for part, record in ((MESH, record_of(item)), (MAPS, record_of_maps(item))):
        if record is not None:
            yield part, record


def _sources(item: bpy.types.Object, owners: Owners, applied: bool) -> Iterator[Source]:
    """What `item` may have been made of: what it was before, or the original of a copy, in any version."""
    hidden = versions.hidden_mesh(item)
    if hidden is not None:
        found = versions.original_of(item) or (item, mesh_of(item))
        yield from _readable(Source(*found, applied))
        return
    for owner in owners.of(item):
        yield from _readable(Source(owner, mesh_of(owner), applied))
        original = versions.original_of(owner)
        if original is not None:
            yield from _readable(Source(*original, applied))


def _readable(source: Source) -> Iterator[Source]:
    """The source, unless it is being edited: then it is asked about later."""
    if not source.mesh.is_editmode and source.item.mode != "SCULPT":
        yield source


def link_copy(original: bpy.types.Object, copy: bpy.types.Object) -> None:
    """Note down that `copy` was made of `original`."""
    if ORIGIN not in original:
        original[ORIGIN] = uuid.uuid4().hex
    copy[COPY_OF] = original[ORIGIN]
