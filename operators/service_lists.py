# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that ask the service for a list: of the account's flows, and of its templates."""

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session.flow_list import flow_list
from ..session.service_list import ServiceList
from ..session.template_list import template_list
from .submit_jobs import RequiresService, report_problem, reports_store_errors


class AskForList(RequiresService):
    """Asks the service for a list, unless it has been asked and has not answered yet."""

    def service_list(self) -> ServiceList:
        """The list to ask for."""
        raise NotImplementedError

    @reports_store_errors
    def execute(self, context: bpy.types.Context) -> set[str]:
        known = self.service_list()
        if known.is_waiting:
            self.report({"INFO"}, translated(Message("The service has already been asked")))
            return {"CANCELLED"}
        known.ask(context)
        if known.problem is not None:
            return report_problem(self, known.problem)
        return {"FINISHED"}


class GENERIO_OT_list_flows(AskForList, bpy.types.Operator):
    """Ask the service for all flows of your account, including those started by other programs"""

    bl_idname = "generio.list_flows"
    bl_label = "List My Flows"

    def service_list(self) -> ServiceList:
        return flow_list()


class GENERIO_OT_list_templates(AskForList, bpy.types.Operator):
    """Ask the service which templates it offers beside those that have a panel here"""

    bl_idname = "generio.list_templates"
    bl_label = "List Other Templates"

    def service_list(self) -> ServiceList:
        return template_list()


CLASSES = (GENERIO_OT_list_flows, GENERIO_OT_list_templates)
