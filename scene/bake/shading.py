# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a light mesh is shaded from the original, with a normal map and without, at points all over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import bpy
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ..meshes import mesh_of
from ..restore.surfaces import Surface, values_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

POINTS = 10_000
"""On the light mesh, spread evenly over it."""

SAME_SIDE = 0.25
"""Cosine of the angle by which a face that a ray finds may differ from how the nearest one is shaded."""

MOST_CANDIDATES = 8
"""Triangles of a face among which the one that a point is in is looked for."""


class Error(NamedTuple):
    """Angles between how two surfaces are shaded, degrees: of all points, and of the worst but 5 in 100."""

    mean: float
    p95: float


class Rays(NamedTuple):
    """What rays from the light mesh find of the original.

    missed, wrong: the shares of them that find nothing, and another side of it. error: of a map of what they
    find, however large it is.
    """

    missed: float
    wrong: float
    error: Error


class Spots(NamedTuple):
    """Points on a surface: the triangle of each, and the weights of its corners, N x 3."""

    triangles: Array
    weights: Array

    def mixed(self, surface: Surface, values: Array) -> Array:
        """What a value for each corner of the mesh is at the points; values: of all corners, C x K."""
        corners = surface.corners[self.triangles]
        return (values[corners] * self.weights[:, :, None]).sum(axis=1)

    def points(self, surface: Surface) -> Array:
        """Where they are, N x 3, in double precision."""
        shape = surface.points[surface.loops[surface.corners[self.triangles]]].astype("float64")
        return (shape * self.weights[:, :, None]).sum(axis=1)


class ShadingComparison:
    """Two mesh objects at the same points.

    original, light: objects of a scene whose dependency graph is `graph`, in one place. Faces of the light
    one have at most four corners. agreement: the share of the points at which both look the same way; only
    there they are compared.
    """

    def __init__(
        self, original: bpy.types.Object, light: bpy.types.Object, graph: bpy.types.Depsgraph
    ) -> None:
        import numpy as np

        self.before, self.after = Surface(mesh_of(original)), Surface(mesh_of(light))
        self.tree = BVHTree.FromObject(original, graph)
        self._light = light
        spots = _spread(self.after)
        self.normals = _unit(spots.mixed(self.after, corner_normals(mesh_of(light))))
        self.points = spots.points(self.after)
        found = [self.tree.find_nearest(point) for point in self.points.tolist()]
        there = np.array([face is not None for _, _, face, _ in found])
        normals = np.array([normal or (0.0, 0.0, 0.0) for _, normal, _, _ in found])
        # On a thin wall the nearest face may be the one behind.
        self._chosen = np.flatnonzero(there & ((normals * self.normals).sum(axis=1) > 0))
        self.agreement = len(self._chosen) / len(found)
        self.spots = Spots(spots.triangles[self._chosen], spots.weights[self._chosen])
        near = [found[index] for index in self._chosen.tolist()]
        self.distances = np.array([distance for *_, distance in near])
        points = np.array([tuple(place) for place, *_ in near]).reshape(-1, 3)
        self.opposite = _located(self.before, points, np.array([face for _, _, face, _ in near], dtype=int))
        self._shaded = corner_normals(mesh_of(original))
        self._wanted = _unit(self.opposite.mixed(self.before, self._shaded))

    def error(self, uv_map: str = "", pixels: Array | None = None, directx: bool = False) -> Error:
        """How far the light mesh is shaded from the original, with a normal map if `pixels` has one.

        pixels: H x W x channels, the lowest row first, of a map in tangent space. directx: see
        `BakeSettings`.
        """
        if pixels is not None:
            return self._error(self._mapped(uv_map, pixels, directx))
        return self._error(self.normals[self._chosen])

    def _error(self, shown: Array) -> Error:
        """How far these normals are from those of the original."""
        import numpy as np

        if not len(shown):
            return Error(0.0, 0.0)
        angles = np.degrees(np.arccos(np.clip((shown * self._wanted).sum(axis=1), -1.0, 1.0)))
        return Error(float(angles.mean()), float(np.percentile(angles, 95)))

    def _mapped(self, uv_map: str, pixels: Array, directx: bool) -> Array:
        """The normals that a renderer takes from the map, as MikkTSpace has it."""
        import numpy as np

        mesh = mesh_of(self._light)
        mesh.calc_tangents(uvmap=uv_map)
        tangents = values_of(mesh.loops, "tangent", 3)
        signs = values_of(mesh.loops, "bitangent_sign", 1)
        mesh.free_tangents()
        normal = self.spots.mixed(self.after, corner_normals(mesh))
        tangent = self.spots.mixed(self.after, tangents)
        sign = self.spots.mixed(self.after, signs)
        uvs = self.spots.mixed(self.after, self.after.uvs[mesh.uv_layers.find(uv_map)])
        colors = sampled(pixels, uvs)[:, :3] * 2 - 1
        if directx:
            colors[:, 1] *= -1
        bitangent = np.cross(normal, tangent) * sign
        return _unit(colors[:, :1] * tangent + colors[:, 1:2] * bitangent + colors[:, 2:] * normal)

    def rays(self, extrusion: float, distance: float) -> Rays:
        """What rays find of the original from all points.

        extrusion: how far outside of the light mesh a ray begins; distance: how far it goes, Blender units.
        """
        import numpy as np

        points, normals = self.points[self._chosen], self.normals[self._chosen]
        found: list[Any] = []
        for point, normal in zip(points.tolist(), normals.tolist(), strict=True):
            way = Vector(normal)
            found.append(self.tree.ray_cast(Vector(point) + way * extrusion, -way, distance))
        hits = np.array([face is not None for _, _, face, _ in found], dtype=bool)
        there = [found[index] for index in np.flatnonzero(hits).tolist()]
        places = np.array([tuple(place) for place, *_ in there]).reshape(-1, 3)
        sides = np.array([tuple(side) for _, side, *_ in there]).reshape(-1, 3)
        spots = _located(self.before, places, np.array([face for _, _, face, _ in there], dtype=int))
        seen = normals.copy()
        seen[hits] = _unit(spots.mixed(self.before, self._shaded))
        seen *= np.where((seen * normals).sum(axis=1) < 0, -1.0, 1.0)[:, None]  # the back of a face
        count = max(len(points), 1)
        wrong = (sides * self._wanted[hits]).sum(axis=1) < SAME_SIDE
        return Rays(
            missed=float((~hits).sum()) / count,
            wrong=float(wrong.sum()) / count,
            error=self._error(seen),
        )


