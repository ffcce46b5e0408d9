# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's side of the engine: its verbs, and all its jobs as they were told last.

Whoever changes a job has either time to wait for the answer, which comes when the disk has it (`submit`,
`retry`, …: some milliseconds), or asks (`ask`) and looks for the answer later, or does not need one. The
engine process is started with the first job. When it dies it is started again, gets all calls that it has not
answered once more, and goes on from the job list: whoever called notices nothing.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.destination import Destination
from ..core.errors import FlowsError
from ..core.log import LOGGER
from ..jobs import limits, polling
from ..jobs.adoption import adopted_job
from ..jobs.job_folder import JobFolder
from ..jobs.model import Job, Problem, Step
from ..jobs.settings import Settings
from ..jobs.store_errors import EngineDied, LedgerError
from .process import EngineProcess
from .protocol import (
    VERSION,
    Decoder,
    ProtocolError,
    changes_to_data,
    encoded,
    error_from_data,
    job_from_data,
    job_to_data,
    problem_from_data,
    problem_to_data,
    settings_to_data,
)

PATIENCE = 20.0
"""Seconds that a call waits for its answer; a busy machine may take a while to start a process."""

DRAIN_SECONDS = 0.002
"""A tick takes in what has come for at most so long, and the rest with the next one."""

MOST_STARTS = 5
"""An engine that dies so often within RESTART_SECONDS will do so again: the user is told."""

RESTART_SECONDS = 60.0

LAST_SECONDS = 0.2
"""Between the end of the pipe and that of the process, if it is not killed in between."""

MOST_LINES = 200
"""Lines for the log that are kept until there is an engine to write them."""


@dataclass(frozen=True)
class Start:
    """What an engine process is started with.

    owner: the name under which this Blender has leases. command: runs the engine, see
    `process.python_command`. store: path of the job list. patience: seconds that a call
    may wait for another process that has the job list. converter: what starts a background Blender. previews:
    whether results get pictures. log: the folder of the log.
    """

    owner: str
    command: tuple[str, ...]
    store: Path
    patience: float
    converter: tuple[str, ...]
    previews: bool
    log: Path


@dataclass
class Reply:
    """The answer to a call.

    parts: of its result, as they are told before that is whole. is_repeated: whether an engine died before it
    answered, so that what the call is about may have been done already.
    """

    number: int
    data: bytes = field(repr=False)  # may have the key
    parts: deque[Any] = field(default_factory=deque[Any])
    result: Any = None
    error: Exception | None = None
    is_there: bool = False
    is_repeated: bool = False

    def value(self) -> Any:
        """The result. Raises the error that came in its place."""
        if self.error is not None:
            raise self.error
        return self.result


