"""The engine: carries jobs from step to step in threads and tells what happened through a queue.

One *scheduler* thread knows what is due: it polls all running flows and hands other steps to *workers*,
which make files, upload, start and download. Every step is in the ledger before it is taken. Nothing here
knows Blender; the two conversions that need one are given to the engine as functions.
"""

from __future__ import annotations

import heapq
import os
import queue
import random
import shutil
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..api import PRODUCTION_URL, Cancelled, FlowsClient, FlowsError
from ..api.address import is_loopback
from ..api.errors import NotReady, Remedy
from ..api.retry import RetryPolicy
from . import polling
from .ledger import LEASE_SECONDS, Ledger
from .model import UNSENT, Job, Problem, Step
from .steps import Outcome, Steps, trouble

Convert = Callable[[Path, Path, Callable[[], bool]], None]
"""(source, target, cancelled): makes the file `target` from `source`, both absolute. Raises FlowsError where
`source` is at fault, OSError where no conversion can be had on this machine, Cancelled when asked to stop."""

LEARNED = 20
"""How many flows of a kind are remembered to tell how long the next one takes."""

REPORT_SECONDS = 0.1
"""Progress of a transfer is told at most this often."""


class Offline(NotReady):
    """Blender is not allowed to use the network."""

    remedy: Remedy = "go_online"
    message = "Blender is offline."
    fix = "Allow online access in Preferences > System > Network."