def corner_normals(mesh: bpy.types.Mesh) -> Array:
    """How each corner is shaded, C x 3."""
    return values_of(mesh.corner_normals, "vector", 3)


def sampled(pixels: Array, uvs: Array) -> Array:
    """What a picture has at these places, N x channels, between the middles of pixels in proportion."""
    import numpy as np

    height, width = pixels.shape[:2]
    x, y = uvs[:, 0] * width - 0.5, uvs[:, 1] * height - 0.5
    left, low = np.floor(x).astype(int), np.floor(y).astype(int)
    right_share, high_share = (x - left)[:, None], (y - low)[:, None]
    found = np.zeros((len(uvs), pixels.shape[2]))
    for column, across in ((left, 1 - right_share), (left + 1, right_share)):
        for row, up in ((low, 1 - high_share), (low + 1, high_share)):
            found += pixels[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)] * across * up
    return found


def _spread(surface: Surface) -> Spots:
    """Random points, evenly over the surface; the same ones each time."""
    import numpy as np

    dice = np.random.default_rng(0)
    total = surface.areas.sum()
    shares = surface.areas / total if total else None
    triangles = dice.choice(len(surface.areas), POINTS, p=shares)
    one, other = np.sqrt(dice.random(POINTS)), dice.random(POINTS)
    weights = np.stack([1 - one, one * (1 - other), one * other], axis=1)
    return Spots(triangles, weights)


def _located(surface: Surface, points: Array, faces: Array) -> Spots:
    """In which triangle of its face each point is, and where in that."""
    import numpy as np

    first = np.searchsorted(surface.faces, faces, side="left")
    count = np.searchsorted(surface.faces, faces, side="right") - first
    best = np.full(len(points), -np.inf)
    triangles = first.copy()
    weights = np.tile([1.0, 0.0, 0.0], (len(points), 1))
    for number in range(min(int(count.max(initial=0)), MOST_CANDIDATES)):
        candidate = np.minimum(first + number, len(surface.faces) - 1)
        found = _weights(surface.points[surface.loops[surface.corners[candidate]]].astype("float64"), points)
        worst = found.min(axis=1)
        better = (number < count) & (worst > best)
        best[better], triangles[better], weights[better] = worst[better], candidate[better], found[better]
    weights = np.clip(weights, 0.0, None)
    return Spots(triangles, weights / weights.sum(axis=1, keepdims=True))


def _weights(shape: Array, points: Array) -> Array:
    """The barycentric coordinates of points in triangles, N x 3 x 3."""
    import numpy as np

    one, other, way = shape[:, 1] - shape[:, 0], shape[:, 2] - shape[:, 0], points - shape[:, 0]
    d00, d01, d11 = ((a * b).sum(axis=1) for a, b in ((one, one), (one, other), (other, other)))
    d20, d21 = (way * one).sum(axis=1), (way * other).sum(axis=1)
    base = d00 * d11 - d01 * d01
    base = np.where(base > 0, base, 1.0)
    second, third = (d11 * d20 - d01 * d21) / base, (d00 * d21 - d01 * d20) / base
    return np.stack([1 - second - third, second, third], axis=1)


def _unit(vectors: Array) -> Array:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
