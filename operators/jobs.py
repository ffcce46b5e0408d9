# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with the jobs in the list."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import bpy

from ..api import OPTIMIZE, FlowsError
from ..api.forms import KNOWN
from ..api.parameters import GENERATORS, parameters_of
from ..core.destination import ExportFolder, InFile, NewModel, OptimizedMesh
from ..core.messages import Message
from ..i18n import translated
from ..jobs import BAKE, LOCAL, Job, LedgerError, Problem, Step, is_optimized
from ..scene.errors import CannotPlace, Misfit, TooFewTriangles
from ..scene.export.selection import COUNT, PERCENT, RESULTS
from ..scene.place.destination import edited_target
from ..scene.place.loading import is_there
from ..session import current, is_running, waiting
from ..session.parameter_properties import fill_in
from ..session.placement import DEFECT
from ..session.properties import GenerioProperties, properties
from ..session.requests import new_model_settings
from ..session.template_fields import chosen_form, fill_rows
from .folders import show_folder
from .placeholders import OTHER_CHOSEN
from .submit_jobs import InObjectMode, OperatorMixin, RequiresService, report_problem, reports_store_errors

GONE = Problem(
    "gone",
    Message("This job is no longer in the list."),
    Message("Recover its model by the flow ID."),
    "recover",
)
NO_MODEL = Problem("no_model", Message("This job has no model yet."), Message("Wait until it is done."))
MODEL_ELSEWHERE = Problem("taken", Message("Another Blender has this model."))
NOT_OVER = Problem("not_over", Message("The job is not finished."), Message("Cancel it first."), "cancel")
ELSEWHERE = Problem("elsewhere", Message("Another Blender runs this job."), Message("Wait until it is done."))
NO_ID = Problem(
    "no_id", Message("This is not a flow ID."), Message("Enter the ID that the service gave."), "recover"
)


class OnJob(OperatorMixin):
    """Mixin for operators that act on one job, by its token."""

    if TYPE_CHECKING:
        token: str
    else:
        token: bpy.props.StringProperty(name="Job", options={"HIDDEN", "SKIP_SAVE"})

    def job(self, context: bpy.types.Context) -> Job | None:
        """The job, or None after saying that there is none."""
        job = current().open_engine(context).job(self.token)
        if job is None:
            report_problem(self, GONE)
        return job


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


class GENERIO_OT_remove_job(OnJob, bpy.types.Operator):
    """Remove this job from the list and delete its files; models in the scene are kept"""

    bl_idname = "generio.remove_job"
    bl_label = "Remove Job"

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        job = self.job(context)
        if job is None:
            return {"CANCELLED"}
        if not job.finished:
            return report_problem(self, NOT_OVER, self.token)
        try:
            current().remove(context, self.token)
        except ValueError:
            return report_problem(self, ELSEWHERE)
        return {"FINISHED"}


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


LONGEST_ID = 200
"""Characters; those of the contract have 24."""


class GENERIO_OT_clear_finished_jobs(bpy.types.Operator):
    """Remove all finished jobs from the list, except those whose model is not imported yet"""

    bl_idname = "generio.clear_finished_jobs"
    bl_label = "Clear Finished"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not any(row.clearable for row in properties(context).jobs):
            cls.poll_message_set(translated(Message("No job is finished")))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        over = [row.token for row in properties(context).jobs if row.clearable and not row.favorite]
        clearing = current().part(Clearing)
        clearing.tokens += [token for token in over if not current().placement.undo.is_undone(token)]
        if bpy.app.background:
            while clearing.tokens:
                clearing.clear_next(context)
        elif not bpy.app.timers.is_registered(_clear_next):
            bpy.app.timers.register(_clear_next)
        return {"FINISHED"}


class Clearing:
    """The jobs that are being taken out of the list, by their tokens."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def clear_next(self, context: bpy.types.Context) -> None:
        """Remove one job with its files: many at a time would let the window wait for the disk."""
        token = self.tokens.pop()
        with suppress(ValueError, LedgerError):  # another Blender has it, or the disk is busy: it stays
            current().remove(context, token)


def _clear_next() -> float | None:
    """A Blender timer."""
    if not is_running() or not current().part(Clearing).tokens:
        return None
    current().part(Clearing).clear_next(bpy.context)
    return 0.0


class GENERIO_OT_use_job_settings(OnJob, bpy.types.Operator):
    """Fill the panels with the prompt or image and the settings of this job"""

    bl_idname = "generio.use_job_settings"
    bl_label = "Use Same Settings"

    def execute(self, context: bpy.types.Context) -> set[str]:
        job = self.job(context)
        if job is None:
            return {"CANCELLED"}
        if job.request.template == OPTIMIZE:
            self._optimize(properties(context), job)
        elif job.request.template in (*KNOWN, ""):
            self._generate(properties(context), job)
        elif job.request.template not in LOCAL:
            self._fill_form(properties(context), job)
        return {"FINISHED"}

    def _fill_form(self, panel: GenerioProperties, job: Job) -> None:
        """Of a template that this version does not know, which may not be listed."""
        names = [row.name for row in panel.templates]
        if job.request.template not in names:
            message = Message("List the templates first: {name} is not among them", name=job.request.template)
            self.report({"WARNING"}, translated(message))
            return
        panel.active_template = names.index(job.request.template)
        form = chosen_form(panel)
        assert form is not None
        fill_rows(panel.template_fields, form, job.request.parameters)
        if job.request.prompt:
            panel.template_source, panel.template_prompt = "TEXT", job.request.prompt
        elif job.request.picture:
            panel.template_source, panel.template_image = "IMAGE", job.request.picture

    def _optimize(self, panel: GenerioProperties, job: Job) -> None:
        panel.target = COUNT  # what this mesh was to get, wherever that came from
        fill_in(panel, parameters_of(OPTIMIZE), job.request.parameters)
        where = job.request.destination
        if isinstance(where, OptimizedMesh):
            mode = where.mode.upper()
            if mode in {name for name, *_ in RESULTS}:
                panel.placement = mode
                panel.modifier_mode = "APPLY" if where.applied else "KEEP"

    def _generate(self, panel: GenerioProperties, job: Job) -> None:
        if job.request.prompt:
            panel.source, panel.prompt = "TEXT", job.request.prompt
        elif job.request.picture:  # of a recovered flow neither is known
            panel.source, panel.image = "IMAGE", job.request.picture
        fill_in(panel, parameters_of(*GENERATORS), job.request.parameters)
        panel.variants = 1  # each is a job of its own, with its seed
        # Of an unknown one, as of a recovered flow, that is the cursor.
        where = job.request.destination if isinstance(job.request.destination, NewModel) else NewModel()
        panel.where = "BOX" if where.box is not None else "SURFACE" if where.base else "CURSOR"
        panel.then_optimize = is_optimized(job)
        if where.then_optimize is not None:
            panel.then_target, panel.then_count = COUNT, where.then_optimize
        elif where.then_percent:
            panel.then_target, panel.then_percent = PERCENT, where.then_percent
        panel.then_lods, panel.then_bake = where.then_lods, bool(where.then_bake)


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
    GENERIO_OT_remove_job,
    GENERIO_OT_clear_finished_jobs,
    GENERIO_OT_use_job_settings,
    GENERIO_OT_copy_flow_id,
    GENERIO_OT_copy_problem,
    GENERIO_OT_show_job_folder,
    GENERIO_OT_recover_flow,
)
