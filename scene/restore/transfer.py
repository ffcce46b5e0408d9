# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers what a GLB does not carry from the mesh that was sent; what a GLB carries stays as it came.

Values change abruptly at borders: at seams of UV maps, between the colors of an ID mask, at hard edges. So
the surface that was sent is divided there, and all corners of a face get the values of its side.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import bpy

from ...core.messages import Message
from ..meshes import mesh_of
from .matching import INWARD, Match
from .nearest import NONE, Queries, weights_in
from .surfaces import Surface, components, values_of
from .weld import around

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
    Group = tuple[int, Array, Array]

NO_LAYER = -1
"""The number that stands for no layer of the result."""

ALIKE = 0.02
"""How much the values of half the surface may differ within one layer, as a share of their range."""

DISTORTED = 0.1
"""The most that UV positions may differ if faces are so large that reducing them explains it."""

SAMPLES = 20_000
"""How many corners are compared to find out which layer is which."""

LOST_MAPS = Message("UV maps that did not come back were transferred from the mesh that was sent.")
OTHER_MAPS = Message("UV maps came back changed, so those that were sent were transferred.")

STEPS_INWARD = (INWARD, 0.3, 0.5, 0.7, 0.9)
"""How far from a corner to the middle of its face to look for what is still on this side of a border."""

STEEPER = 3.0
"""Values that change this many times as fast as in the middle of a face belong beyond a border."""

WEIGHT_STEP = 1e-4
"""Weights of vertices in one place that differ by more than this differ on purpose."""

COLOR_STEP = 1.5 / 255
UV_STEP = 1e-4
NORMAL_STEP = 0.02
"""Colors, UV positions and normals on the two sides of an edge that differ by more have a border there."""


# ---------------------------------------------------------------------- vertex groups


def transfer_groups(match: Match, old: bpy.types.Object, new: bpy.types.Object) -> None:
    """Give `new` the vertex groups of `old`, with the weights that are there."""
    import numpy as np

    new.vertex_groups.clear()
    for group in old.vertex_groups:
        new.vertex_groups.new(name=group.name).lock_weight = group.lock_weight
    if not old.vertex_groups:
        return
    mesh = mesh_of(new)
    loops = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", loops)
    order = np.lexsort((match.doubts, loops))
    vertices, first = np.unique(loops[order], return_index=True)
    groups = _weights(mesh_of(old))
    surest = _one_in_each_place(match, order[first], loops, groups)
    sources = match.old.loops[match.old.corners[match.found[surest]]]
    shares = match.weights[surest]
    for number, owners, weights in groups:
        dense, member = np.zeros(len(match.old.points)), np.zeros(len(match.old.points), dtype=bool)
        dense[owners], member[owners] = weights, True
        values = (dense[sources] * shares).sum(axis=1).astype(np.float32)
        has = (values > 0) | ((member[sources] & (shares == 1)).any(axis=1))
        _assign(new.vertex_groups[number], vertices[has], values[has])
    new.vertex_groups.active_index = old.vertex_groups.active_index


def _one_in_each_place(match: Match, surest: Array, loops: Array, groups: Sequence[Group]) -> Array:
    """For each vertex the corner that tells its weights: the same one in one place, so that nothing tears.

    surest: for each vertex the corner that is the surest of its own; loops: for each corner its vertex. A
    skin has several vertices in one place at its seams. Where what was sent has different weights in one
    place, as lips and parts that only touch may have, each side keeps its own answer.
    """
    import numpy as np

    old, count = match.old, len(loops)
    parts = np.empty(len(old.points), dtype=np.int64)
    parts[old.vertices] = old.parts[:, None]
    ones = np.concatenate([np.arange(count), np.arange(count)])
    others = np.concatenate([around(match), count + loops])
    hanging = components(count + int(loops.max()) + 1, ones, others)[surest]
    places = match.new.places[match.new.loops[surest]]
    for keys, ones in ((hanging, old.places * (int(parts.max()) + 1) + parts), (places, old.places)):
        sent = old.vertices[match.found[surest]]
        torn = _torn(ones, groups)[sent]
        is_torn = (torn & (match.weights[surest] > 0)).any(axis=1)
        order = np.lexsort((match.doubts[surest], is_torn, keys))
        _, first, back = np.unique(keys[order], return_index=True, return_inverse=True)
        leaders = np.empty(len(order), dtype=np.int64)
        leaders[order] = order[first][back.reshape(-1)]
        follows = ~is_torn & ~is_torn[leaders]
        if keys is places:  # of parts that only touch those that hang together in what was sent
            spots = old.places[sent]
            follows &= ((spots[:, :, None] == spots[leaders][:, None]) & ~torn[:, :, None]).any(axis=(1, 2))
        surest = np.where(follows, surest[leaders], surest)
    return surest


