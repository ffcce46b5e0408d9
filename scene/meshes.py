# SPDX-License-Identifier: GPL-3.0-or-later
"""Small facts about mesh objects."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

import bpy

from ..core.messages import Message

if TYPE_CHECKING:
    import numpy as np

    Bools = np.ndarray[Any, np.dtype[np.bool_]]


def mesh_of(item: bpy.types.Object) -> bpy.types.Mesh:
    """The mesh of an object of type MESH."""
    return cast(bpy.types.Mesh, item.data)


def users_of(mesh: bpy.types.Mesh) -> list[bpy.types.Object]:
    """The objects that have this mesh."""
    return [item for item in bpy.data.objects if item.data == mesh]


def flush_edits(items: Collection[bpy.types.Object]) -> None:
    """Let the meshes of `items` be what is seen of them; edited or sculpted ones live elsewhere meanwhile."""
    for item in items:
        item.update_from_editmode()
    if any(item.mode == "SCULPT" for item in items):  # with dynamic topology, or at several resolutions
        bpy.ops.ed.flush_edits()


def triangle_count(mesh: bpy.types.Mesh) -> int:
    """How many triangles the faces of `mesh` make, n-gons included, without looking at any face.

    A face of n corners makes n - 2 triangles.
    """
    return len(mesh.loops) - 2 * len(mesh.polygons)


FARTHEST = 1e18
"""Coordinates that can be measured with: the squares of larger ones are infinite in single precision."""


def broken_vertices(mesh: bpy.types.Mesh) -> Bools:
    """For each vertex whether it is nowhere: its coordinates are no numbers, or beyond FARTHEST."""
    import numpy as np  # takes longer to import than all of the add-on

    points = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    position: Any = mesh.attributes.get("position")
    if position is not None:
        position.data.foreach_get("vector", points.ravel())  # ten times as quick
    else:  # the attributes are those of what is being edited
        mesh.vertices.foreach_get("co", points.ravel())
    far = np.abs(points, out=points)
    if far.max(initial=0.0) <= FARTHEST:  # as almost always; what is no number is not less than anything
        return np.zeros(len(points), dtype=bool)
    return ~(far <= FARTHEST).all(axis=1)


def has_whole_faces(mesh: bpy.types.Mesh, broken: Bools) -> bool:
    """Whether any face has none of the `broken` vertices."""
    import numpy as np

    corners = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    starts = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    return not np.logical_or.reduceat(broken[corners], starts).all()


def drop_broken(mesh: bpy.types.Mesh) -> None:
    """Take the vertices that are nowhere out of `mesh`, with their faces."""
    broken = broken_vertices(mesh)
    if not broken.any():
        return
    import bmesh

    work = bmesh.new()
    work.from_mesh(mesh)
    gone: list[Any] = [
        vertex for vertex, is_broken in zip(work.verts, broken.tolist(), strict=True) if is_broken
    ]
    bmesh.ops.delete(work, geom=gone, context="VERTS")
    work.to_mesh(mesh)
    work.free()


PREFIX = "generio_"
"""What the names of the add-on's custom properties begin with."""

TOKEN = PREFIX + "token"
"""Custom property of what a job has become; the user's duplicates have it, too."""

RESULT = PREFIX + "result"
"""Custom property of what a job has become: which of its results, from 1; an earlier version noted none."""

NAMED = PREFIX + "name"
"""Custom property of a collection that was made for results, and of a variant: what it was called then."""

LEVELS = PREFIX + "levels"
"""Custom property of an object, and of the collection of its levels of detail: the same text, whatever it is.

It is no pointer to the object, which would stay in the file when the user deletes it.
"""

ORIGIN = PREFIX + "origin"
"""Custom property of an object of which copies were made: a text that they have as COPY_OF."""

COPY_OF = PREFIX + "copy_of"
"""Custom property of a copy with an optimized mesh: what its original has as ORIGIN."""

MADE_WITH = PREFIX + "made_with"
"""Custom property of an optimized mesh: what was sent for it, and how, see `origins.Record`."""

COLLISION = PREFIX + "collision"
"""Custom property of a collision shape: of which kind it is, see `game.profiles.SHAPES`."""

EDGE_DATA = {
    "uv_seam": Message("seams"),
    ".uv_seam": Message("seams"),
    "crease_edge": Message("creases"),
    "crease_vert": Message("creases"),
    "bevel_weight_edge": Message("bevel weights"),
    "bevel_weight_vert": Message("bevel weights"),
    "freestyle_edge": Message("Freestyle marks"),
    "freestyle_face": Message("Freestyle marks"),
    ".sculpt_face_set": Message("face sets"),
    ".sculpt_mask": Message("sculpt masks"),
    ".hide_poly": Message("hidden faces"),
}
"""Attributes that only Blender's own tools know, and what they are called there."""

SENT = frozenset({"position", "material_index", "sharp_edge", "sharp_face", "custom_normal"})
"""Attributes that a GLB carries in a way of its own."""

PINS = ".pn."
"""What the names begin with of attributes that say which corners are pinned in a UV map."""

SHAPE_KEYS = Message("shape keys")
SKIN = Message("skin radii")
UV_PINS = Message("pins in UV maps")
COLOR_ATTRIBUTES = Message("color attributes")
CUSTOM_NORMALS = Message("custom normals")


def unsent(mesh: bpy.types.Mesh) -> list[Message]:
    """The kinds of data of `mesh` that a GLB does not carry; looks at no element."""
    kinds: dict[Message, None] = {}  # in this order, each once
    if mesh.shape_keys is not None:
        kinds[SHAPE_KEYS] = None
    if len(mesh.color_attributes):
        kinds[COLOR_ATTRIBUTES] = None
    if mesh.has_custom_normals:
        kinds[CUSTOM_NORMALS] = None
    if len(mesh.skin_vertices):
        kinds[SKIN] = None
    shown = {layer.name for layer in mesh.uv_layers} | {layer.name for layer in mesh.color_attributes}
    for attribute in mesh.attributes:
        name = attribute.name
        if name in EDGE_DATA:
            kinds[EDGE_DATA[name]] = None
        elif name.startswith(PINS) and not mesh.is_editmode:  # in which each UV map has one
            kinds[UV_PINS] = None
        elif not name.startswith((".", "uv_select_")) and name not in SENT and name not in shown:
            kinds[Message('the attribute "{name}"', name=name)] = None
    return list(kinds)


def is_own(item: bpy.types.ID) -> bool:
    """Whether a datablock is this file's own, and not another's, linked or overridden."""
    return item.library is None and item.override_library is None
