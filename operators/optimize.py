# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimize the selected meshes."""

import bpy

from ..options import OptimizeOptions
from ..scene import swap
from ..scene.evaluate import batches
from ..scene.meshes import triangle_count
from ..translations import translated
from .sending import Sending


class GENERIO_OT_optimize_selected(OptimizeOptions, Sending, bpy.types.Operator):
    """Reduce the selected meshes to a number of triangles"""

    bl_idname = "generio.optimize_selected"
    bl_label = "Optimize Selected"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._optimize(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._optimize(context, modal=False)

    def _optimize(self, context: bpy.types.Context, modal: bool) -> set[str]:
        choice = self.choice(context)
        selection = self.selection(context, choice)
        if selection is None:
            return {"CANCELLED"}
        mode = choice.placement.lower()
        try:
            with batches(context, selection.groups, choice.apply, mode == swap.KEEP) as sent:
                total = sum(triangle_count(batch.mesh) for batch in sent)
                jobs = []
                for batch in sent:
                    name = batch.objects[0].name
                    present = triangle_count(batch.mesh)
                    count = choice.goal.of(present, total)
                    if count >= present:
                        self.report(
                            {"INFO"},
                            translated(
                                f'"{name}" has {present:,} triangles, no more than the {count:,} asked for'
                            ),
                        )
                    jobs += self.requests(context, batch, choice, [count], [{"mode": mode}], [name])
        except (RuntimeError, OSError) as error:
            self.report({"ERROR"}, translated(f"The selection cannot be written to disk: {error}"))
            return {"CANCELLED"}
        return self.hand_over(context, jobs, modal)


CLASSES = (GENERIO_OT_optimize_selected,)
