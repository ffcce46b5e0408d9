# SPDX-License-Identifier: GPL-3.0-or-later
"""Make levels of detail of the selected meshes."""

from typing import TYPE_CHECKING

import bpy

from ..api import FlowsError, InputRefused
from ..core.errors import Remedy
from ..core.messages import Message
from ..session import current, requests
from ..session.requests import Choice, LodCounts
from .optimize_base import Sending
from .submit_jobs import tell_problem

MOST_LEVELS = 8


class BadCounts(InputRefused):
    """What was entered is no list of triangle counts."""

    remedy: Remedy = "make_lods"
    message = Message("These are not triangle counts.")
    fix = Message(
        "Give up to {count} numbers with commas between them, such as 10000, 5000.", count=MOST_LEVELS
    )


class GENERIO_OT_make_lods(Sending, bpy.types.Operator):
    """Create progressively lighter copies of the selected meshes, named and grouped for a game engine"""

    bl_idname = "generio.make_lods"
    bl_label = "Make LODs"

    if TYPE_CHECKING:
        method: str
        levels: int
        ratio: float
        counts: str
        arrange: str
    else:
        method: bpy.props.EnumProperty(
            name="Triangles",
            description="How to set the number of triangles of each level",
            items=(
                ("RATIO", "By Ratio", "Each level has this share of the triangles of the previous one"),
                ("COUNTS", "By Counts", "Each level has the number of triangles that you give"),
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
        counts: bpy.props.StringProperty(
            name="Counts",
            description="Triangles of level 1, level 2 and so on, separated by commas",
            default="10000, 5000, 2500",
        )
        arrange: bpy.props.EnumProperty(
            name="Show Levels",
            description="Where the levels are, which would cover the original",
            items=(
                ("HIDE", "Hidden", "In a collection that is hidden in the viewport and in renders"),
                ("BESIDE", "Side by Side", "Next to the original, one after the other"),
            ),
        )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, confirm_text="Make LODs")  # type: ignore[return-value]

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.row().prop(self, "method", expand=True)
        if self.method == "RATIO":
            layout.prop(self, "levels")
            layout.prop(self, "ratio")
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
                side_by_side=self.arrange == "BESIDE",
            )
        except FlowsError as error:
            return tell_problem(self, error)
        return self.hand_over(context, jobs, modal=False) if jobs else {"CANCELLED"}

    def _counts(self) -> LodCounts:
        """How many triangles each level is to have. Raises BadCounts."""
        by_counts = self.method == "COUNTS" or (
            self.properties.is_property_set("counts") and not self.properties.is_property_set("method")
        )
        if not by_counts:
            return self._shares
        try:
            counts = [int(part) for part in self.counts.split(",")]
        except ValueError:
            raise BadCounts from None
        if len(counts) > MOST_LEVELS or min(counts) < 1:
            raise BadCounts
        return lambda _present: counts

    def _shares(self, present: int) -> list[int]:
        return [max(1, round(present * (self.ratio / 100) ** level)) for level in range(1, self.levels + 1)]


CLASSES = (GENERIO_OT_make_lods,)
