# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers: threads that take one job after the other as far as it goes, and say when to look at it again."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable
from functools import partial

from ..api import Cancelled, FlowsClient, FlowsError
from . import limits
from .clients import Clients
from .conversions import Conversions
from .doubt import Doubt, OneShotServices
from .model import Job
from .part import Part
from .problem import Problem
from .recovery import recorded_flow
from .registry import JobRegistry
from .scheduler import Scheduler
from .settings import Settings
from .step import Step
from .steps import Outcome, Turn, advance, decide_after_error
from .store_errors import LedgerError
from .store_rows import Lease


class Workers(Part):
    """One thread, the *poller*, for all jobs whose flow runs, and one for each other job that has a slot.

    A *turn* is one run of a job, with the lease that it had when the turn began. When the job was lost since,
    what came of the turn is discarded. on_result: is called with a job that has just become Ready, by the
    thread that had it.
    """

    def __init__(
        self,
        registry: JobRegistry,
        scheduler: Scheduler,
        settings: Callable[[], Settings],
        conversions: Conversions,
        clients: Clients,
        on_result: Callable[[Job], None],
        closing: threading.Event,
    ) -> None:
        super().__init__(closing)
        self._registry = registry
        self._scheduler = scheduler
        self._settings = settings
        self._conversions = conversions
        self._clients = clients
        self._on_result = on_result
        self._one_shot_services = OneShotServices()
        self._count = 0

    def start(self) -> None:
        """Begin to poll, and to work."""
        self.run("poller", self._serve, self._scheduler.polls)
        self.grow()

    def grow(self) -> None:
        """Have a thread for each job that may run at once."""
        while self._count < self._settings().concurrent_jobs + limits.LOCAL_JOBS:
            self._count += 1
            self.run(f"worker-{self._count}", self._serve, self._scheduler.work)

    def stop(self) -> None:
        """Let each thread end after its turn."""
        self._scheduler.polls.put(None)
        self._scheduler.work.put(None)

    def _serve(self, tokens: queue.SimpleQueue[str | None]) -> None:
        while (token := tokens.get()) is not None and not self.closing.is_set():
            self._run_job(token)
        tokens.put(None)  # for the next one

    def _run_job(self, token: str) -> None:
        """Take a job as far as it goes now, then say when to look at it again."""
        with self._registry.lock:
            settings, job, lease = (
                self._settings(),
                self._registry.job(token),
                self._registry.held(token).lease,
            )
            if job is None or lease is None:  # it was taken over since it was handed on
                self._scheduler.end_turn(token)
                return
        if job.unsent:  # the address may have been mended meanwhile
            job = job.changed(service=settings.base_url)
        outcome, blocked_by = self._advance(job, lease, settings)
        with self._registry.lock:
            if self._registry.held(token).lease == lease and not self.closing.is_set():
                self._registry.end_turn(token)
                if blocked_by is not None:  # to write down that nothing can be written takes as long again
                    self._wait_for_store(token, blocked_by)
                else:
                    self._record(job, outcome, settings)
            else:  # the job is final and saved, or another process has claimed it: the outcome is discarded
                self._scheduler.end_turn(token)
                if self.closing.is_set():
                    return
        if outcome.job.status.step is Step.READY:
            self._on_result(outcome.job)

    def _advance(self, job: Job, lease: Lease, settings: Settings) -> tuple[Outcome, Problem | None]:
        """What becomes of a job in this turn, and the problem of the store if that ended the turn."""
        held = self._registry.held(job.token)
        turn = self._turn(job, lease, settings)
        blocked_by: Problem | None = None
        try:
            outcome = advance(turn, job)
        except Cancelled:
            outcome = Outcome(self._registry.now(job), retry_in=0.0)  # closing, cancelling, or no longer ours
        except FlowsError as error:
            held.failures += 1
            chance = random.random()  # noqa: S311 - spreads repeats
            now = self._registry.now(job)
            outcome = decide_after_error(turn, now, error, held.failures, chance)
            held.doubt = held.doubt.interrupted()
        except LedgerError as error:
            outcome, blocked_by = Outcome(self._registry.now(job)), error.problem
        except Exception as error:  # a defect of ours must end one job, not the thread that carries all
            failed = self._registry.now(job).failed(Problem.of_defect(error), time.time())
            outcome = Outcome(failed)
        else:
            held.failures = 0
            if not outcome.doubt:
                held.doubt = Doubt()
        if outcome.doubt:
            held.doubt = held.doubt.heard_again(outcome.doubt, outcome.job.status.step, time.monotonic())
        return outcome, blocked_by

    def _record(self, before: Job, outcome: Outcome, settings: Settings) -> None:
        """Write down how far a job has come since `before`, and when its next turn is."""
        job, retry_in = outcome.job, outcome.retry_in
        if not job.finished:
            if self._registry.now(job).status.cancelling and not before.status.cancelling:
                job, retry_in = job.changed(cancelling=True), 0.0  # the wish came in meanwhile
            elif job.status.waiting and settings != self._settings():
                retry_in = 0.0  # what it waits for may have been mended meanwhile
        try:
            saved = self._registry.save(job)
        except LedgerError as error:
            self._wait_for_store(job.token, error.problem)
            return
        if saved and not job.finished:
            if retry_in is None:
                self._registry.held(job.token).slot = False  # the user has to do something first
            else:
                self._scheduler.schedule(job.token, retry_in)
        self._scheduler.start_queued_jobs()

    def _wait_for_store(self, token: str, problem: Problem) -> None:
        """Try a job again soon: what the store has is an earlier step, or an intention, and safe."""
        self._registry.show(token, waiting=True, problem=problem, retry_at=0.0)
        self._scheduler.schedule(token, limits.BUSY_DISK_SECONDS)

    # ------------------------------------------------------------------ what a turn may ask for

    def _turn(self, job: Job, lease: Lease, settings: Settings) -> Turn:
        registry, token = self._registry, job.token
        held, folder = registry.held(token), settings.folder / token

        def cancelled() -> bool:
            if self.closing.is_set() or registry.held(token).lease != lease:
                return True
            # A job that is being cancelled still has calls to make: those that tell the service.
            return registry.now(job).status.cancelling and not job.status.cancelling

        def client() -> FlowsClient:
            held.client = found = self._clients.of_this_thread(job.request.service, settings)
            return found

        def save(job: Job) -> None:
            with registry.lock:
                # The user's wish may be newer than the step that is being saved.
                wish = registry.now(job).status.cancelling
                if not registry.save(job.changed(cancelling=wish and not job.finished), lease):
                    raise Cancelled

        def is_taken(flow_id: str) -> bool:
            return any(other.run.flow_id == flow_id and other.token != token for other in registry.jobs())

        def others_run() -> bool:
            with registry.lock:
                others = [other for other, _held in registry.leased() if other.token != token]
            return any(
                other.status.step is Step.STARTED and other.request.service == job.request.service
                for other in others
            )

        return Turn(
            client=client,
            folder=folder,
            make_input=self._conversions.make_input,
            convert=self._conversions.convert,
            warm=self._conversions.warm,
            bake=self._conversions.bake,
            export=self._conversions.export,
            save=save,
            report=self._reporter(token, lease),
            cancelled=cancelled,
            is_taken=is_taken,
            is_new=held.is_new,
            recorded_flow=partial(recorded_flow, folder),
            others_run=others_run,
            one_shot_services=self._one_shot_services,
            durations=registry.run_times.of(job.request.service, job.request.kind),
            doubt=held.doubt,
            patience=settings.patience,
            delete_flows=settings.delete_flows,
        )

    def _reporter(self, token: str, lease: Lease) -> Callable[[float | None], None]:
        """A function that reports the progress of the present step, 0..1, in memory only."""
        last = 0.0

        def report(progress: float | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < limits.PROGRESS_SECONDS:
                return
            last = now
            with self._registry.lock:
                if self._registry.held(token).lease == lease:
                    self._registry.show(token, progress=progress)

        return report
