# SPDX-License-Identifier: GPL-3.0-or-later
"""Collision shapes: convex hulls of few triangles, and boxes.

They are children of the object that they stand for, drawn as wires, and never rendered. Their names in a file
depend on the game engine, see `profiles`. A model is divided into several convex shapes by its loose parts
only; everything finer is left to the game engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import bpy

from ...core.errors import FlowsError, Remedy
from ...core.messages import Message
from ..meshes import COLLISION, mesh_of
from ..place.collections import takes_objects
from ..place.unique_names import suffixed
from .profiles import BOX_SHAPES
from .seen import seen_meshes

if TYPE_CHECKING:
    import numpy as np

    Points = np.ndarray[Any, np.dtype[np.floating[Any]]]

LEAST_TRIANGLES, TRIANGLES, MOST_TRIANGLES = 12, 64, 255
"""Triangles of a hull; 255 is the most that Unity and PhysX accept."""

MOST_PARTS = 32
"""The most loose parts that get a shape each; what has more is leaves or stones, not one thing."""

THIN = 0.01
"""The least thickness of a shape, as a share of its longest side: a flat one would have no volume."""

MANY = 20_000
"""If there are more points than this, only those that lie farthest in some direction are used."""

DIRECTIONS = 512
"""The number of these directions."""


class NoShape(FlowsError):
    """The object has no faces to make a collision shape of."""

    remedy: Remedy = ""
    message = Message("There is nothing to make a collision shape from.")
    fix = Message("Select a mesh with faces.")


def shapes_of(item: bpy.types.Object) -> list[bpy.types.Object]:
    """The collision shapes of an object, by their names."""
    return sorted((child for child in item.children if COLLISION in child), key=lambda child: child.name)


def make_shapes(
    context: bpy.types.Context,
    item: bpy.types.Object,
    kind: str,
    triangles: int = TRIANGLES,
    each_part: bool = False,
) -> list[bpy.types.Object]:
    """Replace the collision shapes of `item` with shapes for what is seen of it; return them.

    kind: of `profiles.SHAPES`. triangles: the most that each hull may have. each_part: whether each loose
    part gets a shape of its own. Raises NoShape.
    """
    with seen_meshes(context, [item], in_triangles=False) as (mesh,):
        parts = [part for part in _parts(mesh, each_part) if len(part)]
    if not parts:
        raise NoShape
    remove_shapes(item)
    homes = [home for home in item.users_collection if takes_objects(home)] or [context.scene.collection]
    made: list[bpy.types.Object] = []
    for number, points in enumerate(parts, 1):
        name = suffixed(item.name, f"_Collision_{number:02}")
        mesh = _box(name, points) if kind == BOX_SHAPES else _hull(name, points, triangles)
        shape = bpy.data.objects.new(name, mesh)
        shape.parent = item
        shape[COLLISION] = kind
        shape.display_type = "WIRE"
        shape.hide_render = True
        for home in homes:
            home.objects.link(shape)
        made.append(shape)
    return made


def remove_shapes(item: bpy.types.Object) -> None:
    """Remove the collision shapes of an object."""
    shapes = shapes_of(item)
    meshes = [mesh_of(shape) for shape in shapes]
    bpy.data.batch_remove([*shapes])
    bpy.data.batch_remove([mesh for mesh in meshes if not mesh.users])


def _parts(mesh: bpy.types.Mesh, each_part: bool) -> Iterator[Points]:
    """The points of the faces of a mesh, all together or for each loose part; largest part first."""
    import numpy as np

    from ..restore.surfaces import components

    points = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    mesh.attributes["position"].data.foreach_get("vector", points.ravel())  # type: ignore[attr-defined]
    corners = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    is_used = np.zeros(len(points), dtype=bool)
    is_used[corners] = True
    used = np.flatnonzero(is_used)
    if each_part:
        edges = np.empty((len(mesh.edges), 2), dtype=np.int32)
        mesh.edges.foreach_get("vertices", edges.ravel())
        labels = components(len(points), edges[:, 0], edges[:, 1])[used]
        names, counts = np.unique(labels, return_counts=True)
        if len(names) <= MOST_PARTS:
            for name in names[np.argsort(-counts, kind="stable")]:
                yield points[used[labels == name]]
            return
    yield points[used]


def _box(name: str, points: Points) -> bpy.types.Mesh:
    """A box around the points, with the axes of the object."""
    import numpy as np

    low, high = points.min(axis=0), points.max(axis=0)
    least = max((high - low).max() * THIN, 1e-6)
    grow = np.maximum(least - (high - low), 0.0) / 2
    ends = (low - grow, high + grow)
    corners = [(ends[x][0], ends[y][1], ends[z][2]) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    return _convex(name, np.array(corners))


def _hull(name: str, points: Points, triangles: int) -> bpy.types.Mesh:
    """A convex hull of at most so many triangles, which has its corners among the points.

    A convex shape of n corners has at most 2 n - 4 triangles. Corner after corner is added where the hull so
    far is farthest from the points, so that what is missing of the whole hull is as thin as it can be.
    """
    import numpy as np

    candidates = _outermost(points).astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    size = float(np.linalg.norm(high - low))
    if (high - low).min() < (high - low).max() * THIN:
        return _box(name, points)
    most = max(4, (min(triangles, MOST_TRIANGLES) + 4) // 2)
    chosen = [*dict.fromkeys([*candidates.argmin(axis=0).tolist(), *candidates.argmax(axis=0).tolist()])]
    while len(chosen) < most:
        normals, offsets = _planes(candidates[chosen])
        if not len(normals):  # so far, all corners lie in one plane
            far = np.abs((candidates - candidates[chosen[0]]) @ _normal_of(candidates[chosen]))
        else:
            far = (candidates @ normals.T - offsets).max(axis=1)
        best = int(far.argmax())
        if far[best] <= size * 1e-4 or best in chosen:
            break
        chosen.append(best)
    return _convex(name, candidates[chosen[:most]])


def _outermost(points: Points) -> Points:
    """The points that may be corners of the hull: if there are many, the farthest in some directions."""
    import numpy as np

    if len(points) <= MANY:
        return points
    steps = np.arange(DIRECTIONS) + 0.5
    heights, angles = 1.0 - 2.0 * steps / DIRECTIONS, steps * np.pi * (1.0 + np.sqrt(5.0))
    rings = np.sqrt(1.0 - heights**2)
    ways = np.stack([rings * np.cos(angles), rings * np.sin(angles), heights], axis=1)
    columns = np.ascontiguousarray(points.T, dtype=np.float32)
    found = [(way @ columns).argmax() for way in ways.astype(np.float32)]
    return points[np.unique(found)]


def _normal_of(points: Points) -> Points:
    """The direction in which the points have the least extent."""
    import numpy as np

    return np.linalg.svd(points - points.mean(axis=0))[2][-1]


def _planes(points: Points) -> tuple[Points, Points]:
    """Normals and offsets of the faces of the convex hull of the points; none if it has no volume."""
    import numpy as np

    work = _work(points)
    middle = points.mean(axis=0)
    normals: list[Any] = []
    offsets: list[float] = []
    for face in work.faces:
        normal, corner = np.array(face.normal), np.array(face.verts[0].co)
        if normal @ (corner - middle) < 0.0:
            normal = -normal
        normals.append(normal)
        offsets.append(float(normal @ corner))
    flat = len(work.faces) < 4
    work.free()
    if flat:
        return np.empty((0, 3)), np.empty(0)
    return np.array(normals), np.array(offsets)


def _convex(name: str, points: Points) -> bpy.types.Mesh:
    """A mesh that is the convex hull of the points, of triangles that look outwards."""
    import bmesh

    work = _work(points)
    bmesh.ops.recalc_face_normals(work, faces=work.faces[:])
    mesh = bpy.data.meshes.new(name)
    work.to_mesh(mesh)
    work.free()
    return mesh


def _work(points: Points) -> Any:
    """A bmesh with the convex hull of the points."""
    import bmesh

    work = bmesh.new()
    for point in points:
        work.verts.new(point)
    corners: list[Any] = [*work.verts]
    bmesh.ops.convex_hull(work, input=corners, use_existing_faces=False)
    loose: list[Any] = [vertex for vertex in work.verts if not vertex.link_faces]
    bmesh.ops.delete(work, geom=loose, context="VERTS")
    bmesh.ops.triangulate(work, faces=work.faces[:])
    return work
