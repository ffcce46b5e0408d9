# SPDX-License-Identifier: GPL-3.0-or-later
"""How many jobs run and how many wait, and what holds them up that is nobody's own fault."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import bpy

from ..core.call_errors import (
    CertificateError,
    KeyRefused,
    NetworkError,
    PaymentRequired,
    ServiceDown,
    UnexpectedAnswer,
)
from ..core.disk_errors import NotSaved
from ..core.errors import MalformedKey, MissingKey, NotReady, UnsafeAddress
from ..core.messages import EMPTY, Message
from ..jobs import Job, Offline, Problem, State
from ..session.session import News, Session
from .widgets import fix_button, preferences_button

SHARED = frozenset(
    error.code
    for error in (
        CertificateError,
        KeyRefused,
        MalformedKey,
        MissingKey,
        NetworkError,
        NotReady,
        NotSaved,
        Offline,
        PaymentRequired,
        ServiceDown,
        UnexpectedAnswer,
        UnsafeAddress,
    )
)
"""Codes of problems that every job has, not this one alone."""


class Obstacle(NamedTuple):
    """What holds up jobs. count: how many wait because of it."""

    problem: Problem
    count: int

    @property
    def waiting(self) -> Message:
        """How many jobs wait."""
        if self.count == 1:
            return Message("1 job waits for this")
        return Message("{count:,} jobs wait for this", count=self.count)


class JobCounts:
    """Counts the jobs that are not over.

    running: those that something is done for at this moment, here or at the service. queued: those that wait
    for their turn. waiting: those that wait for something else. obstacle: see there, or None.
    """

    def __init__(self) -> None:
        self.running = self.queued = self.waiting = 0
        self.obstacle: Obstacle | None = None

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """See `Observer`."""
        del context, session
        if news.is_due:
            states = Counter(job.state for job in news.unfinished)
            self.queued, self.waiting = states[State.QUEUED], states[State.WAITING]
            self.running = len(news.unfinished) - self.queued - self.waiting
            self.obstacle = self._obstacle(news.unfinished)

    def reset(self) -> None:
        """Jobs go on whatever file is open."""

    def _obstacle(self, jobs: list[Job]) -> Obstacle | None:
        """What holds up most of these jobs. Where none runs, the queue waits for the same."""
        waiting = (job.status for job in jobs if job.status.waiting)
        problems = [status.problem for status in waiting if status.problem is not None]
        shared = Counter(problem for problem in problems if problem.code in SHARED)
        if not shared:
            return None
        problem, count = shared.most_common(1)[0]
        return Obstacle(problem, count if self.running else count + self.queued)

    def header(self) -> Message:
        """What the header of the list says."""
        count = self.running + self.queued + self.waiting
        if not count:
            return EMPTY
        if not self.running:
            return Message("{count:,} waiting", count=count)
        if count > self.running:
            return Message("{running:,} of {count:,} running", running=self.running, count=count)
        return Message("{count:,} running", count=count)

    def summary(self) -> list[Message]:
        """What the status bar says of several jobs."""
        under_way = (
            Message("1 model under way")
            if self.running == 1
            else Message("{count:,} models under way", count=self.running)
        )
        return [
            *([under_way] if self.running else []),
            *([Message("{count:,} queued", count=self.queued)] if self.queued else []),
            *([Message("{count:,} waiting", count=self.waiting)] if self.waiting else []),
        ]


def draw_obstacle_buttons(layout: Any, problem: Problem) -> None:
    """The buttons that mend what holds up jobs."""
    if problem.remedy == "retry":  # what is tried again by itself, but may never work at this address
        layout.operator("generio.retry_waiting_jobs", icon="FILE_REFRESH")
        preferences_button(layout, "Open Preferences")
    else:
        fix_button(layout, problem.remedy)