def _torn(keys: Array, groups: Sequence[Group]) -> Array:
    """For each vertex whether others with its key have other weights."""
    import numpy as np

    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    ones = first[back.reshape(-1)]
    differs = np.zeros(len(keys), dtype=bool)
    for _, owners, weights in groups:
        dense = np.zeros(len(keys))
        dense[owners] = weights
        differs |= np.abs(dense - dense[ones]) > WEIGHT_STEP
    return np.bincount(ones, differs, len(keys))[ones] > 0


def _weights(mesh: bpy.types.Mesh) -> list[Group]:
    """For each vertex group that has any vertices: its number, these vertices, and their weights."""
    import numpy as np

    rows = [(entry.group, vertex.index, entry.weight) for vertex in mesh.vertices for entry in vertex.groups]
    if not rows:
        return []
    groups, vertices, weights = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(groups, kind="stable")
    numbers, starts = np.unique(groups[order], return_index=True)
    cuts = np.split(order, starts[1:])
    return [(int(number), vertices[cut], weights[cut]) for number, cut in zip(numbers, cuts, strict=True)]


def _assign(group: bpy.types.VertexGroup, vertices: Array, weights: Array) -> None:
    """Set weights, those that are equal at once."""
    import numpy as np

    order = np.argsort(weights, kind="stable")
    vertices, weights = vertices[order], weights[order]
    cuts = [0, *(np.flatnonzero(np.diff(weights)) + 1).tolist(), len(weights)]
    numbers, values = vertices.tolist(), weights.tolist()
    for start, stop in pairwise(cuts):
        if start < stop:
            group.add(numbers[start:stop], values[start], "REPLACE")


# ---------------------------------------------------------------------- UV maps


