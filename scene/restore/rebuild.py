# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh is made anew with other vertices, or fewer faces, from arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .surfaces import material_indices, set_material_indices, values_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FIELDS = {
    "FLOAT": ("value", 1),
    "INT": ("value", 1),
    "INT8": ("value", 1),
    "BOOLEAN": ("value", 1),
    "FLOAT2": ("vector", 2),
    "FLOAT_VECTOR": ("vector", 3),
    "FLOAT_COLOR": ("color", 4),
    "BYTE_COLOR": ("color", 4),
}
"""The types of attributes that an import makes: what their elements have, and how many numbers."""

SHAPE = frozenset({"position", "material_index", "sharp_face", "sharp_edge", "custom_normal"})
"""Attributes that are set in other ways, beside those whose names begin with a dot."""


def rebuild(mesh: bpy.types.Mesh, loops: Array, sources: Array) -> None:
    """Give the corners of `mesh` other vertices.

    loops: the vertex of each corner; sources: for each vertex the present one that it is.
    """
    import numpy as np

    _rebuild(mesh, loops, sources, np.ones(len(mesh.polygons), dtype=bool))


def select_faces(mesh: bpy.types.Mesh, faces: Array) -> None:
    """Leave out faces of `mesh`, and vertices that only these have. faces: for each face whether it stays."""
    import numpy as np

    corners = np.empty(len(mesh.loops), dtype=np.int32)
    corner: Any = mesh.attributes[".corner_vert"]
    corner.data.foreach_get("value", corners)
    used, loops = np.unique(corners[np.repeat(faces, _sizes(mesh))], return_inverse=True)
    _rebuild(mesh, loops.reshape(-1).astype(np.int32), used, faces)


def _rebuild(mesh: bpy.types.Mesh, loops: Array, sources: Array, faces: Array) -> None:
    import numpy as np

    shaped = mesh.has_custom_normals
    corners = np.repeat(faces, _sizes(mesh))
    normals = values_of(mesh.corner_normals, "vector", 3)[corners] if shaped else None
    attributes: Any = mesh.attributes  # which take a tenth of the time of the elements' own properties
    points = values_of(attributes["position"].data, "vector", 3)[sources]
    sizes = _sizes(mesh)[faces]
    materials = material_indices(mesh)[faces]
    smooth = np.empty(len(mesh.polygons), dtype=bool)
    mesh.polygons.foreach_get("use_smooth", smooth)
    chosen = {"POINT": sources, "CORNER": corners, "FACE": faces}
    attribute_values = [
        values for attribute in mesh.attributes if (values := _select_values(attribute, chosen)) is not None
    ]
    mesh.clear_geometry()
    mesh.vertices.add(len(points))
    mesh.loops.add(len(loops))
    mesh.polygons.add(len(sizes))
    attributes["position"].data.foreach_set("vector", points.ravel())
    attributes[".corner_vert"].data.foreach_set("value", loops)
    mesh.polygons.foreach_set("loop_start", np.cumsum(sizes, dtype=np.int32) - sizes)
    set_material_indices(mesh, materials)
    mesh.polygons.foreach_set("use_smooth", smooth[faces])
    mesh.update(calc_edges=True)
    for name, kind, domain, field, values in attribute_values:
        attributes.new(name, kind, domain).data.foreach_set(field, values.ravel())
    if normals is not None:
        mesh.normals_split_custom_set(normals)  # type: ignore[arg-type]


def _sizes(mesh: bpy.types.Mesh) -> Array:
    """How many corners each face has."""
    import numpy as np

    sizes = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_total", sizes)
    return sizes


def _select_values(attribute: Any, chosen: dict[str, Array]) -> tuple[str, str, str, str, Array] | None:
    """An attribute of vertices, corners or faces: name, type, domain, field and values, as they will be.

    chosen: for each domain which of its elements there will be.
    """
    import numpy as np

    name, kind, domain = attribute.name, attribute.data_type, attribute.domain
    if name in SHAPE or name.startswith(".") or domain not in chosen or kind not in FIELDS:
        return None
    field, width = FIELDS[kind]
    types = {"BOOLEAN": bool, "INT": np.int32, "INT8": np.int8}
    values = np.empty((len(attribute.data), width), dtype=types.get(kind, np.float32))
    attribute.data.foreach_get(field, values.ravel())
    return name, kind, domain, field, values[chosen[domain]]
