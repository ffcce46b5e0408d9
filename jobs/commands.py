# SPDX-License-Identifier: GPL-3.0-or-later
"""What users do with a job beside submitting it: try it again, cancel it, have its results once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .errors import MAYBE_RUNNING, NotStarted
from .job_folder import JobFolder
from .model import Job
from .problem import Problem
from .registry import JobRegistry
from .scheduler import Scheduler
from .step import UNSENT, Step
from .steps import NOTHING_NEW, prepared


class Commands:
    """Carries out what users want; where the store does not take it, raises LedgerError and changes nothing.

    folder: gives the folder of a job's files.
    """

    def __init__(self, registry: JobRegistry, scheduler: Scheduler, folder: Callable[[str], Path]) -> None:
        self._registry = registry
        self._scheduler = scheduler
        self._folder = folder

    def retry(self, token: str) -> bool:
        """Try a waiting job now, or carry a failed or cancelled one once more (see `Job.restarted`).

        False where another process has it.
        """
        with self._registry.locked():
            job = self._registry.job(token)
            if job is not None and job.finished:
                return self._reopen(
                    token,
                    (Step.FAILED, Step.CANCELLED),
                    lambda job: job.restarted().changed(begun_at=time.time()),
                )
            if job is None or not self._registry.is_leased(token):
                return False
            code = job.status.problem.code if job.status.problem is not None else ""
            if code == MAYBE_RUNNING:  # the user has been told that it may run a second time
                job = job.repeated()
            elif code == NotStarted.code:
                job = job.advance_to(Step.UPLOADED, starts_itself=False)
            elif code == NOTHING_NEW:
                job = job.changed(changed_at=time.time())
            if not self._scheduler.try_now(job):
                return False
            self._scheduler.start_queued_jobs()
            return True

    def prepared(self, token: str, problem: Problem | None) -> None:
        """The file to send of a job that found no converter has been made by Blender itself, or could not be.

        It is in the job's folder (`input_path`). problem: why it is not.
        """
        job = self._registry.job(token)
        if job is None:
            return
        if problem is None:
            done = prepared(job, JobFolder(self._folder(token)).made_input(job))
        else:
            done = job.failed(problem, time.time())
        with self._registry.locked():
            if (
                not self._registry.is_leased(token)
                or self._registry.now(job).status.step is not Step.REQUESTED
            ):
                return  # it was lost meanwhile, and may have come back further on
            if done.finished:
                self._registry.save(done)
            else:
                self._scheduler.try_now(done)
            self._scheduler.start_queued_jobs()

    def cancel(self, token: str) -> bool:
        """Stop a job: at once while it is prepared or uploaded, else when the service has stopped it.

        False where another process has it.
        """
        with self._registry.locked():
            job, held = self._registry.job(token), self._registry.held(token)
            if job is not None and job.finished:
                return True
            if job is None or held.lease is None:
                return False
            if job.status.step in UNSENT and not held.busy:
                return self._registry.save(job.cancelled(time.time()))
            if not self._registry.save(job.changed(cancelling=True, queued=False)):
                return False
            if job.status.step is Step.UPLOADING and held.client is not None:
                held.client.hang_up()  # it may stand still, and is of no use any more
            held.slot = True  # stopping needs no free slot
            self._scheduler.try_now(self._registry.now(job))
            self._scheduler.start_queued_jobs()
            return True

    def fetch_results(self, token: str) -> bool:
        """Have the results of a finished job once more: what is not here any more comes from the service.

        False where another process was faster.
        """
        return self._reopen(
            token,
            (Step.READY, Step.PLACED),
            lambda job: job.advance_to(Step.COMPLETED, queued=True, results=(), finished_at=0.0),
        )

    def retry_lookup(self, token: str) -> bool:
        """Ask once more for the flow of a job that failed because that was gone; no other one is run.

        False where another process was faster.
        """
        return self._reopen(token, (Step.FAILED,), Job.lookup_restarted)

    def _reopen(self, token: str, steps: tuple[Step, ...], change: Callable[[Job], Job]) -> bool:
        with self._registry.locked():
            if not self._registry.reopen(token, steps, change):
                return False
            self._scheduler.start_queued_jobs()
            return True
