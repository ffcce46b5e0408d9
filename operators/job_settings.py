# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a job go back into the panels."""

import bpy

from ..api import OPTIMIZE
from ..api.forms import KNOWN
from ..api.parameters import GENERATORS, parameters_of
from ..core.destination import NewModel, OptimizedMesh
from ..core.messages import Message
from ..i18n import translated
from ..jobs import LOCAL, Job, is_optimized
from ..scene.export.selection import COUNT, PERCENT, RESULTS
from ..session.parameter_properties import fill_in
from ..session.properties import GenerioProperties, properties
from ..session.template_fields import chosen_form, fill_rows
from .on_job import OnJob


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


CLASSES = (GENERIO_OT_use_job_settings,)
