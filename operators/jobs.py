# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the list are canceled, tried again and imported; their ids, problems and folders are handed out."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import bpy

from ..api import OPTIMIZE, FlowsError
from ..core.destination import ExportFolder, InFile, NewModel
from ..core.messages import Message
from ..i18n import translated
from ..jobs import BAKE, Problem, Step
from ..scene.errors import CannotPlace, Misfit, TooFewTriangles
from ..scene.place.destination import edited_target
from ..session import current, waiting
from ..session.placement import DEFECT
from ..session.requests import new_model_settings
from .folders import show_folder
from .on_job import ELSEWHERE, OnJob
from .placeholders import OTHER_CHOSEN
from .submit_jobs import InObjectMode, RequiresService, report_problem, reports_store_errors

NO_MODEL = Problem("no_model", Message("This job has no model yet."), Message("Wait until it is done."))
MODEL_ELSEWHERE = Problem("taken", Message("Another Blender has this model."))


class GENERIO_OT_cancel_job(OnJob, bpy.types.Operator):
    """Stop this job, both here and at the service"""

    bl_idname = "generio.cancel_job"
    bl_label = "Cancel Job"

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.job(context) is None:
            return {"CANCELLED"}
        if not current().open_engine(context).cancel(self.token):
            return report_problem(self, ELSEWHERE)
        return {"FINISHED"}


class GENERIO_OT_cancel_all_jobs(bpy.types.Operator):
    """Stop all jobs that are not finished, both here and at the service"""

    bl_idname = "generio.cancel_all_jobs"
    bl_label = "Cancel All Jobs"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not _cancellable():
            cls.poll_message_set(translated(Message("No job is under way")))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        count = len(_cancellable())
        return context.window_manager.invoke_confirm(  # type: ignore[return-value]
            self,
            event,
            title=translated(
                Message("Cancel 1 Job?") if count == 1 else Message("Cancel {count:,} Jobs?", count=count)
            ),
            message=translated(Message("What the service has made so far may be lost.")),
            confirm_text=translated(Message("Cancel All Jobs")),
        )

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        current().open_engine(context).cancel_all(_cancellable())
        return {"FINISHED"}


def _cancellable() -> list[str]:
    """The tokens of the jobs that are not over, the newest first, so that no other one begins meanwhile."""
    engine = current().engine
    if engine is None or not engine.is_loaded:
        return []
    jobs = [job for job in engine.unfinished() if not job.status.cancelling and engine.owns(job.token)]
    return [job.token for job in reversed(jobs)]


class GENERIO_OT_retry_job(RequiresService, OnJob, bpy.types.Operator):
    """Try again. A model the service has already made is fetched, not made again"""

    bl_idname = "generio.retry_job"
    bl_label = "Retry"

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.job(context) is None:
            return {"CANCELLED"}
        if not current().open_engine(context).retry(self.token):
            return report_problem(self, ELSEWHERE)
        if waiting.can_wait():
            waiting.run_until(context, [self.token])
        return {"FINISHED"}


class GENERIO_OT_retry_waiting_jobs(RequiresService, bpy.types.Operator):
    """Try all waiting jobs again now instead of waiting. No model is made twice"""

    bl_idname = "generio.retry_waiting_jobs"
    bl_label = "Retry All"

    def execute(self, context: bpy.types.Context) -> set[str]:
        current().open_engine(context).reconsider()
        return {"FINISHED"}


NO_PLACE = (CannotPlace.code, Misfit.code, TooFewTriangles.code, DEFECT, OTHER_CHOSEN.code)
"""Codes of the problems because of which a model cannot come to where it was to go."""


