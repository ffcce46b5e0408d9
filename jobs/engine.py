# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: what carries jobs from step to step in threads, and reports what happens through a queue.

It is put together of parts. The *registry* has the jobs and is the only one that changes them. The
*scheduler* knows what is due, and hands running flows to a poller and all other steps to *workers*. The
*writer* writes for those who must not wait, *recovery* finds jobs that no store knows, *previews* draws
results, *cleanup* keeps the results folder small. Every step is in the store before it is taken.
Nothing here knows Blender; the conversions that need one are given to the engine as functions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ..core.destination import Destination
from ..core.messages import EMPTY, Message, sentences
from . import polling
from .adoption import adopted_job
from .cleanup import Cleanup
from .clients import Clients
from .commands import Commands
from .conversions import Conversions, Convert, Work, no_work
from .input_copy import InputCopies
from .job_parts import Delivered
from .model import Job
from .part import Part
from .previews import PreviewRenderer
from .problem import Problem
from .process_id import new_owner
from .recovery import Recovery, append_request
from .registry import JobRegistry
from .results import Results
from .scheduler import Scheduler
from .settings import Settings
from .step import Step
from .store import JobStore
from .store_errors import LedgerError
from .worker import Workers
from .writer import Writer


class Engine:
    """Carries jobs on; its methods may be called from any thread, and those that only tell wait for nothing.

    store: owned from now on, closed by `close`. make_input, convert, render_preview: see `Convert`; from a
    .blend or a picture to the file to send, from a received GLB to a .blend, and from that to a picture,
    which is nice to have. adopt_orphans: whether it goes on with all that dead processes left unfinished, or
    only with what `resume` names. owner: the name of an engine before, which is no more, in whose place this
    one goes on ("" = none). warm: is called shortly before something is to be converted. bake, export: see
    `Conversions`.
    `events` holds each job as it is after each change. Methods that change a job write the store first and
    raise LedgerError where that fails.
    """

    def __init__(
        self,
        store: JobStore,
        settings: Settings,
        make_input: Convert,
        convert: Convert,
        render_preview: Convert | None = None,
        adopt_orphans: bool = True,
        owner: str = "",
        warm: Callable[[], None] = lambda: None,
        bake: Work = no_work,
        export: Work = no_work,
    ) -> None:
        self._settings = settings
        self._notice: Problem | None = None
        self._closing = closing = threading.Event()
        self._store = store
        self._clients = Clients()
        present = self._present_settings
        self._registry = registry = JobRegistry(store, owner or new_owner(), self._keep_request_soon)
        self._conversions = Conversions(make_input, convert, warm, bake, export)
        self._scheduler = Scheduler(registry, present, adopt_orphans, closing)
        self._workers = Workers(
            registry,
            self._scheduler,
            present,
            self._conversions,
            self._clients,
            self._show_result,
            closing,
        )
        self._writer = Writer(registry, closing)
        self._cleanup = Cleanup(registry, self._writer, present, self.folder, closing)
        self._previews = PreviewRenderer(registry, render_preview, self._cleanup.delete, closing)
        self._copies = InputCopies(registry, self.folder, self._cleanup.delete, closing)
        self._recovery = Recovery(
            registry, store, self._scheduler, present, self._clients, self._report_recovered, closing
        )
        self._results = Results(registry, self._writer, self._cleanup)
        self._commands = Commands(registry, self._scheduler, self.folder)
        self._parts: tuple[Part, ...] = (
            self._workers,
            self._writer,
            self._cleanup,
            self._previews,
            self._copies,
            self._recovery,
            self._scheduler,  # which makes jobs of all rows first, and would slow down the others' start
        )
        if store.quarantined_path is not None:
            damaged = Message(
                "The job list was damaged and is kept as {name}.", name=store.quarantined_path.name
            )
            self.notice = Problem("ledger", damaged, remedy="open_folder")
        self._start()

    # ------------------------------------------------------------------ life cycle

    def _start(self) -> None:
        for part in self._parts:
            part.start()

    def close(self, timeout: float = 2.0) -> None:
        """Stop all threads, within `timeout` seconds; unfinished jobs go on where another engine starts."""
        if self._closing.is_set():
            return
        self._closing.set()
        end = time.monotonic() + timeout
        for part in self._parts:
            part.stop()
        for part in self._parts:
            part.join(end - timeout / 4)
        # In a thread, too: another process may hold the store for longer than we have.
        releasing = threading.Thread(target=self._release_leases, name="generio-release", daemon=True)
        releasing.start()
        releasing.join(max(0.0, end - time.monotonic()))
        self._clients.close()

    def _release_leases(self) -> None:
        with suppress(LedgerError):  # then the leases run out by themselves
            self._registry.release()
        self._store.close()

    def finish(self, seconds: float) -> None:
        """Wait until nothing goes on by itself any more, for at most `seconds`; nothing new is begun.

        What is queued stays so, for the next engine.
        """
        end = time.monotonic() + seconds
        self._scheduler.starts_jobs = False
        while time.monotonic() < end:
            if not any(self._scheduler.is_running(job.token) for job in self.unfinished()):
                return
            self._closing.wait(0.2)

    def configure(self, settings: Settings) -> None:
        """Use other settings from now on; what waited for a key, an address or the network is tried again."""
        if settings != self._settings:
            before, self._settings = self._settings, settings
            if before.online and not settings.online:
                self._clients.hang_up()  # going offline ends what is under way, as it does all over Blender
            self._workers.grow()
            self._writer.write_soon(self._scheduler.reconsider)
            self._cleanup.needed.set()

    def reconsider(self) -> None:
        """Try again now what waits; what only the user may repeat is looked at, and not repeated."""
        self._writer.write_soon(self._scheduler.reconsider)

    def _present_settings(self) -> Settings:
        return self._settings

    # ------------------------------------------------------------------ looking

    @property
    def owner(self) -> str:
        """The name with which this engine has leases."""
        return self._registry.owner

    @property
    def events(self) -> SimpleQueue[Job]:
        """Each job as it is after each change."""
        return self._registry.events

    @property
    def notice(self) -> Problem | None:
        """What the user should know of the store, or None; what holds it up now goes by itself."""
        return self._scheduler.problem or self._notice

    @notice.setter
    def notice(self, notice: Problem | None) -> None:
        self._notice = notice

    @property
    def recovery_problem(self) -> Problem | None:
        """Why lost jobs could not be looked for when that was tried last, or None."""
        return self._recovery.problem

    @property
    def is_loaded(self) -> bool:
        """Whether all jobs are in memory; until then whoever asks for one waits for a moment."""
        return self._registry.is_loaded

    def jobs(self) -> list[Job]:
        """All jobs as they are now, oldest first."""
        return self._registry.jobs()

    def unfinished(self) -> list[Job]:
        """The jobs that are not over, oldest first."""
        return self._registry.unfinished()

    def job(self, token: str) -> Job | None:
        """One job as it is now."""
        return self._registry.job(token)

    def job_of_flow(self, flow_id: str) -> Job | None:
        """The job that a flow of the service belongs to, if there is one."""
        return next((job for job in self.jobs() if job.run.flow_id == flow_id), None)

    def time_left(self, job: Job) -> float | None:
        """Seconds until a running job's flow will probably have ended; None where there is no telling."""
        if job.status.step is not Step.STARTED or job.status.waiting:
            return None
        durations = self._registry.run_times.of(job.request.service, job.request.kind)
        return polling.time_left(time.time() - job.run.started_at, durations, job.run.progress)

    def all_reported(self) -> bool:
        """Whether `events` has nothing left to report; not while a thread is changing a job."""
        with suppress(LedgerError), self._registry.locked():
            return self.events.empty()
        return False

    def is_active(self, token: str) -> bool:
        """Whether the engine goes on with a job by itself; if not, it is over, or the user has to act."""
        return self._scheduler.is_active(token)

    def owns(self, token: str) -> bool:
        """Whether an unfinished job is this engine's, and no other process's, also while it waits."""
        return self._registry.is_leased(token)

    def folder(self, token: str) -> Path:
        """The folder that holds a job's files (it may not exist yet)."""
        return self._settings.job_folder(token, self.job(token))

    # ------------------------------------------------------------------ new jobs

    def submit(self, job: Job) -> Job:
        """Take a new job, and carry it on when its turn comes."""
        return self.submit_all([job])[0]

    def submit_all(self, jobs: Sequence[Job]) -> list[Job]:
        """Take new jobs, all or none, in one go of the disk; they are carried on in this order."""
        now = time.time()
        # Each has a time of its own, by which lists are sorted.
        jobs = [job.changed(created_at=now + number * 1e-6) for number, job in enumerate(jobs)]
        with self._registry.locked():
            self._registry.add(jobs, is_new=True)
            self._scheduler.start_queued_jobs()
        for job in jobs:
            self._keep_request_soon(job)
        self._copies.copy(jobs)
        return jobs

    def recover(self, flow_id: str, destination: Destination) -> Job:
        """Adopt a flow as a new job; see `adopted_job`."""
        return self.submit(adopted_job(flow_id, self._settings.base_url, destination))

    def _keep_request_soon(self, job: Job) -> None:
        """Write into a job's folder, soon, what was asked for, and which flow that has become."""
        folder = self.folder(job.token)

        def append() -> None:
            append_request(folder, job)
            if self.job(job.token) is None:
                self._cleanup.delete(job.token)  # it was removed meanwhile

        self._writer.write_soon(append, job.token)

    # ------------------------------------------------------------------ what the parts do

    def resume(self, token: str) -> None:
        """Go on with a job that another process began, as soon as that is known to have let go of it."""
        self._scheduler.resume(token)

    def retry(self, token: str) -> bool:
        """See `Commands.retry`."""
        return self._commands.retry(token)

    def prepared(self, token: str, problem: Problem | None) -> None:
        """See `Commands.prepared`."""
        self._commands.prepared(token, problem)

    def cancel(self, token: str) -> bool:
        """See `Commands.cancel`."""
        return self._commands.cancel(token)

    def fetch_results(self, token: str) -> bool:
        """See `Commands.fetch_results`."""
        return self._commands.fetch_results(token)

    def retry_lookup(self, token: str) -> bool:
        """See `Commands.retry_lookup`."""
        return self._commands.retry_lookup(token)

    def mark_placed(self, token: str, document: str = "", again: bool = False) -> bool:
        """See `Results.mark_placed`."""
        return self._results.mark_placed(token, document, again)

    def mark_placed_soon(self, token: str, document: str) -> None:
        """See `Results.mark_placed_soon`."""
        self._results.mark_placed_soon(token, document)

    def mark_found(self, token: str, document: str) -> None:
        """See `Results.mark_found`."""
        self._results.mark_found(token, document)

    def keep_for_import(self, token: str, problem: Problem) -> bool:
        """See `Results.keep_for_import`."""
        return self._results.keep_for_import(token, problem)

    def keep_for_import_soon(self, token: str, problem: Problem) -> None:
        """See `Results.keep_for_import_soon`."""
        self._results.keep_for_import_soon(token, problem)

    def mark_delivered(self, token: str, files: Sequence[Delivered]) -> bool:
        """See `Results.mark_delivered`."""
        return self._results.mark_delivered(token, files)

    def saved(self, document: str, tokens: Collection[str]) -> None:
        """See `Results.saved`."""
        self._results.saved(document, tokens)

    def closed(self, document: str, but: Collection[str] = ()) -> None:
        """See `Results.closed`."""
        self._results.closed(document, but)

    def relocate(self, token: str, **changes: Any) -> None:
        """See `Results.relocate`."""
        self._results.relocate(token, **changes)

    def when_written(self, call: Callable[[], object]) -> None:
        """Call when the store has all that was to take effect soon, from a thread of the engine."""
        self._writer.write_soon(call)

    def remove(self, token: str, files: bool = True) -> None:
        """Forget a finished job. Raises ValueError while it is unfinished.

        files: whether its files go at once; else only its models do, and the rest with `delete_files`.
        """
        folder = self.folder(token)
        with self._registry.locked():
            if not self._registry.remove(token):
                raise ValueError("an unfinished job must be cancelled first")
            if not files:
                self._cleanup.want_previews(token)
        self._cleanup.delete_removed(token, folder)

    def delete_files(self, tokens: Collection[str]) -> None:
        """Delete, soon, the files of jobs that were removed without them; at the latest at the next start."""
        self._cleanup.delete_soon(tokens)

    # ------------------------------------------------------------------ what the parts report

    def _show_result(self, job: Job) -> None:
        """Have a preview rendered of what has just become Ready."""
        self._previews.render_soon(job)
        self._cleanup.needed.set()

    def _report_recovered(self, count: int) -> None:
        again = (
            Message("1 job was found again.")
            if count == 1
            else Message("{count:,} jobs were found again.", count=count)
        )
        before = self.notice or Problem("ledger", EMPTY)
        self.notice = replace(before, message=sentences(before.message, again))
