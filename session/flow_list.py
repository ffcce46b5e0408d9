# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's flows, as the service listed them when the user asked for that last."""

from __future__ import annotations

from typing import Any

import bpy

from . import current
from .properties import properties
from .service_list import ServiceList


class FlowList(ServiceList):
    """The flows."""

    verb = "list_flows"

    def fill(self, context: bpy.types.Context, listed: list[list[str]]) -> None:
        """See `ServiceList`."""
        engine, flows = current().open_engine(context), properties(context).flows
        flows.clear()
        properties(context).flows_listed = True
        known = {job.run.flow_id for job in engine.jobs()}
        for flow_id, template, state, created in listed:
            row: Any = flows.add()
            row.name, row.template, row.state, row.created = flow_id, template, state, created
            row.is_listed = flow_id in known


def flow_list() -> FlowList:
    """That of this session."""
    return current().part(FlowList)
