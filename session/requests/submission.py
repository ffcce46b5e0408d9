# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything can be sent, and handing jobs to the engine."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...core.errors import FlowsError, MissingKey, Remedy
from ...core.messages import EMPTY, Message, sentences
from ...engine.connection import Reply
from ...jobs import Job, LedgerError, Offline, Problem
from ..preferences import api_key, unavailable_reason
from ..session import Session


class NothingSent(FlowsError):
    """The job list cannot be used; its own problem says why, and what helps."""

    remedy: Remedy = ""
    message = Message("Nothing was sent.")
    fix = EMPTY

    def __init__(self, problem: Problem) -> None:
        """problem: the job list's."""
        message = sentences(type(self).message, problem.message)
        super().__init__(message, problem.fix, problem.remedy)


def check_available(context: bpy.types.Context) -> None:
    """Raise NotReady if nothing can be sent now; see `unavailable_reason`."""
    reason = unavailable_reason(context)
    if reason:
        raise (Offline if api_key(context) else MissingKey)(reason)


def ask_to_submit(session: Session, context: bpy.types.Context, jobs: Sequence[Job]) -> Reply:
    """Hand jobs to the engine, and do not wait until it has them; see `submitted_jobs`."""
    return session.open_engine(context).ask_to_submit(jobs)


def submitted_jobs(session: Session, context: bpy.types.Context, reply: Reply) -> list[Job]:
    """Wait for the answer to `ask_to_submit`; return the jobs as the engine has them.

    Raises NothingSent, after the panel was made to show why.
    """
    try:
        return session.open_engine(context).submitted(reply)
    except LedgerError as error:
        session.notify(context, error.problem)
        raise NothingSent(error.problem) from error


def submit(session: Session, context: bpy.types.Context, jobs: Sequence[Job]) -> list[Job]:
    """Hand jobs to the engine; returns them as it has them. Raises NothingSent, and the panel shows why."""
    return submitted_jobs(session, context, ask_to_submit(session, context, jobs))
