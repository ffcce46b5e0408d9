# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be grasped at the placeholders in the 3D view: a ring that moves the model, and a cross."""

from __future__ import annotations

from typing import Any

import bpy
from mathutils import Matrix

from ..core.destination import Location
from ..session import current
from . import placeholders
from .placeholders import Placeholders


def _placeholders() -> Placeholders:
    return current().part(Placeholders)


def location_of(place: int) -> Location:
    """Where models are to come, the place with this number."""
    found = _placeholders().places(bpy.context.scene)
    return found[place][0] if place in found else (0.0, 0.0, 0.0)


def move(place: int, location: Location) -> None:
    """Let the models come somewhere else."""
    found = _placeholders().places(bpy.context.scene)
    if place in found:
        _placeholders().move(current(), found[place][1], (*location,))


class GENERIO_GGT_placeholders(bpy.types.GizmoGroup):
    bl_idname = "GENERIO_GGT_placeholders"
    bl_label = "Upcoming Models"
    bl_space_type = "VIEW_3D"
    bl_region_type = "WINDOW"
    bl_options = {"3D", "PERSISTENT", "SHOW_MODAL_ALL"}  # noqa: RUF012 - as Blender wants it

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.space_data.overlay.show_overlays and bool(_placeholders().places(context.scene))

    def setup(self, _context: bpy.types.Context) -> None:
        self.rings: list[Any] = []
        self.crosses: list[Any] = []
        for place in range(placeholders.GRASPED):
            ring: Any = self.gizmos.new("GIZMO_GT_move_3d")
            ring.draw_options = {"ALIGN_VIEW", "FILL_SELECT"}
            ring.scale_basis = 0.25
            ring.color, ring.alpha = placeholders.BAR[:3], 1.0  # is seen on white, too
            ring.color_highlight, ring.alpha_highlight = placeholders.LINE[:3], 1.0
            ring.target_set_handler(
                "offset",
                get=lambda place=place: location_of(place),
                set=lambda location, place=place: move(place, location),
            )
            cross: Any = self.gizmos.new("GIZMO_GT_button_2d")
            cross.icon = "X"
            cross.draw_options = {"BACKDROP"}
            cross.scale_basis = 0.14
            cross.color, cross.alpha = placeholders.TROUGH[:3], 0.5
            cross.color_highlight, cross.alpha_highlight = placeholders.BAR[:3], 1.0
            cross.target_set_operator("generio.put_aside").place = place
            self.rings.append(ring)
            self.crosses.append(cross)

    def draw_prepare(self, context: bpy.types.Context) -> None:
        found = _placeholders().places(context.scene)
        half = placeholders.NO_SIZE / 2
        for place, (ring, cross) in enumerate(zip(self.rings, self.crosses, strict=True)):
            ring.hide = cross.hide = place not in found
            if not cross.hide:
                x, y, z = found[place][0]
                cross.matrix_basis = Matrix.Translation((x + half, y + half, z))  # a corner of the box


CLASSES = (GENERIO_GGT_placeholders,)
