# SPDX-License-Identifier: GPL-3.0-or-later
"""Make levels of detail of the selected meshes, look at them, and remove them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import bpy

from ..api import FlowsError
from ..core.destination import MOST_LEVELS
from ..core.messages import Message
from ..i18n import translated
from ..scene import lods
from ..scene.lods import LodSet, preview
from ..session import current, requests
from ..session.requests import Choice
from ..session.requests.lod_counts import (
    PRESETS,
    BadCounts,
    BadPercents,
    LodCounts,
    by_counts,
    by_percents,
)
from .optimize_base import OptimizeBase
from .submit_jobs import InObjectMode, report_problem

WIDTH = 420
"""Of the dialog, in pixels at scale 1: the choices have to fit."""


def _written(percents: Sequence[float]) -> str:
    return ", ".join(f"{percent:g}" for percent in percents)


def _apply_preset(operator: "GENERIO_OT_make_lods", _context: bpy.types.Context) -> None:
    if operator.preset in PRESETS:
        operator.percents = _written(PRESETS[operator.preset])


class GENERIO_OT_make_lods(OptimizeBase, bpy.types.Operator):
    """Create progressively lighter copies of the selected meshes, named and grouped for a game engine"""

    bl_idname = "generio.make_lods"
    bl_label = "Make LODs"

    if TYPE_CHECKING:
        method: str
        levels: int
        ratio: float
        preset: str
        percents: str
        counts: str
        arrange: str
    else:
        method: bpy.props.EnumProperty(
            name="Triangles",
            description="How to set the number of triangles of each level",
            items=(
                ("RATIO", "By Ratio", "Each level has this share of the triangles of the previous one"),
                ("PERCENTS", "By Percent", "Each level has a share of the triangles of the original"),
                ("COUNTS", "By Counts", "Each level has the number of triangles that you enter"),
            ),
        )
        levels: bpy.props.IntProperty(
            name="Levels",
            description="Number of levels to make, in addition to the original as level 0",
            default=3,
            min=1,
            max=MOST_LEVELS,
        )
        ratio: bpy.props.FloatProperty(
            name="Ratio",
            description="Each level has this share of the triangles of the previous one",
            default=50.0,
            min=1.0,
            max=99.0,
            precision=0,
            subtype="PERCENTAGE",
        )
        preset: bpy.props.EnumProperty(
            name="Preset",
            description="Percentages to start with; you can change them below",
            items=(
                (
                    "HALVES",
                    "50, 25, 12.5",
                    "Three levels, each half as heavy as the previous one",
                ),
                ("GENTLE", "75, 50, 25", "Three levels for objects that are seen up close"),
                ("STEEP", "30, 10, 3", "Three levels for objects that are seen from afar"),
                ("DISTANT", "50, 25, 10, 5, 1", "Five levels for objects that are seen at all distances"),
            ),
            update=_apply_preset,
        )
        percents: bpy.props.StringProperty(
            name="Percent",
            description="Percentages of the original's triangles for each level, separated by commas",
            default=_written(PRESETS["HALVES"]),
        )
        counts: bpy.props.StringProperty(
            name="Counts",
            description="Triangles of level 1, level 2 and so on, separated by commas",
            default="10000, 5000, 2500",
        )
        arrange: bpy.props.EnumProperty(
            name="Show Levels",
            description="Where the levels are put, since they would cover the original",
            items=(
                ("HIDE", "Hidden", "In a collection that is hidden in the viewport and in renders"),
                ("BESIDE", "Side by Side", "Next to the original, one after the other"),
                (
                    "SWITCH",
                    "By Size",
                    "One at a time, depending on the object's size in the scene camera's view",
                ),
            ),
        )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=WIDTH, confirm_text="Make LODs")  # type: ignore[return-value]

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.row().prop(self, "method", expand=True)
        if self.method == "RATIO":
            layout.prop(self, "levels")
            layout.prop(self, "ratio")
        elif self.method == "PERCENTS":
            layout.prop(self, "preset")
            layout.prop(self, "percents")
        else:
            layout.prop(self, "counts")
        layout.row().prop(self, "arrange", expand=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        choice = Choice.of_operator(self, context)
        try:
            jobs = requests.make_lods(
                current(),
                context,
                choice,
                context.selected_objects,
                self._counts(),
                self.requester,
                self.arrange,  # type: ignore[arg-type]
            )
        except FlowsError as error:
            return report_problem(self, error)
        return self.submit_jobs(context, jobs, modal=False) if jobs else {"CANCELLED"}

    def _counts(self) -> LodCounts:
        """How many triangles each level is to have. Raises BadCounts, BadPercents."""
        method = self.method
        if not self.properties.is_property_set("method"):  # a script that gives a list means that
            given = [name for name in ("percents", "counts") if self.properties.is_property_set(name)]
            method = given[0].upper() if given else method
        if method == "RATIO":
            return by_percents([100.0 * (self.ratio / 100.0) ** level for level in range(1, self.levels + 1)])
        if method == "PERCENTS":
            try:
                return by_percents([float(part) for part in self.percents.split(",")])
            except ValueError:
                raise BadPercents from None
        try:
            return by_counts([int(part) for part in self.counts.split(",")])
        except ValueError:
            raise BadCounts from None


class OnLods(InObjectMode):
    """Mixin for operators on the levels of detail of the selected objects."""

    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(map(lods.known_set, (context.active_object, *context.selected_objects))):
            cls.poll_message_set(translated(Message("Select an object that has levels of detail")))
            return False
        return True


def _sets(context: bpy.types.Context) -> list[LodSet]:
    """The sets of levels of the selected objects, and of the active one, which may be hidden."""
    chosen = [*context.selected_objects]
    if context.active_object is not None and context.active_object not in chosen:
        chosen.append(context.active_object)
    found = {known.collection: known for item in chosen if (known := lods.set_of(item)) is not None}
    return list(found.values())


class GENERIO_OT_preview_lods(OnLods, bpy.types.Operator):
    """Show one level of detail at a time, depending on the object's size in the scene camera's view"""

    bl_idname = "generio.preview_lods"
    bl_label = "Preview by Size"

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = _sets(context)
        shown = [known for known in found if known.preview is not None]
        for known in shown or found:
            original = known.original or known.levels[0]
            if shown:
                preview.hide(known.collection, known.original)
                item = original
            else:
                item = preview.show(known.collection, known.levels, original)
            if item.visible_get():
                item.select_set(True)
                context.view_layer.objects.active = item
        if not shown and context.scene.camera is None:
            message = Message("The scene has no camera, so level 0 is shown. Add a camera to see the others.")
            self.report({"WARNING"}, translated(message))
        return {"FINISHED"}


class GENERIO_OT_remove_lods(OnLods, bpy.types.Operator):
    """Remove the levels of detail of the selected objects. The originals stay"""

    bl_idname = "generio.remove_lods"
    bl_label = "Remove LODs"

    def execute(self, context: bpy.types.Context) -> set[str]:
        for known in _sets(context):
            lods.remove(known)
        return {"FINISHED"}


CLASSES = (GENERIO_OT_make_lods, GENERIO_OT_preview_lods, GENERIO_OT_remove_lods)
