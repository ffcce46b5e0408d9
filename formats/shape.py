# SPDX-License-Identifier: GPL-3.0-or-later
"""The surfaces of a GLB, as its scene places them: where they are, and the triangles that they are made of.

Lengths are glTF's meters, axes glTF's (Y up).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from .document import GlbFile, View, count, member, objects

Array = NDArray[np.float64]

MOST_TRIANGLES = 2_000_000
"""So many are read at most; of more there is no `Shape.triangles`."""

_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
"""NumPy's names of glTF's component types (glTF 2.0, section 3.6.2.2)."""

_LARGEST = {5120: 127.0, 5121: 255.0, 5122: 32767.0, 5123: 65535.0}
"""What a normalized integer is divided by (section 3.6.2.2)."""

_INSTANCING = "EXT_mesh_gpu_instancing"


class Shape(NamedTuple):
    """What the scene of a GLB looks like.

    box: least and largest coordinates, 2 by 3; None where nothing is placed. triangles: n by 3 by 3, single
    precision; None where the meshes are compressed, or too many to be read.
    """

    box: Array | None
    triangles: NDArray[np.float32] | None


class _Unreadable(Exception):
    """The accessor needs an extension, or does not fit together."""


def read_shape(path: Path) -> Shape:
    """The surfaces of the GLB at `path`. Raises what `glb.check_glb` does."""
    with GlbFile(path) as file:
        placed = [
            (primitive, matrix)
            for mesh, matrix in _placed_meshes(file)
            for primitive in objects(mesh, "primitives")
        ]
        few = sum(_corners(file, primitive) for primitive, _ in placed) <= 3 * MOST_TRIANGLES
        least, largest = np.full(3, np.inf), np.full(3, -np.inf)
        pieces: list[NDArray[np.float32]] = []
        whole = few and not any(_INSTANCING in member(node, "extensions") for node in file.objects("nodes"))
        for primitive, matrix in placed:
            accessor = _accessor(file, member(primitive, "attributes").get("POSITION"))
            try:
                if not few:
                    raise _Unreadable
                points = _transformed(_values(file, accessor), matrix)
                piece = points[_triangles(file, primitive, len(points))].astype(np.float32)
                pieces.append(piece[np.isfinite(piece).all(axis=(1, 2))])
            except _Unreadable:
                whole = False
                points = _transformed(_bounds(accessor), matrix)
            points = points[np.isfinite(points).all(axis=1)]
            if len(points):
                least = np.minimum(least, points.min(axis=0))
                largest = np.maximum(largest, points.max(axis=0))
    box = np.stack((least, largest)) if np.isfinite(least).all() else None
    empty = np.zeros((0, 3, 3), np.float32)
    return Shape(box, np.concatenate([empty, *pieces]) if whole else None)


def _placed_meshes(file: GlbFile) -> Iterator[tuple[dict[str, Any], Array]]:
    """The meshes of the scene that is shown, each with the matrix that its node gives it."""
    nodes, meshes, scenes = (file.objects(key) for key in ("nodes", "meshes", "scenes"))
    below = {child for node in nodes for child in _indices(node, "children")}
    shown = count(file.document, "scene")
    roots = (
        _indices(scenes[shown], "nodes")
        if shown < len(scenes)
        else [index for index in range(len(nodes)) if index not in below]
    )
    todo = [(index, np.eye(4)) for index in reversed(roots)]
    seen: set[int] = set()  # a node has one parent; in a damaged file it may be below itself
    while todo:
        index, parent = todo.pop()
        if index in seen or index >= len(nodes):
            continue
        seen.add(index)
        node = nodes[index]
        matrix = parent @ _matrix(node)
        mesh = node.get("mesh")
        if isinstance(mesh, int) and 0 <= mesh < len(meshes):
            yield meshes[mesh], matrix
        todo += [(child, matrix) for child in reversed(_indices(node, "children"))]


def _indices(parent: dict[str, Any], key: str) -> list[int]:
    value = parent.get(key)
    entries = cast(list[object], value) if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, int) and entry >= 0]


def _matrix(node: dict[str, Any]) -> Array:
    """The transform of a node, from its matrix, or from its three parts (section 3.5.3)."""
    whole = _numbers(node, "matrix", 16)
    if whole is not None:
        return whole.reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = _default(_numbers(node, "rotation", 4), (0.0, 0.0, 0.0, 1.0))
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= _default(_numbers(node, "scale", 3), (1.0, 1.0, 1.0))
    matrix[:3, 3] = _default(_numbers(node, "translation", 3), (0.0, 0.0, 0.0))
    return matrix


def _numbers(parent: dict[str, Any], key: str, length: int) -> Array | None:
    try:
        numbers = np.asarray(parent.get(key), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (length,) else None


def _default(numbers: Array | None, default: tuple[float, ...]) -> Array:
    return np.asarray(default) if numbers is None else numbers


def _transformed(points: Array, matrix: Array) -> Array:
    with np.errstate(all="ignore"):  # coordinates may be infinite
        return points @ matrix[:3, :3].T + matrix[:3, 3]


def _accessor(file: GlbFile, index: object) -> dict[str, Any]:
    accessors = file.objects("accessors")
    return accessors[index] if isinstance(index, int) and 0 <= index < len(accessors) else {}


def _corners(file: GlbFile, primitive: dict[str, Any]) -> int:
    """How many corners the triangles of a primitive have, at most."""
    index = primitive.get("indices", member(primitive, "attributes").get("POSITION"))
    corners = count(_accessor(file, index), "count")
    return corners if primitive.get("mode", 4) == 4 else 3 * corners


def _bounds(accessor: dict[str, Any]) -> Array:
    """The eight corners of what an accessor says that its values lie in; none where it does not say."""
    least, largest = _numbers(accessor, "min", 3), _numbers(accessor, "max", 3)
    if least is None or largest is None:
        return np.zeros((0, 3))
    scale = _scale(accessor)
    return np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (
        largest - least
    ) / scale + (least / scale)


def _scale(accessor: dict[str, Any]) -> float:
    return _LARGEST.get(count(accessor, "componentType"), 1.0) if accessor.get("normalized") is True else 1.0


def _values(file: GlbFile, accessor: dict[str, Any]) -> Array:
    """The places of an accessor, n by 3. Raises _Unreadable."""
    return _read(file, accessor, 3).astype(np.float64) / _scale(accessor)


def _read(file: GlbFile, accessor: dict[str, Any], width: int) -> NDArray[Any]:
    """The values of an accessor, n by `width`. Raises _Unreadable."""
    view = file.view(accessor.get("bufferView"))
    kind = _TYPES.get(count(accessor, "componentType"))
    if view is None or view.packed or kind is None or "sparse" in accessor:
        raise _Unreadable
    item = np.dtype(kind)
    return _strided(
        file.content(view), view, count(accessor, "byteOffset"), count(accessor, "count"), item, width
    )


def _strided(
    content: bytes, view: View, first: int, number: int, item: np.dtype[Any], width: int
) -> NDArray[Any]:
    stride = view.stride or item.itemsize * width
    if number == 0:
        return np.zeros((0, width), item)
    if first + (number - 1) * stride + item.itemsize * width > len(content):
        raise _Unreadable
    return np.ndarray((number, width), item, content, first, (stride, item.itemsize))


def _triangles(file: GlbFile, primitive: dict[str, Any], points: int) -> NDArray[np.int64]:
    """The triangles of a primitive, m by 3 indices into its points. Raises _Unreadable."""
    if "indices" in primitive:
        corners = _read(file, _accessor(file, primitive["indices"]), 1).reshape(-1).astype(np.int64)
    else:
        corners = np.arange(points, dtype=np.int64)
    if len(corners) and not 0 <= corners.min() <= corners.max() < points:
        raise _Unreadable
    mode = primitive.get("mode", 4)
    if mode == 4:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    if mode == 5:
        return np.stack((corners[:-2], corners[1:-1], corners[2:]), axis=1)
    if mode == 6:
        return np.stack(
            (np.broadcast_to(corners[:1], corners[1:-1].shape), corners[1:-1], corners[2:]), axis=1
        )
    return np.zeros((0, 3), np.int64)
