# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that no store knows any more: found again by their folders here and their flows at the service.

A job's folder has the job's token as its name and holds what was asked for, and which flow that became; a
flow has the token in its `additional` (contract, 4.3). Either may be missing: the folder's word may not have
been written, the list may be half a list (V21). Nothing here starts a flow, and results are held for the user
to import.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..api import Flow, FlowsClient, FlowsError, MethodNotAllowed, NotFound
from ..api.models import as_object
from . import limits
from .adoption import NAME
from .clients import Clients
from .errors import folder_unusable
from .job_folder import JobFolder
from .job_parts import Request, Result
from .model import Job
from .part import Part
from .problem import Problem
from .registry import JobRegistry
from .scheduler import Scheduler
from .settings import Settings
from .step import Step
from .steps import CLIENT_NAME
from .store import JobStore
from .store_errors import AlreadyThere, LedgerError

PERHAPS = "perhaps"
"""`placed_in` of a job whose result may stand in any file: the object there tells, by its token."""

WITHOUT_RESULT = ("failed", "aborting", "aborted")
"""States of flows that have no result, or not all of it."""

_TOKEN = re.compile(r"[0-9a-f]{32}")


class Recovery(Part):
    """Looks for the jobs of a store before this one, once, until the service and the results folder answer.

    report: is told how many were found. `problem` says why that failed when it was tried last, or None.
    """

    def __init__(
        self,
        registry: JobRegistry,
        store: JobStore,
        scheduler: Scheduler,
        settings: Callable[[], Settings],
        clients: Clients,
        report: Callable[[int], None],
        closing: threading.Event,
    ) -> None:
        super().__init__(closing)
        self.problem: Problem | None = None
        self._registry = registry
        self._store = store
        self._scheduler = scheduler
        self._settings = settings
        self._clients = clients
        self._report = report
        self._needed = not store.recovery_done  # which may fail, as long as there is no thread yet

    def start(self) -> None:
        """Look for lost jobs where that has not been done."""
        if self._needed:
            self.run("recovery", self._run)

    def _run(self) -> None:
        while not self.closing.is_set():
            try:
                found = self._restore_jobs(self._settings())
                self._store.mark_recovery_done()
            except (FlowsError, LedgerError, OSError) as error:
                self.problem = _problem_of(error)
                self.closing.wait(limits.SEARCH_SECONDS)
                continue
            if found:
                self._report(found)
            return

    def _restore_jobs(self, settings: Settings) -> int:
        """Add the jobs that have a folder, but no row in the store; returns how many."""
        there = job_tokens(settings.folder)
        known = {job.token for job in self._store.jobs()}  # asked after that: one may just be submitted
        lost = [token for token in there if token not in known]
        if not lost:
            return 0
        client = self._clients.of_this_thread(settings.base_url, settings)
        flows = remote_flows_by_token(client)
        count = 0
        for token in lost:
            folder = settings.folder / token
            remote = furthest_flow(client, folder, flows.get(token))
            job = rebuild_job(folder, token, remote, settings.base_url, time.time())
            if job is None:
                continue
            with self._registry.lock:
                try:
                    self._registry.add([job], is_new=False)
                except AlreadyThere:
                    continue  # another process searches, too
                count += 1
                self._scheduler.start_queued_jobs()
        return count


def _problem_of(error: FlowsError | LedgerError | OSError) -> Problem:
    """What an error of the search for lost jobs means to the user."""
    if isinstance(error, LedgerError):
        return error.problem
    if isinstance(error, OSError):
        error = folder_unusable(error)
    return Problem.of(error)


class RemoteFlow(NamedTuple):
    """A flow that was made for a job, and which attempt of the job it was."""

    flow: Flow
    attempt: int

    @property
    def rank(self) -> tuple[int, int, bool]:
        """The larger, the further it went: one that has a result or may get one, the last attempt, the end.

        A create whose answer was lost leaves a flow that never runs, whichever the service lists first; so
        does an attempt that was not begun in earnest.
        """
        state = self.flow.state
        result = 0 if state == "created" else 1 if state in WITHOUT_RESULT else 2
        return result, self.attempt, state == "completed"


