# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimize the selected meshes."""

import bpy

from ..api import NotSaved
from ..core.messages import Message
from ..core.text import plain_reason
from ..scene import replace_mesh
from ..scene.export.evaluate import Batch, batches
from ..session.options import OptimizeOptions
from .optimize_base import Sending
from .submit_jobs import tell_problem


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
        selection = self.selection(context)
        if selection is None:
            return {"CANCELLED"}
        mode = choice.placement.lower()
        items = [item for group in selection.groups.values() for item in group]
        detail = {"offset": replace_mesh.beside(items)} if mode == replace_mesh.BESIDE else {}
        try:
            with batches(context, selection.groups, choice.apply, mode == replace_mesh.KEEP) as sent:
                full = self.with_faces(sent)
                total = sum(batch.triangles for batch in full)
                wanted: list[tuple[Batch, int]] = []
                for batch in full:
                    count = choice.goal.of(batch.triangles, batch.first_triangles, total)
                    if not self.is_in_vain(context, batch.objects[0], mode, batch.triangles, count):
                        wanted.append((batch, count))
                self.tell_losses([batch for batch, _ in wanted], choice, replaced=mode == replace_mesh.KEEP)
                jobs = []
                for batch, count in wanted:
                    name = batch.objects[0].name
                    jobs += self.requests(context, batch, choice, [count], mode, [detail], [name])
        except (RuntimeError, OSError) as error:
            return tell_problem(
                self,
                NotSaved.because(
                    Message("The selection cannot be written to disk: {reason}", reason=plain_reason(error)),
                    error,
                ),
            )
        return self.hand_over(context, jobs, modal) if jobs else {"CANCELLED"}


CLASSES = (GENERIO_OT_optimize_selected,)
