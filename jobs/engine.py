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
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ..api import FlowsError
from . import polling
from .cleanup import Cleanup
from .clients import Clients
from .conversions import Conversions, Convert
from .errors import MAYBE_RUNNING, NotStarted
from .input_copy import InputCopies
from .model import UNSENT, Delivered, Job, Problem, Step
from .part import Part
from .previews import PreviewRenderer
from .process_id import new_owner
from .recovery import NAME, Recovery, append_request
from .registry import JobRegistry
from .scheduler import Scheduler
from .settings import Settings
from .steps import NOTHING_NEW, input_path, prepared
from .store import JobStore, LedgerError
from .worker import Workers
from .writer import Writer

NOT_SAVED = Problem(
    "closed_unsaved",
    "The model is in no saved file: it was undone, or the file was closed.",
    "Use Import to have it again.",
)


class Engine:
    """Carries jobs on; its methods may be called from any thread, and those that only tell wait for nothing.

    store: owned from now on, closed by `close`. make_input, convert, render_preview: see `Convert`; from a
    .blend or a picture to the file to send, from a received GLB to a .blend, and from that to a picture,
    which is nice to have. adopt_orphans: whether it goes on with all that dead processes left unfinished, or
    only with what `resume` names. `events` holds each job as it is after each change. Methods that change a
    job write the store first and raise LedgerError where that fails.
    """

    def __init__(
        self,
        store: JobStore,
        settings: Settings,
        make_input: Convert,
        convert: Convert,
        render_preview: Convert | None = None,
        adopt_orphans: bool = True,
    ) -> None:
        self._settings = settings
        self._notice: Problem | None = None
        self._closing = closing = threading.Event()
        self._store = store
        self._clients = Clients()
        present = self._present_settings
        self._registry = registry = JobRegistry(store, new_owner(), self._keep_request_soon)
        self._conversions = Conversions(make_input, convert)
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
            damaged = f"The job list was damaged and is kept as {store.quarantined_path.name}."
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

    def configure(self, settings: Settings) -> None:
        """Use other settings from now on; what waited for a key, an address or the network is tried again."""
        if settings != self._settings:
            before, self._settings = self._settings, settings
            if before.online and not settings.online:
                self._clients.hang_up()  # going offline ends what is under way, as it does all over Blender
            self._workers.grow()
            self._writer.write_soon(self._scheduler.reconsider)
            self._cleanup.needed.set()

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
        return next((job for job in self.jobs() if job.flow_id == flow_id), None)

    def time_left(self, job: Job) -> float | None:
        """Seconds until a running job's flow will probably have ended; None where there is no telling."""
        if job.step is not Step.STARTED:
            return None
        return polling.time_left(
            time.time() - job.started_at, self._registry.run_times.of(job.kind), job.progress
        )

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
        here, job = self._settings.folder / token, self.job(token)
        if job is not None and job.results:
            there = Path(job.results[0].glb).parent  # in the results folder of that time
            if there.name == token and there != here and not here.exists():
                return there
        return here

    # ------------------------------------------------------------------ new jobs

    def submit(self, job: Job) -> Job:
        """Take a new job, and carry it on when its turn comes."""
        return self.submit_all([job])[0]

    def submit_all(self, jobs: Sequence[Job]) -> list[Job]:
        """Take new jobs, all or none, in one go of the disk; they are carried on in this order."""
        now = time.time()
        # Each has a time of its own, by which lists are sorted.
        jobs = [replace(job, created_at=now + number * 1e-6) for number, job in enumerate(jobs)]
        with self._registry.locked():
            self._registry.add(jobs, is_new=True)
            self._scheduler.start_queued_jobs()
        for job in jobs:
            self._keep_request_soon(job)
        self._copies.copy(jobs)
        return jobs

    def recover(self, flow_id: str, destination: Mapping[str, Any]) -> Job:
        """Adopt a flow as a new job, in whatever state it is; its result is held for the user to import.

        One that was never started waits for the user, see `retry`.
        """
        return self.submit(
            Job(
                service=self._settings.base_url,
                template="",
                name=NAME,
                flow_id=flow_id,
                step=Step.ADOPTED,
                adopted=True,
                needs_manual_import=True,
                destination=destination,
            )
        )

    def _keep_request_soon(self, job: Job) -> None:
        """Write into a job's folder, soon, what was asked for, and which flow that has become."""
        folder = self.folder(job.token)

        def keep() -> None:
            append_request(folder, job)
            if self.job(job.token) is None:
                self._cleanup.delete(job.token)  # it was removed meanwhile

        self._writer.write_soon(keep, job.token)

    # ------------------------------------------------------------------ jobs under way

    def resume(self, token: str) -> None:
        """Go on with a job that another process began, as soon as that is known to have let go of it."""
        self._scheduler.resume(token)

    def retry(self, token: str) -> bool:
        """Try a waiting job now, or carry a failed or cancelled one once more (see `Job.restarted`).

        False where another process has it.
        """
        with self._registry.locked():
            job = self.job(token)
            if job is not None and job.finished:
                return self._reopen(
                    token,
                    (Step.FAILED, Step.CANCELLED),
                    lambda job: replace(job.restarted(), begun_at=time.time()),
                )
            if job is None or not self.owns(token):
                return False
            code = job.problem.code if job.problem is not None else ""
            if code == MAYBE_RUNNING:  # the user has been told that it may run a second time
                job = job.repeated()
            elif code == NotStarted.code:
                job = job.advance_to(Step.UPLOADED, starts_itself=False)
            elif code == NOTHING_NEW:
                job = replace(job, changed_at=time.time())
            if not self._scheduler.try_now(job):
                return False
            self._scheduler.start_queued_jobs()
            return True

    def prepare_here(self, token: str, make: Callable[[Path, Path], None]) -> None:
        """Make the file to send of a job that found no converter, here, by `make` (source, target)."""
        job = self.job(token)
        if job is None:
            return
        target = input_path(job, self.folder(token))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            make(Path(job.source), target)
            done = prepared(job, target)
        except FlowsError as error:
            done = job.failed(Problem.of(error), time.time())
        with self._registry.locked():
            if not self.owns(token) or self._registry.now(job).step is not Step.REQUESTED:
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
            job, held = self.job(token), self._registry.held(token)
            if job is not None and job.finished:
                return True
            if job is None or held.lease is None:
                return False
            if job.step in UNSENT and not held.busy:
                return self._registry.save(job.cancelled(time.time()))
            if not self._registry.save(replace(job, cancelling=True, queued=False)):
                return False
            if job.step is Step.UPLOADING and held.client is not None:
                held.client.hang_up()  # it may stand still, and is of no use any more
            held.slot = True  # stopping needs no free slot
            self._scheduler.try_now(self._registry.now(job))
            self._scheduler.start_queued_jobs()
            return True

    def relocate(self, token: str, change: Mapping[str, Any]) -> None:
        """Change where a result belongs; `change`: of its destination."""

        def changed(job: Job) -> Job:  # as it is by then: another change may come first
            return replace(job, destination={**job.destination, **change})

        self._writer.write_soon(lambda: self._registry.alter(token, changed), token)

    # ------------------------------------------------------------------ finished jobs

    def mark_placed(self, token: str, document: str = "", again: bool = False) -> bool:
        """Note, before a result goes into a scene, that it does; False if another process was faster.

        document: the opening of a file into which it goes, see `saved`; "" where it cannot get lost there.
        again: whether one that has been placed before may be placed once more, which changes nothing here.
        """
        job = self.job(token)
        if again and job is not None and job.step is Step.PLACED:
            return True
        return self._registry.change(
            token,
            (Step.READY,),
            lambda job: job.advance_to(Step.PLACED, needs_manual_import=False, placed_in=document),
        )

    def mark_placed_soon(self, token: str, document: str) -> None:
        """As `mark_placed`, soon, unless the user is to import it; `events` tells what became of it."""

        def placed(job: Job) -> Job | None:
            return None if job.needs_manual_import else job.advance_to(Step.PLACED, placed_in=document)

        self._writer.write_soon(lambda: self._registry.change(token, (Step.READY,), placed), token)

    def mark_found(self, token: str, document: str) -> None:
        """A result that is Ready stands in the file that is open; `document` as for `mark_placed`."""
        self._writer.write_soon(lambda: self.mark_placed(token, document), token)

    def keep_for_import(self, token: str, problem: Problem) -> bool:
        """Keep a finished result until the user imports it, and say why."""
        return self._registry.change(
            token,
            (Step.READY, Step.PLACED),
            lambda job: job.advance_to(Step.READY, problem=problem, needs_manual_import=True, placed_in=""),
        )

    def keep_for_import_soon(self, token: str, problem: Problem) -> None:
        """As `keep_for_import`, as soon as the store takes it."""
        self._writer.write_soon(lambda: self.keep_for_import(token, problem), token)

    def mark_delivered(self, token: str, files: Sequence[Delivered]) -> bool:
        """Note, before the results of a finished job become files elsewhere, which these are.

        What was noted before stays behind that: until they are exchanged, the files there are those.
        """

        def delivered(job: Job) -> Job:
            before = [file for file in job.delivered if file not in files]
            return replace(job, delivered=(*files, *before))

        return self._registry.change(token, (Step.READY, Step.PLACED), delivered)

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
        return self._reopen(token, (Step.FAILED,), Job.looked_for_again)

    def _reopen(self, token: str, steps: tuple[Step, ...], change: Callable[[Job], Job]) -> bool:
        with self._registry.locked():
            if not self._registry.reopen(token, steps, change):
                return False
            self._scheduler.start_queued_jobs()
            return True

    # A result that stands in a file that was not saved since is *unsaved*: if the process dies, the file on
    # disk lacks it. Its lease is kept like that of an unfinished job, so whoever takes it over knows. These
    # are called by the thread that may not wait: they take effect soon, and each in its turn.

    def saved(self, document: str, but: Collection[str] = ()) -> None:
        """What went into `document` is in a file on disk now.

        but: what was noted to go there, but has not.
        """
        # Take the set now; results placed between the save and this write are not in the saved file.
        there = {job.token for job in self.jobs() if job.placed_in == document} - {*but}

        def in_file(job: Job) -> Job | None:
            return replace(job, placed_in="") if job.token in there else None

        self._writer.write_soon(lambda: self._change_unsaved(document, in_file))
        self._writer.write_soon(self._cleanup.needed.set)

    def closed(self, document: str, but: Collection[str] = ()) -> None:
        """`document` is open no more: what went into it since it was saved is Ready again, for the user.

        but: what was noted to go there, but has not; it is Ready as before.
        """

        def ready(job: Job) -> Job:
            if job.token in but:
                return job.advance_to(Step.READY, placed_in="")
            return job.advance_to(Step.READY, problem=NOT_SAVED, needs_manual_import=True)

        self._writer.write_soon(lambda: self._change_unsaved(document, ready))

    def _change_unsaved(self, document: str, change: Callable[[Job], Job | None]) -> None:
        """Change the jobs whose results are unsaved in `document`."""

        def change_here(job: Job) -> Job | None:
            return change(job) if job.placed_in == document else None

        for job in self.jobs():
            if job.unsaved and job.placed_in == document:
                write = partial(self._registry.change, job.token, (Step.PLACED,), change_here)
                self._writer.write_now(write, job.token)

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
        """Render a preview of what has just become Ready, which nobody should wait for."""
        self._previews.render(job)
        self._cleanup.needed.set()

    def _report_recovered(self, count: int) -> None:
        again = "1 job was found again." if count == 1 else f"{count} jobs were found again."
        before = self.notice or Problem("ledger", "")
        self.notice = replace(before, message=f"{before.message} {again}".strip())
