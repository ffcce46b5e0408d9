# SPDX-License-Identifier: GPL-3.0-or-later
"""Points on surfaces: under the 3D cursor, and under the mouse."""

from __future__ import annotations

import bpy
from mathutils import Vector
from mathutils.geometry import intersect_line_plane

DOWN = Vector((0.0, 0.0, -1.0))
MOST_HIDDEN = 1000
"""So many hidden surfaces are looked behind."""

BEHIND = 1.0e-4
"""How far behind one of them to go on: a share of how far that is from the origin, or of one Blender unit."""

LEVEL = 1.0e-3
"""Directions that go down or up no more than this are along the ground: where they meet it, says chance."""


def below(context: bpy.types.Context, point: Vector) -> Vector:
    """The point of the visible surfaces straight below `point`, or else of the ground; world space."""
    # From a little above, for a cursor that was set onto a surface is on it, or a rounding error below.
    hit = _hit(context, point - DOWN * 1e-3, DOWN)
    return hit if hit is not None else Vector((point.x, point.y, min(point.z, 0.0)))


def under_mouse(
    context: bpy.types.Context, region: bpy.types.Region, view: bpy.types.RegionView3D, mouse: tuple[int, int]
) -> Vector:
    """The point that is seen at `mouse`, in pixels of the region; world space.

    On a surface, or else on the ground, or else as deep in the view as the 3D cursor.
    """
    from bpy_extras import view3d_utils

    direction = view3d_utils.region_2d_to_vector_3d(region, view, mouse)
    origin = view3d_utils.region_2d_to_origin_3d(region, view, mouse)
    hit = _hit(context, origin, direction)
    if hit is not None:
        return hit
    level = abs(direction.z) < LEVEL
    ground = None if level else intersect_line_plane(origin, origin + direction, Vector(), DOWN)
    if ground is not None:
        *_, depth, scale = view.perspective_matrix @ ground.to_4d()
        if abs(depth) < scale:  # neither behind the eye nor beyond what is shown
            return ground
    return view3d_utils.region_2d_to_location_3d(region, view, mouse, context.scene.cursor.location)


def _hit(context: bpy.types.Context, origin: Vector, direction: Vector) -> Vector | None:
    """Where the ray first meets a surface, world space; in a 3D view one that is seen. None = nowhere."""
    depsgraph = context.evaluated_depsgraph_get()
    view = context.space_data if isinstance(context.space_data, bpy.types.SpaceView3D) else None
    for _ in range(MOST_HIDDEN):
        found, location, _normal, _face, item, matrix = context.scene.ray_cast(depsgraph, origin, direction)
        if not found:
            return None
        # An instance is seen whether its object is or not.
        is_instance = item.name not in context.view_layer.objects or matrix != item.matrix_world
        if view is None or is_instance or item.visible_get(viewport=view):
            return location
        origin = location + direction * BEHIND * max(1.0, location.length)
    return None
