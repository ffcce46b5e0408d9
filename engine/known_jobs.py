# SPDX-License-Identifier: GPL-3.0-or-later
"""All jobs as the engine told them last."""

from __future__ import annotations

from collections import deque

from ..jobs import polling
from ..jobs.model import Job


class KnownJobs:
    """What Blender's side knows of jobs, by their tokens.

    active: those that the engine goes on with by itself. owned: unfinished ones that are this Blender's.
    events: each that has changed since somebody looked, as it was after each change. is_loaded: whether all
    have been told. fresh: what an engine has told since it was started, None when it has told all. older: how
    many are left that only a search finds; recent_from: when the oldest of the finished jobs was made that
    are known without one.
    """

    def __init__(self) -> None:
        self.by_token: dict[str, Job] = {}
        self.active: set[str] = set()
        self.owned: set[str] = set()
        self.events: deque[Job] = deque()
        self.run_times = polling.RunTimes()
        self.is_loaded = False
        self.fresh: set[str] | None = None
        self.older = 0
        self.recent_from = 0.0

    def begin(self) -> None:
        """An engine is started, and is about to tell all jobs."""
        self.fresh = set()

    def know(self, job: Job, active: bool, owned: bool) -> None:
        """Have a job as it is now; see `active` and `owned`."""
        token = job.token
        before = self.by_token.get(token)
        for tokens, is_in in ((self.active, active), (self.owned, owned)):
            (tokens.add if is_in else tokens.discard)(token)
        if job.run.run_seconds and (before is None or before.run.run_seconds != job.run.run_seconds):
            self.run_times.learn(job.request.service, job.request.kind, job.run.run_seconds)
        self.by_token[token] = job
        if self.fresh is not None:
            self.fresh.add(token)
        if self.is_loaded:
            self.events.append(job)

    def forget(self, token: str) -> None:
        """A job was removed."""
        self.active.discard(token)
        self.owned.discard(token)
        job = self.by_token.pop(token, None)
        if job is not None:
            self.events.append(job)

    def loaded(self, older: int) -> None:
        """All that the engine has to tell at its start has been told; what another one knew may be gone."""
        if self.is_loaded:
            known = {token for token, job in self.by_token.items() if not job.final}
            for token in known - (self.fresh or set()):
                self.forget(token)
        self.older = older
        # A job that waits since long ago, or that a search has found, is none of the newest.
        newest = [job for job in map(self.by_token.get, self.fresh or ()) if job is not None and job.final]
        self.recent_from = min((job.created_at for job in newest), default=0.0)
        self.fresh = None
        self.is_loaded = True

    def add_found(self, job: Job) -> None:
        """Have a job, too, that a search has found."""
        if job.token not in self.by_token:
            self.by_token[job.token] = job
            self.events.append(job)
