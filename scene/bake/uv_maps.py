# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a UV map is fit for baking, and a new one where none is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import radians
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from ...core.messages import Message
from ..meshes import mesh_of
from ..restore.surfaces import Surface

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NAME = "Baked"
"""What a new UV map is called."""

RASTER = 1024
"""Pixels a side of the raster in which overlaps are counted."""

AT_ONCE = 1 << 22
"""Pixels that are looked at in one go."""

AT_THE_EDGE = 0.005
"""How far out of the tile a corner may be, as a share of its side: a renderer takes the color of the edge."""

APART = 4
"""Pixels between islands at most; the margin of one island ends where another one is."""

MOST_OVERLAP = 0.01
MOST_FLIPPED = 0.01
MOST_OUTSIDE = 0.001
LEAST_TEXELS = 2.0
"""What a UV map may have, and has to, so that it is fit; see `UvFigures`."""


class UvFigures(NamedTuple):
    """A UV map in figures.

    overlap: share of the covered texels that several triangles cover; flipped: share of the area that is the
    other way round than most; outside: share of the corners that are not in the first tile; coverage: share
    of the tile that is covered; texels: how many a triangle has on average, of a map of the size that was
    asked about; density: texels for a Blender unit, on average; stretch: how much finer than needed the map
    would have to be to have as many texels everywhere, 1 = none (L2 stretch of Sander, Snyder, Gortler and
    Hoppe, "Texture Mapping Progressive Meshes", 2001, section 3).
    """

    overlap: float
    flipped: float
    outside: float
    coverage: float
    texels: float
    density: float
    stretch: float

    @property
    def is_usable(self) -> bool:
        """Whether maps can be baked with it."""
        return (
            self.overlap <= MOST_OVERLAP
            and self.flipped <= MOST_FLIPPED
            and self.outside <= MOST_OUTSIDE
            and self.texels >= LEAST_TEXELS
        )