def append_request(folder: Path, job: Job) -> None:
    """Add to a job's folder what was asked for, and which flow it is; without it names and places are lost.

    Each time it is a line of its own: one that a crash cuts off takes no other along.
    """
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with JobFolder(folder).request.open("a", encoding="utf-8") as file:
            file.write(f"\n{job.to_json()}")


def recorded_flow(folder: Path) -> str:
    """The id of the flow that a job's folder says was made for the job; "" for none."""
    asked = _read_request(folder)
    return asked.run.flow_id if asked is not None else ""


def job_tokens(folder: Path) -> list[str]:
    """The tokens of the jobs that have a folder in `folder`. Raises OSError where it is out of reach."""
    if not folder.exists() and folder.parent.is_dir():  # else a drive is missing, and not the folder
        return []
    return [item.name for item in _folders(folder) if not JobFolder(item).removed.exists()]


def removed_folders(folder: Path) -> list[Path]:
    """The folders in `folder` of jobs that were removed. Raises OSError."""
    return [item for item in _folders(folder) if JobFolder(item).removed.exists()] if folder.is_dir() else []


def _folders(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if _TOKEN.fullmatch(item.name) and item.is_dir()]


def remote_flows_by_token(client: FlowsClient) -> dict[str, RemoteFlow]:
    """The flow of each job that went furthest of those that the service lists, by token.

    Empty where it has no list. Raises the classes of CallFailed.
    """
    found: dict[str, RemoteFlow] = {}
    try:
        flows = client.flows()
    except (NotFound, MethodNotAllowed) as error:
        if not error.own_word:  # a gateway's, for a moment; what is not found now is not looked for again
            raise
        return found
    for flow in flows:
        additional = as_object(flow.additional)
        token, _, attempt = str(additional.get("token", "")).rpartition(".")
        if additional.get("client") != CLIENT_NAME or not attempt.isdecimal() or len(attempt) > 9:
            continue
        remote = RemoteFlow(flow, int(attempt))
        if token not in found or found[token].rank < remote.rank:
            found[token] = remote
    return found


def furthest_flow(client: FlowsClient, folder: Path, listed: RemoteFlow | None) -> RemoteFlow | None:
    """The flow that went furthest of a job with this folder: `listed`, or the one that the folder names.

    Raises the classes of CallFailed.
    """
    asked = _read_request(folder)
    if asked is None or not asked.run.flow_id or (listed and listed.flow.flow_id == asked.run.flow_id):
        return listed
    try:
        noted = RemoteFlow(client.flow(asked.run.flow_id), asked.run.attempt)
    except NotFound as error:
        if not error.own_word:
            raise
        return listed
    return noted if listed is None else max(listed, noted, key=lambda remote: remote.rank)


def rebuild_job(folder: Path, token: str, remote: RemoteFlow | None, service: str, now: float) -> Job | None:
    """The job whose folder is `folder`, as it can be carried on; None where there is nothing to carry on.

    remote: its flow, if the service knows one. service: where that is. now: seconds since the epoch.
    """
    asked = _read_request(folder) or Job(
        Request(service=service, template="", name=NAME), token=token, created_at=now
    )
    asked = asked.changed(token=token, adopted=True, needs_manual_import=True, placed_in=PERHAPS)
    if remote is not None and remote.flow.state != "created":
        flow_id = remote.flow.flow_id
        return asked.changed(
            step=Step.ADOPTED, service=service, flow_id=flow_id, attempt=remote.attempt, queued=True
        )
    results = [
        Result(str(glb), str(blend) if (blend := glb.with_suffix(".blend")).exists() else "")
        for glb in JobFolder(folder).results()
    ]
    if not results:
        return None
    return asked.changed(step=Step.READY, results=tuple(results), queued=False, finished_at=now)


def _read_request(folder: Path) -> Job | None:
    """What the folder of a job says of it: the last line that can be read."""
    try:
        lines = JobFolder(folder).request.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError, KeyError, TypeError):
            return Job.from_json(line)
    return None
