# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes that lie far from the origin of their object are sent, and fitted, around it.

Single precision has 24 bits: a thousand kilometers away, what is finer than six centimeters is gone as soon
as anything is calculated.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .probe import points_of

FAR = 64.0
"""So many diagonals away is far; the digits that this takes do not matter yet."""


def far_middle(mesh: bpy.types.Mesh) -> Vector:
    """The middle of `mesh`, where that is far from the origin; 0 along the axes along which it is not.

    What is moved by it, and back, is exactly where it was: all along these axes is between half and twice as
    far (Sterbenz).
    """
    points = points_of(mesh)
    if not len(points):
        return Vector((0.0, 0.0, 0.0))
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    return Vector(np.where(np.abs(middle) >= FAR * np.linalg.norm(high - low), middle, 0.0).tolist())


def move(mesh: bpy.types.Mesh, way: Vector) -> None:
    """Move all vertices by `way`, also those of shape keys."""
    if way.length_squared:
        mesh.transform(Matrix.Translation(way), shape_keys=True)  # type: ignore[arg-type]
