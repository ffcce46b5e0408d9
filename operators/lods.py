# SPDX-License-Identifier: GPL-3.0-or-later
"""Make levels of detail of the selected meshes."""

from typing import TYPE_CHECKING

import bpy

from ..api import NotSaved
from ..core.messages import Message
from ..core.text import plain_reason
from ..jobs import Problem
from ..scene import replace_mesh
from ..scene.export.evaluate import Batch, batches
from .optimize_base import Sending
from .submit_jobs import tell_problem

MOST_LEVELS = 8


class GENERIO_OT_make_lods(Sending, bpy.types.Operator):
    """Create progressively lighter copies of the selected meshes, named and grouped for a game engine"""

    bl_idname = "generio.make_lods"
    bl_label = "Make LODs"

    if TYPE_CHECKING:
        method: str
        levels: int
        ratio: float
        counts: str
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

    def execute(self, context: bpy.types.Context) -> set[str]:
        choice = self.choice(context)
        try:
            given = self._given()
        except ValueError:
            fix = Message(
                "Give up to {count} numbers with commas between them, such as 10000, 5000.", count=MOST_LEVELS
            )
            return tell_problem(
                self, Problem("counts", Message("These are not triangle counts."), fix, "make_lods")
            )
        selection = self.selection(context)
        if selection is None:
            return {"CANCELLED"}
        try:
            with batches(context, selection.groups, choice.apply, False) as sent:
                wanted: list[tuple[Batch, list[int], list[int]]] = []
                for batch in self.with_faces(sent):
                    present = batch.triangles
                    counts = given or self._shares(present)
                    levels = [
                        level
                        for level, count in enumerate(counts, start=1)
                        if not self.is_in_vain(context, batch.objects[0], replace_mesh.LOD, present, count)
                    ]
                    if levels:
                        wanted.append((batch, counts, levels))
                self.tell_losses([batch for batch, _, _ in wanted], choice, replaced=False)
                jobs = []
                for batch, counts, levels in wanted:
                    jobs += self.requests(
                        context,
                        batch,
                        choice,
                        [counts[level - 1] for level in levels],
                        replace_mesh.LOD,
                        [{"level": level} for level in levels],
                        [f"{batch.objects[0].name} LOD{level}" for level in levels],
                    )
        except (RuntimeError, OSError) as error:
            return tell_problem(
                self,
                NotSaved.because(
                    Message("The selection cannot be written to disk: {reason}", reason=plain_reason(error)),
                    error,
                ),
            )
        return self.hand_over(context, jobs, modal=False) if jobs else {"CANCELLED"}

    def _given(self) -> list[int]:
        """The counts that were given, [] where the ratio says them. Raises ValueError."""
        by_counts = self.method == "COUNTS" or (
            self.properties.is_property_set("counts") and not self.properties.is_property_set("method")
        )
        if not by_counts:
            return []
        counts = [int(part) for part in self.counts.split(",")]
        if not 0 < len(counts) <= MOST_LEVELS or min(counts) < 1:
            raise ValueError
        return counts

    def _shares(self, present: int) -> list[int]:
        return [max(1, round(present * (self.ratio / 100) ** level)) for level in range(1, self.levels + 1)]


CLASSES = (GENERIO_OT_make_lods,)