class EngineClient:
    """Speaks to one engine process after the other; all methods are for the main thread.

    Methods that change a job raise LedgerError where the job list does not take that. `notice`: what the user
    should know of the job list, or None; what holds it up now goes by itself. `recovery_problem`: why lost
    jobs could not be looked for when that was tried last, or None.
    """

    def __init__(self, start: Start, settings: Settings, log_level: str, finish_jobs: bool) -> None:
        self.recovery_problem: Problem | None = None
        self.older = 0
        self._recent_from = 0.0  # when the oldest of the finished jobs was made that `jobs` has by itself
        self._notice: Problem | None = None
        self._start = start
        self._configuration = (settings, log_level, finish_jobs)
        self._process: EngineProcess | None = None
        self._decoder = Decoder()
        self._jobs: dict[str, Job] = {}
        self._active: set[str] = set()
        self._owned: set[str] = set()
        self._events: deque[Job] = deque()
        self._run_times = polling.RunTimes()
        self._is_loaded = False
        self._fresh: set[str] | None = None  # what an engine has told since it was started, until it is done
        self._number = 0
        self._open: Reply | None = None
        self._refusal: Exception | None = None  # why an engine could not begin
        self._replies: dict[int, Reply] = {}  # calls that are not answered, in their order
        self._starts: deque[float] = deque(maxlen=MOST_STARTS)  # time.monotonic()
        self._is_closed = False
        self._begin()

    # ------------------------------------------------------------------ the process

    def _begin(self) -> None:
        """Start an engine, and let it have all that the one before has not answered. Raises EngineDied."""
        now = time.monotonic()
        if len(self._starts) == MOST_STARTS and now - self._starts[0] < RESTART_SECONDS:
            raise EngineDied
        self._starts.append(now)
        settings, log_level, finish_jobs = self._configuration
        try:
            self._process = EngineProcess(self._start.command)
        except OSError as error:
            raise EngineDied.because(error) from error
        self._decoder = Decoder()
        self._fresh = set()
        unanswered = [*self._replies.values()]
        self._open = self._said(
            "open",
            version=VERSION,
            owner=self._start.owner,
            store=str(self._start.store),
            patience=self._start.patience,
            settings=settings_to_data(settings),
            converter=[*self._start.converter],
            previews=self._start.previews,
            log=str(self._start.log),
            log_level=log_level,
            finish_jobs=finish_jobs,
            waits=waits(),
        )
        self._process.send(self._open.data)
        for reply in unanswered:
            reply.is_repeated = True
            self._process.send(reply.data)

    @property
    def pid(self) -> int:
        """The process id of the engine; 0 where none runs."""
        return self._process.pid if self._process is not None else 0

    def close(self, patience: float = 0.0) -> None:
        """Let the engine end; jobs go on with the next one. patience: seconds to wait until it has."""
        if self._process is not None and not self._is_closed:
            self._process.send(self._said("bye").data)
            self._process.close(patience)
        self._is_closed = True

    def configure(self, settings: Settings, log_level: str, finish_jobs: bool) -> None:
        """Use other settings from now on; what waited for a key, an address or the network is tried again."""
        configuration = (settings, log_level, finish_jobs)
        if configuration != self._configuration:
            self._configuration = configuration
            self.ask(
                "configure",
                settings=settings_to_data(settings),
                log_level=log_level,
                finish_jobs=finish_jobs,
            )

    # ------------------------------------------------------------------ calls

    def ask(self, verb: str, **arguments: Any) -> Reply:
        """Call for something, and do not wait; the answer is there when `Reply.is_there`.

        After `close` the answer is EngineDied: work in slices may outlive the engine that it was begun for.
        """
        reply = self._said(verb, **arguments)
        if self._is_closed:
            reply.error, reply.is_there = EngineDied(), True
            return reply
        self._replies[reply.number] = reply
        if self._process is not None:
            self._process.send(reply.data)
        return reply

    def _said(self, verb: str, **arguments: Any) -> Reply:
        self._number += 1
        return Reply(self._number, encoded({"call": self._number, "verb": verb, "arguments": arguments}))

    def call(self, verb: str, **arguments: Any) -> Any:
        """Call for something and wait for the answer. Raises what the engine did, and EngineDied."""
        return self.answer(self.ask(verb, **arguments))

    def answer(self, reply: Reply, patience: float = 0.0) -> Any:
        """Wait for the answer to a call, for `patience` seconds (0 = PATIENCE). Raises as `call`."""
        self._wait_until(lambda: reply.is_there, patience or PATIENCE)
        return reply.value()

    def _wait_until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        end = time.monotonic() + patience
        while not condition():
            if self._is_closed or time.monotonic() > end:
                raise EngineDied
            try:
                self.pump()
            except LedgerError:
                if not condition():
                    raise
            if not condition() and self._process is not None:
                self._process.wait(0.02)

    def pump(self, seconds: float = 0.0) -> None:
        """Take in what has come, without waiting; for at most `seconds` (0 = all).

        Raises LedgerError where the engine could not begin; it is started again the next time.
        """
        if self._is_closed:
            return
        if self._process is None:
            self._begin()
        assert self._process is not None
        self._process.flush()
        end = time.monotonic() + seconds
        while data := self._process.receive():
            try:
                for said in self._decoder.feed(data):
                    self._take(said)
            except ProtocolError:
                LOGGER.exception("engine")
                self._process.kill()
                self._lost()
                return
            if self._refusal is not None:
                self._refused(self._refusal)
            if seconds and time.monotonic() > end:
                return
        if data is None:
            self._lost()

    def _lost(self) -> None:
        """The engine has ended; the next one is started at once. Raises EngineDied."""
        assert self._process is not None
        self._process.close(LAST_SECONDS)
        self._process = None
        LOGGER.warning("the engine process has ended, and is started again")
        self._begin()

    def _refused(self, error: Exception) -> None:
        """The engine has said why it cannot begin, and ends: so it is with all that it was asked for."""
        for reply in self._replies.values():
            reply.error, reply.is_there = error, True
        self._replies.clear()
        self._starts.clear()
        assert self._process is not None
        self._process.close(LAST_SECONDS)
        self._process = self._refusal = None
        raise error

    # ------------------------------------------------------------------ what the engine says

    def _take(self, said: dict[str, Any]) -> None:
        if "jobs" in said:
            for data, active, owned in said["jobs"]:
                self._know(job_from_data(data), active, owned)
        if "removed" in said:
            for token in said["removed"]:
                self._forget(token)
        if "loaded" in said:
            self._loaded(said["older"])
        if "status" in said:
            self._notice = problem_from_data(said["status"]["notice"])
            self.recovery_problem = problem_from_data(said["status"]["recovery_problem"])
        if "call" in said:
            self._answered(said)

    def _know(self, job: Job, active: bool, owned: bool) -> None:
        token = job.token
        before = self._jobs.get(token)
        for tokens, is_in in ((self._active, active), (self._owned, owned)):
            (tokens.add if is_in else tokens.discard)(token)
        if job.run.run_seconds and (before is None or before.run.run_seconds != job.run.run_seconds):
            self._run_times.learn(job.request.service, job.request.kind, job.run.run_seconds)
        self._jobs[token] = job
        if self._fresh is not None:
            self._fresh.add(token)
        if self._is_loaded:
            self._events.append(job)

    def _forget(self, token: str) -> None:
        self._active.discard(token)
        self._owned.discard(token)
        job = self._jobs.pop(token, None)
        if job is not None:
            self._events.append(job)

    def _loaded(self, older: int) -> None:
        """All that the engine has to tell at its start has been told; what another one knew may be gone."""
        if self._is_loaded:
            known = {token for token, job in self._jobs.items() if not job.final}
            for token in known - (self._fresh or set()):
                self._forget(token)
        self.older = older
        # A job that waits since long ago, or that a search has found, is none of the newest.
        newest = [job for job in map(self._jobs.get, self._fresh or ()) if job is not None and job.final]
        self._recent_from = min((job.created_at for job in newest), default=0.0)
        self._fresh = None
        self._is_loaded = True

    def _answered(self, said: dict[str, Any]) -> None:
        number = said["call"]
        opening = self._open
        is_opening = opening is not None and number == opening.number
        reply = opening if is_opening else self._replies.get(number)
        if reply is None:
            return
        if "part" in said:
            reply.parts.append(said["part"])
            return
        self._replies.pop(number, None)
        reply.result = said.get("result")
        if "error" in said:
            reply.error = error_from_data(said["error"])
        if is_opening:
            self._refusal = reply.error
        reply.is_there = True

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
    def is_loaded(self) -> bool:
        """Whether all jobs have been told; until then whoever asks for one waits for a moment."""
        return self._is_loaded

    def events(self) -> list[Job]:
        """Each job that has changed since the last time, as it was after each change."""
        events = [*self._events]
        self._events.clear()
        return events

    def _all(self) -> dict[str, Job]:
        if not self._is_loaded:
            self._wait_until(lambda: self._is_loaded)
        return self._jobs

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
        durations = self._run_times.of(job.request.service, job.request.kind)
        return polling.estimate(now - job.run.started_at, durations, job.run.progress)

    def time_left(self, job: Job) -> float | None:
        """Seconds until a running job's flow will probably have ended; None where there is no telling."""
        return self.estimate(job, time.time()).left

    def all_reported(self) -> bool:
        """Whether `events` has nothing left to report; not while the engine is changing a job. Waits."""
        self.call("sync")
        return not self._events

    def is_active(self, token: str) -> bool:
        """Whether the engine goes on with a job by itself; if not, it is over, or the user has to act."""
        return token in self._active

    def owns(self, token: str) -> bool:
        """Whether an unfinished job is this Blender's, and no other's, also while it waits."""
        return token in self._owned

    def folder(self, token: str) -> Path:
        """The folder that holds a job's files (it may not exist yet)."""
        return self._configuration[0].job_folder(token, self._jobs.get(token))

    def find(self, text: str, before: float, most: int) -> list[Job]:
        """Jobs finished long ago, which `jobs` has not: the newest `most` made before `before` (a time)."""
        return [job_from_data(data) for data in self.call("find", text=text, before=before, most=most)]

    def ask_to_find(self, text: str, most: int) -> Reply:
        """As `find`, of all that `jobs` has not, and do not wait; see `found`."""
        return self.ask("find", text=text, before=self._recent_from, most=most)

    def is_old(self, job: Job) -> bool:
        """Whether a job was finished so long ago that only a search finds it."""
        return job.final and job.created_at < self._recent_from

    def found(self, reply: Reply) -> None:
        """Let `jobs` have what `ask_to_find` has found, which is there by now."""
        for data in reply.result or ():
            job = job_from_data(data)
            if job.token not in self._jobs:
                self._jobs[job.token] = job
                self._events.append(job)

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
            taken = self.answer(reply)
        except EngineDied:
            if reply.is_there or self._is_closed:
                raise
            self._kill()
            try:
                taken = self.answer(reply)
            except EngineDied:
                self._replies.pop(reply.number, None)
                self._kill()
                raise
        return [job_from_data(data) for data in taken]

    def _kill(self) -> None:
        """End an engine that does not answer; the next call starts another one."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def recover(self, flow_id: str, destination: Destination) -> Job:
        """Adopt a flow as a new job; see `adopted_job`."""
        return self.submit(adopted_job(flow_id, self._configuration[0].base_url, destination))

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
        self._jobs.pop(token, None)

    def delete_files(self, tokens: Collection[str]) -> None:
        """See `Engine.delete_files`."""
        if tokens:
            self.ask("delete_files", tokens=[*tokens])


def waits() -> dict[str, Any]:
    """How long this process would wait for what, which the engine process does as well."""
    return {
        "back_off": limits.BACK_OFF._asdict(),
        "limits": {name: value for name, value in vars(limits).items() if _is_number(name, value)},
        "polling": {name: value for name, value in vars(polling).items() if _is_number(name, value)},
    }


def _is_number(name: str, value: object) -> bool:
    return name.isupper() and isinstance(value, int | float)


class LogHandler(logging.Handler):
    """Has the engine write what Blender's side logs; until there is one, the last lines are kept."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[tuple[int, str]] = deque(maxlen=MOST_LINES)
        self._client: EngineClient | None = None

    def use(self, client: EngineClient | None) -> None:
        """Write through this client from now on."""
        self._client = client
        while client is not None and self._lines:
            self._put(client, *self._lines.popleft())

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record on."""
        line = (record.levelno, self.format(record))
        if self._client is None:
            self._lines.append(line)
        else:
            self._put(self._client, *line)

    def _put(self, client: EngineClient, level: int, text: str) -> None:
        client.ask("log", level=level, text=text)
