# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the service for the templates that this version does not know, and runs one."""

import bpy

from ..api import FlowsError
from ..core.messages import Message
from ..session import current, requests
from ..session.properties import properties
from ..session.requests.template import NoInput, chosen_input
from ..session.template_fields import chosen_form, entered
from .submit_jobs import RequiresService, SubmitJobs, clicked_once, report_problem


class GENERIO_OT_run_template(RequiresService, SubmitJobs, bpy.types.Operator):
    """Run the chosen template with these values; a model that it makes comes to the 3D cursor"""

    bl_idname = "generio.run_template"
    bl_label = "Run Template"

    @clicked_once
    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._run(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._run(context, modal=False)

    def _run(self, context: bpy.types.Context, modal: bool) -> set[str]:
        panel = properties(context)
        form = chosen_form(panel)
        try:
            if form is None:
                raise NoInput(
                    Message("No template is chosen."), Message("List the templates, and choose one.")
                )
            given = entered(panel.template_fields, form)
            jobs = requests.run_template(current(), context, form, given, chosen_input(context, panel))
        except FlowsError as error:
            return report_problem(self, error)
        return self.submit_jobs(context, jobs, modal)


CLASSES = (GENERIO_OT_run_template,)