def transfer_uv_maps(match: Match, old: bpy.types.Mesh, new: bpy.types.Mesh) -> list[Message]:
    """Give `new` the UV maps of `old`; return remarks for the user.

    Maps that came back are recognized by their values, and stay as they came, moved into the tiles in which
    they were. Maps that belong to none of `old` are removed.
    """
    import numpy as np

    sent = [values_of(layer.uv, "vector", 2) for layer in old.uv_layers]
    came = [values_of(layer.uv, "vector", 2) for layer in new.uv_layers]
    reach = match.new.lengths[match.new.first_triangles // 3]
    limits = [
        np.clip(reach / step, ALIKE, DISTORTED) if (step := match.old.uv_step(number)) else np.array(ALIKE)
        for number in range(len(sent))
    ]
    carriers = _source_triangles(match, sent, came, limits, tiled=True)
    for name in [layer.name for layer in new.uv_layers]:
        new.uv_layers.remove(new.uv_layers[name])
    for layer, values, number in zip(old.uv_layers, sent, carriers, strict=True):
        if number == NO_LAYER:
            ours = transferred_values(match, values, UV_STEP)
        else:
            ours = _kept_as_received(match, values, _in_tiles(match, values, came[number]))
        made: Any = new.uv_layers.new(name=layer.name, do_init=False)
        made.uv.foreach_set("vector", ours.ravel())
    for theirs, made in zip(old.uv_layers, new.uv_layers, strict=True):
        made.active, made.active_render = theirs.active, theirs.active_render
    if NO_LAYER not in carriers:
        return []
    return [LOST_MAPS if len(came) < len(sent) else OTHER_MAPS]


def _in_tiles(match: Match, sent: Array, came: Array) -> Array:
    """UV positions in the tiles that they were in: a GLB has a material for each, all in the first.

    Where not all came in the first tile, or all were sent there, they are in theirs.
    """
    import numpy as np

    means = came[match.new.corners].mean(axis=1)
    if np.floor(means).any() or not np.floor(sent[match.old.corners].mean(axis=1)).any():
        return came
    shape = match.old.shape[match.triangles]
    shares = weights_in(shape, match.new.shape.mean(axis=1))
    middles = match.at_corners(sent, match.triangles, shares)
    tiles = np.round(middles - means)
    return came + tiles[match.new.first_triangles // 3].astype(np.float32)


# ---------------------------------------------------------------------- color attributes


def transfer_colors(match: Match, old: bpy.types.Mesh, new: bpy.types.Mesh, wanted: bool) -> None:
    """Give `new` the color attributes of `old`: those that came, as they came, and if `wanted` the others.

    What came has 8 bits for each color, so it is not the best there is for attributes that have more.
    """
    import numpy as np

    sent = [_colors(old, attribute) for attribute in old.color_attributes]
    came = [_colors(new, attribute) for attribute in new.color_attributes]
    carriers = _source_triangles(match, sent, came, [np.array(ALIKE)] * len(sent))
    for name in [attribute.name for attribute in new.color_attributes]:
        new.color_attributes.remove(new.color_attributes[name])
    for attribute, values, number in zip(old.color_attributes, sent, carriers, strict=True):
        coarse = attribute.data_type == "FLOAT_COLOR"
        if number != NO_LAYER and not (coarse and wanted):
            ours = _kept_as_received(match, values, came[number])
        elif wanted:
            ours = transferred_values(match, values, COLOR_STEP)
        else:
            continue
        made: Any = new.color_attributes.new(attribute.name, attribute.data_type, attribute.domain)
        made.data.foreach_set("color", _in_domain(match, new, attribute.domain, ours).ravel())
    for name in ("active_color_name", "default_color_name"):
        if (chosen := getattr(old.color_attributes, name)) in new.color_attributes:
            setattr(new.color_attributes, name, chosen)


def _colors(mesh: bpy.types.Mesh, attribute: Any) -> Array:
    """The colors of a color attribute, four numbers for each corner."""
    import numpy as np

    values = values_of(attribute.data, "color", 4)
    if attribute.domain != "POINT":
        return values
    loops = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", loops)
    return values[loops]


def _in_domain(match: Match, mesh: bpy.types.Mesh, domain: str, values: Array) -> Array:
    """Values of corners as those of vertices, where that is the domain: of each the surest."""
    import numpy as np

    if domain != "POINT":
        return values
    loops = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", loops)
    order = np.lexsort((match.doubts, loops))
    _, first = np.unique(loops[order], return_index=True)
    return values[order[first]]


# ---------------------------------------------------------------------- any values of corners


def transferred_values(match: Match, values: Array, step: float) -> Array:
    """`values`, N x C for the corners of what was sent, for the corners of the result.

    step: where neighbors differ by more there is a border, which no face of the result has on both sides.
    """
    import numpy as np

    regions, bordering = _regions(match.old, values, step)
    triangles = match.new.first_triangles // 3
    ours = regions[match.triangles][triangles]
    found, weights = match.found.copy(), match.weights.copy()
    doubted = (regions[found] != ours) | bordering[found]
    near = np.flatnonzero(doubted & ~match.same_corners)
    middles = match.triangles[triangles]
    inner = match.new.shape.mean(axis=1)[triangles]
    corners = match.new.points[match.new.loops].astype(np.float64)
    found[near] = middles[near]
    weights[near] = weights_in(match.old.shape[middles[near]], corners[near])
    slopes = _slopes(match.old, values, middles[near])
    at_middle = match.at_corners(
        values, middles[near], weights_in(match.old.shape[middles[near]], inner[near])
    )
    for share in STEPS_INWARD:
        points = corners[near] + (inner[near] - corners[near]) * share
        asked = Queries(points, match.new.normals[triangles[near]], ours[near], np.zeros(len(near)))
        there, _ = match.finder.find(asked, regions)
        there = np.where(there == NONE, middles[near], there)
        spots = corners[near] if share == STEPS_INWARD[0] else points
        shares = weights_in(match.old.shape[there], spots)
        change = np.abs(match.at_corners(values, there, shares) - at_middle).max(axis=1)
        reach = np.linalg.norm(spots - inner[near], axis=1)
        fits = change <= STEEPER * slopes * reach + step
        found[near[fits]], weights[near[fits]] = there[fits], shares[fits]
        near, slopes, at_middle = near[~fits], slopes[~fits], at_middle[~fits]
    return match.at_corners(values, found, weights).astype(np.float32)


def _slopes(surface: Surface, values: Array, triangles: Array) -> Array:
    """How much values change at most on the way along the sides of triangles, for each Blender unit."""
    import numpy as np

    spots, there = surface.shape[triangles], values[surface.corners[triangles]]
    lengths = np.linalg.norm(spots - np.roll(spots, 1, axis=1), axis=2)
    changes = np.abs(there - np.roll(there, 1, axis=1)).max(axis=2)
    return (changes / np.where(lengths > 0, lengths, np.inf)).max(axis=1, initial=0.0)


def _regions(surface: Surface, values: Array, step: float) -> tuple[Array, Array]:
    """For each triangle a number, the same where no border is between, and whether it touches one."""
    import numpy as np

    one, other = surface.neighbors
    flat = surface.corners.ravel()
    following = np.roll(surface.corners, -1, axis=1).ravel()
    places = surface.places[surface.loops]
    # Neighbors run along their side in opposite directions, unless one of them is turned over.
    straight = places[flat[one]] == places[flat[other]]
    first = np.where(straight, flat[other], following[other])
    second = np.where(straight, following[other], flat[other])
    gap = np.maximum(
        np.abs(values[flat[one]] - values[first]), np.abs(values[following[one]] - values[second])
    ).max(axis=1)
    joined = (gap <= step) & (surface.parts[one // 3] == surface.parts[other // 3])
    on_border = np.zeros(int(surface.places.max()) + 1, dtype=bool)
    on_border[places[flat[one[~joined]]]] = on_border[places[following[one[~joined]]]] = True
    bordering = on_border[surface.places[surface.vertices]].any(axis=1)
    return components(len(surface.areas), one[joined] // 3, other[joined] // 3), bordering


def _kept_as_received(match: Match, sent: Array, came: Array) -> Array:
    """What came, and where nothing has changed exactly what was sent."""
    import numpy as np

    exact = match.at_corners(sent, match.found, match.weights).astype(np.float32)
    return np.where(match.same_corners[:, None], exact, came)


def _source_triangles(
    match: Match, sent: Sequence[Array], came: Sequence[Array], limits: Sequence[Array], tiled: bool = False
) -> list[int]:
    """For each layer that was sent the number of that which came back of it, or NO_LAYER.

    They are told apart by their values alone, since a GLB names none and a service may number them anew.
    limits: so much these may differ, as shares of their range, at each corner or anywhere. tiled: whole
    numbers make no difference.
    """
    import numpy as np

    step = max(1, len(match.found) // SAMPLES)
    found, weights = match.found[::step], match.weights[::step]
    pairs: list[tuple[float, int, int, int]] = []
    for old, values in enumerate(sent):
        there = match.at_corners(values, found, weights)
        limit = limits[old][::step] if limits[old].ndim else limits[old]
        limit = limit * max(1.0, float(np.ptp(there, axis=0).max(initial=0.0)))
        for new, others in enumerate(came):
            off = others[::step] - there
            gaps = np.abs(off - np.round(off) if tiled else off).max(axis=1)
            if float(np.median(gaps / limit)) <= 1:
                pairs.append((round(float(np.median(gaps)), 4), abs(old - new), old, new))
    carriers = [NO_LAYER] * len(sent)
    for _gap, _distance, old, new in sorted(pairs):
        if carriers[old] == NO_LAYER and new not in carriers:
            carriers[old] = new
    return carriers
