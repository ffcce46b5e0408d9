# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimize the selected meshes."""

from typing import Any

import bpy

from ..api import NotSaved
from ..api.text import plain_reason
from ..options import OptimizeOptions
from ..scene import swap
from ..scene.evaluate import batches
from ..scene.meshes import triangle_count
from ..scene.selection import vertex_children
from ..translations import translated
from .handover import tell_problem
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
        items = [item for group in selection.groups.values() for item in group]
        if mode == swap.KEEP and (children := vertex_children(items)):
            names = ", ".join(f'"{child.name}"' for child in children)
            what = f"What hangs on single vertices will hang on other ones: {names}"
            self.report({"WARNING"}, translated(what))
        detail: dict[str, Any] = {"mode": mode}
        if mode == swap.BESIDE:
            detail["offset"] = swap.beside(items)
        try:
            with batches(context, selection.groups, choice.apply, mode == swap.KEEP) as sent:
                full = self.with_faces(sent)
                total = sum(triangle_count(batch.mesh) for batch in full)
                jobs = []
                for batch in full:
                    name = batch.objects[0].name
                    present = triangle_count(batch.mesh)
                    count = choice.goal.of(present, total)
                    if self.is_in_vain(context, batch.objects[0], mode, present, count):
                        continue
                    jobs += self.requests(context, batch, choice, [count], [detail], [name])
        except (RuntimeError, OSError) as error:
            return tell_problem(
                self,
                NotSaved.because(
                    f"The selection cannot be written to disk: {plain_reason(str(error))}", error
                ),
            )
        return self.hand_over(context, jobs, modal) if jobs else {"CANCELLED"}


CLASSES = (GENERIO_OT_optimize_selected,)
