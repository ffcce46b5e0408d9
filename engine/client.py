# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's side of the engine: its verbs, and all its jobs as they were told last.

Whoever changes a job has either time to wait for the answer, which comes when the disk has it (`submit`,
`retry`, …: some milliseconds), or asks (`ask`) and looks for the answer later, or does not need one. The
engine process is started with the first job. When it dies it is started again, gets all calls that it has not
answered once more, and goes on from the job list: whoever called notices nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..core.destination import Destination
from ..core.errors import FlowsError
from ..jobs import polling
from ..jobs.adoption import adopted_job
from ..jobs.job_folder import JobFolder
from ..jobs.model import Job
from ..jobs.problem import Problem
from ..jobs.settings import Settings
from ..jobs.step import Step
from ..jobs.store_errors import EngineDied
from .connection import Connection, Reply, Start
from .known_jobs import KnownJobs
from .protocol import (
    changes_to_data,
    job_from_data,
    job_to_data,
    problem_from_data,
    problem_to_data,
)

DRAIN_SECONDS = 0.002
"""A tick takes in what has come for at most so long, and the rest with the next one."""


class EngineClient:
    """The engine's verbs, and its jobs; all methods are for the main thread.

    Methods that change a job raise LedgerError where the job list does not take that. `notice`: what the user
    should know of the job list, or None; what holds it up now goes by itself. `recovery_problem`: why lost
    jobs could not be looked for when that was tried last, or None.
    """

    def __init__(self, start: Start, settings: Settings, log_level: str, finish_jobs: bool) -> None:
        self.recovery_problem: Problem | None = None
        self._notice: Problem | None = None
        self._known = KnownJobs()
        self.connection = Connection(
            start, settings, log_level, finish_jobs, on_start=self._known.begin, on_word=self._receive
        )

    # ------------------------------------------------------------------ the connection

    @property
    def pid(self) -> int:
        """The process id of the engine; 0 where none runs."""
        return self.connection.pid

    def close(self, patience: float = 0.0) -> None:
        """See `Connection.close`."""
        self.connection.close(patience)

    def configure(self, settings: Settings, log_level: str, finish_jobs: bool) -> None:
        """See `Connection.configure`."""
        self.connection.configure(settings, log_level, finish_jobs)

    def ask(self, verb: str, **arguments: Any) -> Reply:
        """See `Connection.ask`."""
        return self.connection.ask(verb, **arguments)

    def call(self, verb: str, **arguments: Any) -> Any:
        """See `Connection.call`."""
        return self.connection.call(verb, **arguments)

    def answer(self, reply: Reply, patience: float = 0.0) -> Any:
        """See `Connection.answer`."""
        return self.connection.answer(reply, patience)

    def pump(self, seconds: float = 0.0) -> None:
        """See `Connection.pump`."""
        self.connection.pump(seconds)

    def _receive(self, message: dict[str, Any]) -> None:
        if "jobs" in message:
            for data, active, owned in message["jobs"]:
                self._known.know(job_from_data(data), active, owned)
        if "removed" in message:
            for token in message["removed"]:
                self._known.forget(token)
        if "loaded" in message:
            self._known.loaded(message["older"])
        if "status" in message:
            self._notice = problem_from_data(message["status"]["notice"])
            self.recovery_problem = problem_from_data(message["status"]["recovery_problem"])

    # ------------------------------------------------------------------ looking

    @property
    def notice(self) -> Problem | None:
        """What the user should know of the job list, or None."""
        return self._notice

    @notice.setter
    def notice(self, notice: Problem | None) -> None:
        self._notice = notice
        self.ask("notice", notice=problem_to_data(notice))

    @property
    def older(self) -> int:
        """How many jobs are left that only a search finds."""
        return self._known.older

    @property
    def is_loaded(self) -> bool:
        """Whether all jobs have been told; until then whoever asks for one waits for a moment."""
        return self._known.is_loaded

    def events(self) -> list[Job]:
        """Each job that has changed since the last time, as it was after each change."""
        events = [*self._known.events]
        self._known.events.clear()
        return events

    def _all(self) -> dict[str, Job]:
        if not self._known.is_loaded:
            self.connection.wait_until(lambda: self._known.is_loaded)
        return self._known.by_token

    def jobs(self) -> list[Job]:
        """The jobs of the list as they are now, oldest first, without those finished long ago."""
        return sorted(self._all().values(), key=lambda job: job.created_at)

    def unfinished(self) -> list[Job]:
        """The jobs that are not over, oldest first."""
        return sorted(
            (job for job in self._all().values() if not job.finished), key=lambda job: job.created_at
        )

    def job(self, token: str) -> Job | None:
        """One job as it is now."""
        return self._all().get(token)

    def job_of_flow(self, flow_id: str) -> Job | None:
        """The job that a flow of the service belongs to, if there is one."""
        return next((job for job in self.jobs() if job.run.flow_id == flow_id), None)

    def estimate(self, job: Job, now: float) -> polling.Estimate:
        """How far the flow of a running job probably is at `now`, seconds since the epoch."""
        if job.status.step is not Step.STARTED or job.status.waiting:
            return polling.Estimate()
        durations = self._known.run_times.of(job.request.service, job.request.kind)
        return polling.estimate(now - job.run.started_at, durations, job.run.progress)

    def time_left(self, job: Job) -> float | None:
        """Seconds until a running job's flow will probably have ended; None where there is no telling."""
        return self.estimate(job, time.time()).left

    def all_reported(self) -> bool:
        """Whether `events` has nothing left to report; not while the engine is changing a job. Waits."""
        self.call("sync")
        return not self._known.events

    def is_active(self, token: str) -> bool:
        """Whether the engine goes on with a job by itself; if not, it is over, or the user has to act."""
        return token in self._known.active

    def owns(self, token: str) -> bool:
        """Whether an unfinished job is this Blender's, and no other's, also while it waits."""
        return token in self._known.owned

    def folder(self, token: str) -> Path:
        """The folder that holds a job's files (it may not exist yet)."""
        return self.connection.settings.job_folder(token, self._known.by_token.get(token))

    def find(self, text: str, before: float, most: int) -> list[Job]:
        """Jobs finished long ago, which `jobs` has not: the newest `most` made before `before` (a time)."""
        return [job_from_data(data) for data in self.call("find", text=text, before=before, most=most)]

    def ask_to_find(self, text: str, most: int) -> Reply:
        """As `find`, of all that `jobs` has not, and do not wait; see `found`."""
        return self.ask("find", text=text, before=self._known.recent_from, most=most)

    def is_old(self, job: Job) -> bool:
        """Whether a job was finished so long ago that only a search finds it."""
        return job.final and job.created_at < self._known.recent_from

    def found(self, reply: Reply) -> None:
        """Let `jobs` have what `ask_to_find` has found, which is there by now."""
        for data in reply.result or ():
            self._known.add_found(job_from_data(data))

    # ------------------------------------------------------------------ new jobs

    def submit(self, job: Job) -> Job:
        """Take a new job, and carry it on when its turn comes."""
        return self.submit_all([job])[0]

    def submit_all(self, jobs: Sequence[Job]) -> list[Job]:
        """Take new jobs, all or none, in one go of the disk; they are carried on in this order."""
        return self.submitted(self.ask_to_submit(jobs))

    def ask_to_submit(self, jobs: Sequence[Job]) -> Reply:
        """As `submit_all`, and do not wait."""
        return self.ask("submit", jobs=[job_to_data(job) for job in jobs])

    def submitted(self, reply: Reply) -> list[Job]:
        """The jobs that `ask_to_submit` was about, as the engine has them; waits for that.

        An engine that does not answer is replaced, and the next one asked. Where that does not answer either,
        the call is withdrawn: who is told that nothing was sent may ask again, and would pay for both.
        """
        try:
            sent = self.answer(reply)
        except EngineDied:
            if reply.is_there or self.connection.is_closed:
                raise
            self.connection.kill()
            try:
                sent = self.answer(reply)
            except EngineDied:
                self.connection.withdraw(reply)
                self.connection.kill()
                raise
        return [job_from_data(data) for data in sent]

    def recover(self, flow_id: str, destination: Destination) -> Job:
        """Adopt a flow as a new job; see `adopted_job`."""
        return self.submit(adopted_job(flow_id, self.connection.settings.base_url, destination))

    # ------------------------------------------------------------------ what becomes of jobs

    def retry(self, token: str) -> bool:
        """See `Commands.retry`."""
        return self.call("retry", token=token)

    def reconsider(self) -> None:
        """See `Engine.reconsider`; does not wait."""
        self.ask("reconsider")

    def cancel(self, token: str) -> bool:
        """See `Commands.cancel`."""
        return self.call("cancel", token=token)

    def cancel_all(self, tokens: Iterable[str]) -> None:
        """Stop jobs, one after the other; only the first one is waited for."""
        replies = [self.ask("cancel", token=token) for token in tokens]
        for reply in replies[:1]:
            self.answer(reply)

    def fetch_results(self, token: str) -> bool:
        """See `Commands.fetch_results`."""
        return self.call("fetch_results", token=token)

    def retry_lookup(self, token: str) -> bool:
        """See `Commands.retry_lookup`."""
        return self.call("retry_lookup", token=token)

    def resume(self, token: str) -> None:
        """See `Engine.resume`."""
        self.call("resume", token=token)

    def prepare_here(self, token: str, make: Callable[[Path, Path], None]) -> None:
        """Make the file to send of a job that found no converter, here, by `make` (source, target)."""
        job = self.job(token)
        if job is None:
            return
        target = JobFolder(self.folder(token)).made_input(job)
        target.parent.mkdir(parents=True, exist_ok=True)
        problem: Problem | None = None
        try:
            make(Path(job.request.source), target)
        except FlowsError as error:
            problem = Problem.of(error)
        self.ask("prepared", token=token, problem=problem_to_data(problem))

    def mark_placed(self, token: str, document: str = "", again: bool = False) -> bool:
        """See `Results.mark_placed`."""
        reply = self.ask("mark_placed", token=token, document=document, again=again)
        if self.answer(reply) or not reply.is_repeated:
            return reply.result
        job = self.job(token)  # an engine that died before it answered may have noted it
        is_placed = job is not None and job.status.step is Step.PLACED
        return is_placed and bool(document) and job.placement.placed_in == document

    def mark_placed_soon(self, token: str, document: str) -> None:
        """See `Results.mark_placed_soon`."""
        self.ask("mark_placed_soon", token=token, document=document)

    def mark_found(self, token: str, document: str) -> None:
        """See `Results.mark_found`."""
        self.ask("mark_found", token=token, document=document)

    def keep_for_import(self, token: str, problem: Problem) -> bool:
        """See `Results.keep_for_import`."""
        return self.call("keep_for_import", token=token, problem=problem_to_data(problem))

    def keep_for_import_soon(self, token: str, problem: Problem) -> None:
        """See `Results.keep_for_import_soon`."""
        self.ask("keep_for_import_soon", token=token, problem=problem_to_data(problem))

    def saved(self, document: str, tokens: Collection[str]) -> None:
        """See `Results.saved`."""
        self.ask("saved", document=document, tokens=[*tokens])

    def closed(self, document: str, but: Collection[str] = ()) -> None:
        """See `Results.closed`."""
        self.ask("closed", document=document, but=[*but])

    def relocate(self, token: str, **changes: Any) -> None:
        """See `Results.relocate`."""
        self.ask("relocate", token=token, changes=changes_to_data(changes))

    def remove(self, token: str, files: bool = True) -> None:
        """See `Engine.remove`."""
        self.call("remove", token=token, files=files)
        self._known.by_token.pop(token, None)

    def delete_files(self, tokens: Collection[str]) -> None:
        """See `Engine.delete_files`."""
        if tokens:
            self.ask("delete_files", tokens=[*tokens])
