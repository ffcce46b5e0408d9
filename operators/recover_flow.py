# SPDX-License-Identifier: GPL-3.0-or-later
"""A flow that is not in the list becomes a job of it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ..core.messages import Message
from ..jobs import Job, Problem
from ..scene.place.loading import is_there
from ..session import current, waiting
from .submit_jobs import RequiresService, report_problem, reports_store_errors

NO_ID = Problem(
    "no_id", Message("This is not a flow ID."), Message("Enter the ID that the service gave."), "recover"
)

LONGEST_ID = 200
"""Characters; those of the contract have 24."""


class GENERIO_OT_recover_flow(RequiresService, bpy.types.Operator):
    """Get the model of a flow that is not in the list, using its ID"""

    bl_idname = "generio.recover_flow"
    bl_label = "Recover by Flow ID"

    if TYPE_CHECKING:
        flow_id: str
    else:
        flow_id: bpy.props.StringProperty(
            name="Flow ID",
            description="ID of a flow started here or by another program. "
            "It is only read, never started or changed",
            options={"SKIP_SAVE"},
        )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=400, confirm_text="Import")

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        flow_id = self.flow_id.strip()
        if not flow_id or len(flow_id) > LONGEST_ID or not flow_id.isprintable() or " " in flow_id:
            return report_problem(self, NO_ID)
        engine = current().open_engine(context)
        holder = engine.job_of_flow(flow_id)
        if holder is not None and not _has_lost(holder):
            known = Problem(
                "known", Message('The job "{name}" in the list has this flow.', name=holder.request.name)
            )
            if holder.placement.results:
                known = replace(known, fix=Message("Import its model."), remedy="import")
            return report_problem(self, known, holder.token)
        job = engine.recover(flow_id, current().document.at_cursor(context))
        if waiting.can_wait():
            waiting.run_until(context, [job.token])
            ended = engine.job(job.token)
            if ended is not None and ended.status.problem is not None:
                return report_problem(self, ended.status.problem, job.token)
        return {"FINISHED"}


def _has_lost(job: Job) -> bool:
    """Whether the models of a job are not where they were put: its flow is to be asked for them again."""
    return bool(job.placement.results) and not any(is_there(result.glb) for result in job.placement.results)


CLASSES = (GENERIO_OT_recover_flow,)