def measure(surface: Surface, number: int, size: int) -> UvFigures:
    """The figures of the UV map of this number, for maps of `size` pixels a side."""
    import numpy as np

    spots = surface.uvs[number][surface.corners].astype(np.float64)
    one, other = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
    areas = (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    there = surface.areas > surface.areas.max(initial=0.0) * 1e-9  # what has no width is seen nowhere
    flipped = float(min(np.abs(areas[there & (areas < 0)]).sum(), areas[there & (areas > 0)].sum()))
    total = float(np.abs(areas).sum())
    hits = _hits(spots[there], RASTER)
    covered = int((hits > 0).sum())
    world = float(surface.areas.sum())
    return UvFigures(
        overlap=float((hits > 1).sum()) / covered if covered else 0.0,
        flipped=flipped / total if total else 0.0,
        outside=float(((spots < -AT_THE_EDGE) | (spots > 1 + AT_THE_EDGE)).any(axis=2).mean()),
        coverage=covered / RASTER**2,
        texels=total * size**2 / max(len(spots), 1),
        density=size * float(np.sqrt(total / world)) if world else 0.0,
        stretch=_stretch(surface, spots, areas) if total else 0.0,
    )


def _stretch(surface: Surface, spots: Array, areas: Array) -> float:
    import numpy as np

    used = (np.abs(areas) > 1e-14) & (surface.areas > 0)
    shape, spots, areas, world = surface.shape[used], spots[used], areas[used], surface.areas[used]
    if not len(spots):
        return 0.0
    (s1, t1), (s2, t2), (s3, t3) = (spots[:, corner].T for corner in range(3))
    q1, q2, q3 = (shape[:, corner] for corner in range(3))
    twice = (2 * areas)[:, None]
    along_s = (q1 * (t2 - t3)[:, None] + q2 * (t3 - t1)[:, None] + q3 * (t1 - t2)[:, None]) / twice
    along_t = (q1 * (s3 - s2)[:, None] + q2 * (s1 - s3)[:, None] + q3 * (s2 - s1)[:, None]) / twice
    squares = ((along_s**2).sum(axis=1) + (along_t**2).sum(axis=1)) / 2
    return float(np.sqrt((squares * world).sum() / world.sum() * np.abs(areas).sum() / world.sum()))


def _hits(spots: Array, size: int) -> Array:
    """How many triangles the middle of each pixel is in; spots: T x 3 x 2, of the first tile."""
    import numpy as np

    hits = np.zeros(size * size, dtype=np.int64)
    corners = spots * size
    first = np.clip(np.ceil(corners.min(axis=1) - 0.5), 0, size).astype(np.int64)
    last = np.clip(np.floor(corners.max(axis=1) - 0.5), -1, size - 1).astype(np.int64)
    sides = np.maximum(last - first + 1, 0)
    counts = sides[:, 0] * sides[:, 1]
    for some in _portions(counts):
        count = counts[some]
        triangle = np.repeat(np.arange(len(count)), count)
        step = np.arange(len(triangle)) - np.repeat(np.cumsum(count) - count, count)
        width = sides[some, 0][triangle]
        x = first[some, 0][triangle] + step % width
        y = first[some, 1][triangle] + step // width
        ends = corners[some][triangle]
        inside = np.ones(len(triangle), dtype=bool)
        orientations = [_orientation(ends, corner, x + 0.5, y + 0.5) for corner in range(3)]
        sign = np.sign(orientations[0] + orientations[1] + orientations[2])
        for orientation in orientations:
            inside &= orientation * sign > 1e-9
        hits += np.bincount((y * size + x)[inside], minlength=size * size)
    return hits


def _orientation(ends: Array, corner: int, x: Array, y: Array) -> Array:
    """On which side of a triangle's side a point is."""
    start, stop = ends[:, corner], ends[:, (corner + 1) % 3]
    return (stop[:, 0] - start[:, 0]) * (y - start[:, 1]) - (stop[:, 1] - start[:, 1]) * (x - start[:, 0])


def _portions(counts: Array) -> Iterator[slice]:
    """Slices of what has these `counts` of pixels, each with not many more than AT_ONCE."""
    import numpy as np

    if not len(counts):
        return
    borders = np.flatnonzero(np.diff(np.cumsum(counts) // AT_ONCE)) + 1
    edges = [0, *borders.tolist(), len(counts)]
    for start, stop in pairwise(edges):
        yield slice(start, stop)


def choose(item: bpy.types.Object, size: int, margin: int) -> tuple[str, UvFigures, bool]:
    """The UV map that maps of `item` are baked with: its name, its figures, and whether it was made for that.

    An own one is taken where it is fit, the one that renders use first. margin: pixels between islands.
    Raises RuntimeError where there can be none.
    """
    mesh = mesh_of(item)
    surface = Surface(mesh)
    names = sorted(mesh.uv_layers.keys(), key=lambda name: not mesh.uv_layers[name].active_render)
    for name in names:
        if (found := measure(surface, mesh.uv_layers.find(name), size)).is_usable:
            return name, found, False
    name = _unwrap(item, min(margin, APART) / size)
    found = measure(Surface(mesh), mesh.uv_layers.find(name), size)
    if found.texels < LEAST_TEXELS:
        raise RuntimeError(
            Message(
                "a map of {size:,} pixels has only {texels:.1f} texels for each triangle: choose a larger "
                "one, or fewer triangles.",
                size=size,
                texels=found.texels,
            )
        )
    if not found.is_usable:
        raise RuntimeError(
            Message("no UV map without overlaps could be made: unwrap the optimized mesh by hand.")
        )
    return name, found, True


def _unwrap(item: bpy.types.Object, margin: float) -> str:
    """Give `item` a new UV map by Blender's own unwrapping and packing; returns its name.

    margin: between islands, as a share of the map.
    """
    mesh = mesh_of(item)
    shown = next((layer.name for layer in mesh.uv_layers if layer.active_render), "")
    layer = mesh.uv_layers.new(name=NAME, do_init=False)
    if layer is None:
        raise RuntimeError(Message("the optimized mesh has as many UV maps as it can have: remove one."))
    name = layer.name
    mesh.uv_layers.active = layer
    view_layer: Any = bpy.context.view_layer
    view_layer.objects.active = item
    for other in bpy.context.scene.objects:  # what is selected besides would be unwrapped, too
        other.select_set(other == item)
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        bpy.ops.mesh.reveal()
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project(
            angle_limit=radians(66.0), margin_method="FRACTION", island_margin=margin, correct_aspect=False
        )
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    if shown:  # what the artist's textures are mapped by stays
        mesh.uv_layers[shown].active_render = True
    return name
