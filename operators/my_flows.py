# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the service for the account's flows."""

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session.flow_list import flow_list
from .submit_jobs import RequiresService, report_problem, reports_store_errors


class GENERIO_OT_list_flows(RequiresService, bpy.types.Operator):
    """Ask the service for all flows of your account, including those started by other programs"""

    bl_idname = "generio.list_flows"
    bl_label = "List My Flows"

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        known = flow_list()
        if known.is_waiting:
            self.report({"INFO"}, translated(Message("The service has already been asked")))
            return {"CANCELLED"}
        known.ask(context)
        if known.problem is not None:
            return report_problem(self, known.problem)
        return {"FINISHED"}


CLASSES = (GENERIO_OT_list_flows,)