class OtherService(NotReady):
    """The job belongs to another service address than the one that is set."""

    remedy: Remedy = "check_address"
    fix = "Set that service address again to go on."

    def __init__(self, service: str) -> None:
        super().__init__(f"This job belongs to {service}.")


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    folder: where each job keeps its files, in a folder of its own. base_url, api_key: see `FlowsClient`.
    online: whether the network may be used (loopback always may). concurrent_jobs: how many jobs are carried
    at once, the others are queued.
    """

    folder: Path
    base_url: str = PRODUCTION_URL
    api_key: str = field(default="", repr=False)
    online: bool = True
    concurrent_jobs: int = 4


class Engine:
    """Carries jobs; all methods return at once and may be called from any thread.

    ledger: owned from now on, closed by `close`. make_glb, convert: see `Convert`; from a snapshot to the GLB
    to send, and from a received GLB to a .blend. `events` holds each job as it is after each change.
    """

    def __init__(self, ledger: Ledger, settings: Settings, make_glb: Convert, convert: Convert) -> None:
        self.events: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._ledger = ledger
        self._settings = settings
        self._make_glb = make_glb
        self._convert = convert
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._jobs: dict[str, Job] = {job.token: job for job in ledger.jobs()}
        self._mine: set[str] = set()  # unfinished jobs whose lease is ours
        self._active: set[str] = set()  # those that hold one of the places
        self._busy: set[str] = set()  # those a worker or the poller has in hand
        self._learned: dict[str, deque[float]] = {}  # how long flows of a kind took, seconds
        for job in self._jobs.values():
            self._learn(job)
        self._failures: dict[str, int] = {}  # consecutive, for the back-off
        self._due: list[tuple[float, str]] = []
        self._work: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._local = threading.local()
        self._clients: list[FlowsClient] = []
        self._workers: list[threading.Thread] = []
        self._one_shot_services: set[str] = set()
        self._scheduler = threading.Thread(target=self._schedule, name="generio-scheduler", daemon=True)
        self._scheduler.start()

    # ------------------------------------------------------------------ what the outside may ask for

    def jobs(self) -> list[Job]:
        """All jobs as they are now, oldest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: job.created_at)

    def job(self, token: str) -> Job | None:
        """One job as it is now."""
        with self._lock:
            return self._jobs.get(token)

    def time_left(self, job: Job) -> float | None:
        """Seconds until a running job's flow will probably have ended; None where there is no telling."""
        if job.step is not Step.STARTED:
            return None
        with self._lock:
            durations = tuple(self._learned.get(job.kind, ()))
        return polling.time_left(time.time() - job.started_at, durations, job.progress)

    def carries(self, token: str) -> bool:
        """Whether the engine goes on with a job by itself; if not, it is over, or the user has to act."""
        with self._lock:
            return token in self._active or (token in self._mine and self._jobs[token].queued)

    def folder(self, token: str) -> Path:
        """The folder that holds a job's files (it may not exist yet)."""
        return self._settings.folder / token

    def submit(self, job: Job) -> Job:
        """Write a new job into the ledger and carry it when its turn comes. Raises sqlite3.Error."""
        now = time.time()
        job = replace(job, created_at=now)
        self._ledger.add(job, self.owner, now)
        with self._lock:
            self._jobs[job.token] = job
            self._mine.add(job.token)
            self.events.put(job)
            self._fill_places()
        return job

    def resume(self) -> list[Job]:
        """Take over what a process that is gone left unfinished; returns those jobs."""
        claimed = self._ledger.claim(self.owner, time.time())
        with self._lock:
            for job in claimed:
                self._jobs[job.token] = queued = replace(job, queued=True)
                self._mine.add(job.token)
                self.events.put(queued)
            self._fill_places()
        return claimed

    def configure(self, settings: Settings) -> None:
        """Use other settings from now on; what waited for a key, an address or the network is tried again."""
        with self._lock:
            if settings == self._settings:
                return
            self._settings = settings
            for token in list(self._mine):
                if self._jobs[token].waiting:
                    self._again(token)
            self._fill_places()

    def retry(self, token: str) -> None:
        """Try a waiting job now, or have a failed or cancelled one done again.

        A result that the service already has is fetched, not made again.
        """
        with self._lock:
            job = self._jobs[token]
            if not job.finished:
                if job.step is Step.SUBMITTING and job.waiting and token not in self._active:
                    job = job.at(Step.PREPARED)  # the user has been told that it may run a second time
                    self._save(job)
                self._again(token)
            elif job.step in (Step.FAILED, Step.CANCELLED) and self._ledger.take(
                token, self.owner, time.time()
            ):
                kept = job.flow_state == "completed"
                prepared = bool(job.input_path) and not job.snapshot
                step = Step.COMPLETED if kept else Step.PREPARED if prepared else Step.REQUESTED
                changes = (
                    {}
                    if kept
                    else {"attempt": job.attempt + 1, "flow_id": "", "flow_state": "", "results": ()}
                )
                self._mine.add(token)
                self._save(
                    job.at(step, queued=True, cancelling=False, finished_at=0.0, started_at=0.0, **changes)
                )
            self._fill_places()

    def cancel(self, token: str) -> None:
        """Stop a job: at once while it is prepared or uploaded, else when the service has stopped it."""
        with self._lock:
            job = self._jobs[token]
            if job.finished or token not in self._mine:
                return
            if job.step in UNSENT and token not in self._busy:
                self._save(job.cancelled(time.time()))
                return
            self._save(replace(job, cancelling=True, queued=False))
            self._active.add(token)  # stopping needs no free place
            self._again(token)
            self._fill_places()

    def place(self, token: str) -> bool:
        """Note, before a result goes into a scene, that it does; False if another process has it."""
        with self._lock:
            job = self._jobs.get(token)
            if job is None or not job.results or not self._ledger.take(token, self.owner, time.time()):
                return False
            self._save(job.at(Step.PLACED))
            return True

    def remove(self, token: str) -> None:
        """Forget a finished job and delete its files. Raises ValueError while it is unfinished."""
        with self._lock:
            job = self._jobs[token]
            if not job.finished:
                raise ValueError("an unfinished job must be cancelled first")
            del self._jobs[token]
            self._ledger.remove(token)
        shutil.rmtree(self.folder(token), ignore_errors=True)

    def hold(self, token: str, problem: Problem) -> None:
        """Keep a finished result until the user imports it, and say why."""
        with self._lock:
            job = self._jobs[token]
            if self._ledger.take(token, self.owner, time.time()):
                self._save(replace(job.at(Step.READY), problem=problem, hold=True))

    def close(self, timeout: float = 2.0) -> None:
        """Stop all threads, within `timeout` seconds; unfinished jobs go on where an engine resumes them."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
            self._wake.notify_all()
            for _ in self._workers:
                self._work.put(None)
        end = time.monotonic() + timeout
        for thread in (self._scheduler, *self._workers):
            thread.join(max(0.0, end - time.monotonic()))
        self._ledger.release(self.owner)
        self._ledger.close()
        for client in self._clients:
            client.close()

    # ------------------------------------------------------------------ places, turns and time

    def _fill_places(self) -> None:
        """Give free places to the jobs that have waited longest."""
        for token in sorted(self._mine - self._active, key=lambda token: self._jobs[token].created_at):
            if len(self._active) >= self._settings.concurrent_jobs:
                break
            job = self._jobs[token]
            if job.queued:
                self._active.add(token)
                self._save(replace(job, queued=False))
                self._at(time.time(), token)
        while len(self._workers) < min(len(self._active), self._settings.concurrent_jobs):
            worker = threading.Thread(
                target=self._serve, name=f"generio-worker-{len(self._workers)}", daemon=True
            )
            self._workers.append(worker)
            worker.start()

    def _again(self, token: str) -> None:
        """Let a job be tried as soon as possible."""
        job = self._jobs[token]
        if token in self._active:
            self._failures.pop(token, None)
            self._at(time.time(), token)
        elif not job.queued:
            self._save(replace(job, queued=True, waiting=False))

    def _at(self, due: float, token: str) -> None:
        heapq.heappush(self._due, (due, token))
        self._wake.notify_all()

    def _schedule(self) -> None:
        renewed = time.time()
        while not self._closing.is_set():
            with self._lock:
                now = time.time()
                if self._mine and now - renewed > LEASE_SECONDS / 3:
                    self._ledger.renew(self.owner, now)
                    renewed = now
                token = self._next_due(now)
                if token is None:
                    # Without anything due we still wake to renew the leases.
                    wait = min(self._due[0][0] - now if self._due else LEASE_SECONDS, LEASE_SECONDS / 3)
                    self._wake.wait(max(0.0, wait))
                    continue
                job = self._jobs[token]
            if job.step is Step.STARTED and not job.cancelling:
                self._carry(token)
            else:
                self._work.put(token)

    def _next_due(self, now: float) -> str | None:
        """The next job to take in hand; entries of jobs that are in hand or over are dropped."""
        while self._due and self._due[0][0] <= now:
            _, token = heapq.heappop(self._due)
            if token in self._active and token not in self._busy:
                self._busy.add(token)
                return token
        return None

    def _serve(self) -> None:
        while (token := self._work.get()) is not None and not self._closing.is_set():
            self._carry(token)

    # ------------------------------------------------------------------ one job in hand

    def _carry(self, token: str) -> None:
        """Take a job as far as it goes now, then say when to look at it again."""
        job = self._jobs[token]
        outcome = Outcome(job)
        try:
            steps = self._steps(job)
            outcome = steps.take(job)
        except Cancelled:
            outcome = Outcome(self._jobs[token], again_in=0.0)  # closing, cancelling, or no longer ours
        except FlowsError as error:
            failures = self._failures[token] = self._failures.get(token, 0) + 1
            outcome = trouble(self._jobs[token], error, failures, random.random())  # noqa: S311 - spreads repeats
        except Exception as error:  # a defect of ours must end one job, not the thread that carries all
            problem = Problem(
                "defect", f"GENERIO Flows made a mistake: {type(error).__name__}: {error}.", "Report it."
            )
            outcome = Outcome(self._jobs[token].failed(problem, time.time()))
        else:
            if outcome.job.step is job.step and outcome.job.step is not Step.STARTED:
                self._failures[token] = self._failures.get(token, 0) + 1  # looked in vain
            else:
                self._failures.pop(token, None)
        with self._lock:
            self._busy.discard(token)
            if self._closing.is_set() or token not in self._mine:
                return
            done = outcome.job
            if self._jobs[token].cancelling and not job.cancelling and not done.finished:
                # The wish to cancel came in meanwhile.
                outcome = Outcome(replace(done, cancelling=True), again_in=0.0)
            if job.step is Step.STARTED and outcome.job.step is Step.COMPLETED:
                self._learn(outcome.job)
            if self._save(outcome.job) and not outcome.job.finished:
                if outcome.again_in is None:
                    self._active.discard(token)  # the user has to do something first
                else:
                    self._at(time.time() + outcome.again_in, token)
            self._fill_places()

    def _steps(self, job: Job) -> Steps:
        settings = self._settings

        def cancelled() -> bool:
            # A job that is being cancelled still has calls to make: those that tell the service.
            return self._closing.is_set() or (self._jobs[job.token].cancelling and not job.cancelling)

        return Steps(
            client=self._client(job, settings),
            folder=settings.folder / job.token,
            make_glb=self._make_glb,
            convert=self._convert,
            save=self._save_or_stop,
            report=self._reporter(job.token),
            cancelled=cancelled,
            one_shot_services=self._one_shot_services,
            durations=tuple(self._learned.get(job.kind, ())),
            failures=self._failures.get(job.token, 0),
        )

    def _client(self, job: Job, settings: Settings) -> FlowsClient:
        """This thread's client for the present settings. Raises NotReady."""
        if job.service != settings.base_url:
            raise OtherService(job.service)
        if not settings.online and not is_loopback(settings.base_url):
            raise Offline
        client: FlowsClient | None = getattr(self._local, "client", None)
        if client is None or self._local.settings != settings:
            # No repeats inside a call: the engine repeats whole steps, and can be told to stop in between.
            fresh = FlowsClient(settings.base_url, settings.api_key, policy=RetryPolicy(attempts=1))
            with self._lock:
                if client is not None:
                    self._clients.remove(client)
                    client.close()
                self._clients.append(fresh)
            self._local.client = client = fresh
            self._local.settings = settings
        return client

    def _save(self, job: Job) -> bool:
        """Make `job` the truth: on disk, in memory, and told. False when another process has it now."""
        with self._lock:
            if not self._ledger.save(job, self.owner, time.time()):
                # This one slept past its lease (a suspended laptop, say): hands off.
                self._mine.discard(job.token)
                self._active.discard(job.token)
                return False
            self._jobs[job.token] = job
            if job.finished:
                self._mine.discard(job.token)
                self._active.discard(job.token)
                self._failures.pop(job.token, None)
            self.events.put(job)
            return True

    def _save_or_stop(self, job: Job) -> None:
        with self._lock:
            # The user's wish may be newer than the step that is being saved.
            wish = self._jobs[job.token].cancelling
            if not self._save(replace(job, cancelling=wish and not job.finished)):
                raise Cancelled

    def _learn(self, job: Job) -> None:
        if job.run_seconds > 0.0:
            self._learned.setdefault(job.kind, deque(maxlen=LEARNED)).append(job.run_seconds)

    def _reporter(self, token: str) -> Callable[[float | None], None]:
        """A function that tells the progress of the present step, 0..1, in memory only."""
        last = 0.0

        def report(progress: float | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < REPORT_SECONDS:
                return
            last = now
            with self._lock:
                self._jobs[token] = replace(self._jobs[token], progress=progress)
                self.events.put(self._jobs[token])

        return report
