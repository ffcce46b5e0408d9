# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs are removed from the list."""

from contextlib import suppress

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..jobs import LedgerError, Problem
from ..session import current, is_running
from ..session.properties import properties
from .on_job import ELSEWHERE, OnJob
from .submit_jobs import report_problem, reports_store_errors

NOT_OVER = Problem("not_over", Message("The job is not finished."), Message("Cancel it first."), "cancel")


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


CLASSES = (GENERIO_OT_remove_job, GENERIO_OT_clear_finished_jobs)
