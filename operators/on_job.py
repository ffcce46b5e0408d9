# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators that act on one job of the list have in common."""

from typing import TYPE_CHECKING

import bpy

from ..core.messages import Message
from ..jobs import Job, Problem
from ..session import current
from .submit_jobs import OperatorMixin, report_problem

GONE = Problem(
    "gone",
    Message("This job is no longer in the list."),
    Message("Recover its model by the flow ID."),
    "recover",
)
ELSEWHERE = Problem("elsewhere", Message("Another Blender runs this job."), Message("Wait until it is done."))


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
