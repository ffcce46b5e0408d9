# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that had no job here become one."""

from __future__ import annotations

from ..core.destination import Destination
from .job_parts import Placement, Request, Run, Status
from .model import Job
from .step import Step

NAME = "Recovered Model"
"""What a job is called about which nothing else is known."""


def adopted_job(flow_id: str, service: str, destination: Destination) -> Job:
    """A job for a flow of `service`, in whatever state it is; its result is held for the user to import.

    One that was never started waits for the user, see `Commands.retry`.
    """
    return Job(
        Request(
            service=service,
            template="",
            name=NAME,
            destination=destination,
        ),
        run=Run(flow_id=flow_id, adopted=True),
        status=Status(step=Step.ADOPTED),
        placement=Placement(needs_manual_import=True),
    )
