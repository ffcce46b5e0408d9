# SPDX-License-Identifier: GPL-3.0-or-later
"""The heaviest meshes of the scene, and all of it beside a budget.

Drawing shows what was found out last. A handler notes that something has changed, and a timer looks anew, in
slices, as long as the panel is open.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import bpy
from bpy.app.handlers import persistent

from ..core.messages import Message
from ..core.text import size_text
from ..i18n import translated, translated_list
from ..scene.heavy import Weight, Weights, weigh
from ..session import current, is_running
from ..session.properties import properties
from ..session.session import redraw
from .widgets import ReadyTab, fields, first_that_fits, room_in, wrapped

DELAY_SECONDS = 0.3
"""From a change until the scene is looked at, which may change many times a second."""

TICK_SECONDS = 0.01
SLICE_SECONDS = 0.002


class SceneWeights:
    """What the scene weighs. known: as it was found out last."""

    def __init__(self) -> None:
        self.known = Weights()
        self._scene = 0  # session uid of the one that was looked at
        self._is_drawn = False  # the panel was open when the scene was looked at last
        self._work: Iterator[None] | None = None
        self._found: list[Weights] = []
        bpy.app.handlers.depsgraph_update_post.append(_changed)

    def close(self) -> None:
        """Listen to changes no more."""
        bpy.app.handlers.depsgraph_update_post.remove(_changed)

    def drawn(self, context: bpy.types.Context) -> Weights:
        """What to draw of the scene that is shown."""
        self._is_drawn = True
        if context.scene.session_uid != self._scene:
            self._scene, self.known = context.scene.session_uid, Weights()
            self._update_in(0.0)
        return self.known

    def changed(self) -> None:
        """Something in the file is not as it was."""
        if self._is_drawn:
            self._update_in(DELAY_SECONDS)

    def _update_in(self, seconds: float) -> None:
        if not bpy.app.timers.is_registered(_tick):
            self._work = None
            bpy.app.timers.register(_tick, first_interval=seconds)

    def go_on(self, context: bpy.types.Context) -> bool:
        """Do a slice of the work; returns whether something is left to do."""
        if self._work is None:
            self._found = []
            self._work = weigh(context.scene, self._found)
            self._scene = context.scene.session_uid
        end = time.perf_counter() + SLICE_SECONDS
        try:
            while time.perf_counter() < end:
                next(self._work)
            return True
        except StopIteration:
            self.known = self._found[0]
        except ReferenceError:  # what was to be looked at is gone: the next change has it looked at anew
            pass
        self._work = None
        self._is_drawn = False  # whoever draws says so again
        redraw(context, ("VIEW_3D",), "UI")
        return False


def scene_weights() -> SceneWeights:
    """Those of this session."""
    return current().part(SceneWeights)


@persistent
def _changed(*_arguments: object) -> None:
    """Blender has evaluated something anew."""
    if is_running():
        scene_weights().changed()


def _tick() -> float | None:
    """A Blender timer."""
    return TICK_SECONDS if is_running() and scene_weights().go_on(bpy.context) else None


class GENERIO_PT_heavy_objects(ReadyTab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_heavy_objects"
    bl_parent_id = "GENERIO_PT_optimize"
    bl_label = "Heavy Objects"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 - as Blender wants it

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        panel, width = properties(context), context.region.width
        weights = scene_weights().drawn(context)
        fields(layout, context).prop(panel, "scene_budget")
        total = Message("{total:,} of {budget:,} triangles", total=weights.total, budget=panel.scene_budget)
        bar = layout.row()
        bar.alert = weights.total > panel.scene_budget
        bar.progress(
            factor=min(weights.total / panel.scene_budget, 1.0),
            text=first_that_fits(room_in(width), translated(total), f"{weights.total:,}"),
            translate=False,
        )
        button = layout.row()
        button.enabled = weights.total > panel.scene_budget
        button.operator("generio.optimize_to_budget", icon="MOD_DECIM")
        for each in weights.heaviest:
            column = layout.column(align=True)
            name = column.row()
            name.alignment = "LEFT"
            show = name.operator(
                "generio.select_heavy", text=each.name, translate=False, icon="MESH_DATA", emboss=False
            )
            show.uid = each.uid  # type: ignore[attr-defined]
            column = column.column()
            column.active = False
            wrapped(column, translated_list(_figures(each)), width, "BLANK1")


def _figures(each: Weight) -> list[Message | str]:
    """What there is to say of a mesh."""
    triangles = Message("{count:,} triangles", count=each.triangles)
    return [
        f"{each.share:.0%}",
        Message("{users:,} x {what}", users=each.users, what=triangles) if each.users > 1 else triangles,
        *([size_text(each.texture_bytes)] if each.texture_bytes else []),
    ]


CLASSES = (GENERIO_PT_heavy_objects,)