class GENERIO_OT_import_result(InObjectMode, OnJob, bpy.types.Operator):
    """Add the finished model to the scene, where it belongs or at the 3D cursor"""

    bl_idname = "generio.import_result"
    bl_label = "Import"
    bl_options: ClassVar[set[str]] = {"REGISTER"}  # the undo step is pushed where the model is placed

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        job = self.job(context)
        if job is None or not job.placement.results:
            if job is not None:
                report_problem(self, NO_MODEL)
            return {"CANCELLED"}
        # What stands there already, has lost its target, or belongs to another file, comes to the cursor.
        lost = job.status.problem is not None and job.status.problem.code in NO_PLACE
        again = job.status.step is Step.PLACED
        there = again and not current().placement.undo.is_undone(self.token)
        destination: InFile = current().document.at_cursor(context)
        maps = job.request.template == BAKE  # which are of no use anywhere but on their mesh
        elsewhere = not maps and (
            there or lost or not current().document.belongs_here(job.request.destination)
        )
        if isinstance(job.request.destination, InFile) and not elsewhere:
            destination = job.request.destination
        is_model = isinstance(job.request.destination, NewModel)
        new = job.request.template not in (OPTIMIZE, BAKE) or (is_model and not job.run.adopted)
        if new and (elsewhere or job.run.adopted):
            destination = replace(destination, **new_model_settings(context))
        if (edited := edited_target(destination)) is not None:
            busy = Problem(
                "edited",
                Message('"{name}" is not in Object Mode.', name=edited.name),
                Message("Switch it to Object Mode first."),
            )
            return report_problem(self, busy)
        engine = current().open_engine(context)
        try:
            objects = current().placement.place_result(context, engine, job, destination, again)
        except FlowsError as error:
            return report_problem(self, error, self.token)
        if not objects:
            present = engine.job(self.token)
            return report_problem(
                self,
                present.status.problem if present and present.status.problem else MODEL_ELSEWHERE,
                self.token,
            )
        visible = [item for item in objects if item.name in context.view_layer.objects]
        for item in context.selected_objects:
            item.select_set(item in visible)
        for item in visible:
            item.select_set(True)
            context.view_layer.objects.active = item
        return {"FINISHED"}


class GENERIO_OT_copy_flow_id(OnJob, bpy.types.Operator):
    """Copy the flow ID by which the service knows this job"""

    bl_idname = "generio.copy_flow_id"
    bl_label = "Copy Flow ID"

    def execute(self, context: bpy.types.Context) -> set[str]:
        job = self.job(context)
        if job is None:
            return {"CANCELLED"}
        context.window_manager.clipboard = job.run.flow_id
        self.report({"INFO"}, translated(Message("Copied the flow ID")))
        return {"FINISHED"}


class GENERIO_OT_copy_problem(OnJob, bpy.types.Operator):
    """Copy the details of what went wrong with this job, for somebody who can help"""

    bl_idname = "generio.copy_problem"
    bl_label = "Copy Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        job = self.job(context)
        if job is None or job.status.problem is None:
            return {"CANCELLED"}
        flow = f"{job.request.template} {job.run.flow_id}"
        lines = (job.status.problem.message, flow, bpy.app.version_string)
        context.window_manager.clipboard = "\n".join(lines)
        self.report({"INFO"}, translated(Message("Copied the report")))
        return {"FINISHED"}


class GENERIO_OT_show_job_folder(OnJob, bpy.types.Operator):
    """Open the folder that holds this job's files"""

    bl_idname = "generio.show_job_folder"
    bl_label = "Show Folder"

    def execute(self, context: bpy.types.Context) -> set[str]:
        job = self.job(context)
        if job is None:
            return {"CANCELLED"}
        folder, where = current().open_engine(context).folder(self.token), job.request.destination
        if isinstance(where, ExportFolder) and job.status.step is Step.PLACED:
            folder = Path(where.folder)
        if not folder.is_dir():
            self.report({"INFO"}, translated(Message("This job has no files yet")))
            return {"CANCELLED"}
        return show_folder(self, folder)


CLASSES = (
    GENERIO_OT_cancel_job,
    GENERIO_OT_cancel_all_jobs,
    GENERIO_OT_retry_job,
    GENERIO_OT_retry_waiting_jobs,
    GENERIO_OT_import_result,
    GENERIO_OT_copy_flow_id,
    GENERIO_OT_copy_problem,
    GENERIO_OT_show_job_folder,
)
