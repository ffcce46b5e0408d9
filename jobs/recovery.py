# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that no ledger knows any more: found again by their folders here and their flows at the service.

A job's folder has the job's token as its name and holds what was asked for, and which flow that became; a
flow has the token in its `additional` (contract, 4.3). Either may be missing: the folder's word may not have
been written, the list may be half a list (V21). Nothing here starts a flow, and results are held for the user
to import.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..api import Flow, FlowsClient, MethodNotAllowed, NotFound
from ..api.models import as_object
from .model import Job, Result, Step
from .steps import CLIENT_NAME, RESULT_PREFIX

REQUEST = "request.json"
"""Name of the file in a job's folder that says what was asked for, as a JSON document in each line."""

REMOVED = "removed"
"""Name of the file in the folder of a job that was removed, which says whose pictures are still in it."""

NAME = "Recovered Model"
"""What a job is called about which nothing else is known."""

PERHAPS = "perhaps"
"""`placed_in` of a job whose result may stand in any file: the object there tells, by its token."""

WITHOUT_RESULT = ("failed", "aborting", "aborted")
"""States of flows that have no result, or not all of it."""

_TOKEN = re.compile(r"[0-9a-f]{32}")


class Trace(NamedTuple):
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


def keep_request(folder: Path, job: Job) -> None:
    """Add to a job's folder what was asked for, and which flow it is; without it names and places are lost.

    Each time it is a line of its own: one that a crash cuts off takes no other along.
    """
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / REQUEST).open("a", encoding="utf-8") as file:
            file.write(f"\n{job.to_json()}")


def noted_flow(folder: Path) -> str:
    """The id of the flow that a job's folder says was made for the job; "" for none."""
    asked = _asked(folder)
    return asked.flow_id if asked is not None else ""


def tokens(folder: Path) -> list[str]:
    """The tokens of the jobs that have a folder in `folder`. Raises OSError where it is out of reach."""
    if not folder.exists() and folder.parent.is_dir():  # else a drive is missing, and not the folder
        return []
    return [item.name for item in _folders(folder) if not (item / REMOVED).exists()]


def removed(folder: Path) -> list[Path]:
    """The folders in `folder` of jobs that were removed. Raises OSError."""
    return [item for item in _folders(folder) if (item / REMOVED).exists()] if folder.is_dir() else []


def _folders(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if _TOKEN.fullmatch(item.name) and item.is_dir()]


def traces(client: FlowsClient) -> dict[str, Trace]:
    """The flow of each job that went furthest of those that the service lists, by token.

    Empty where it has no list. Raises the classes of CallFailed.
    """
    found: dict[str, Trace] = {}
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
        trace = Trace(flow, int(attempt))
        if token not in found or found[token].rank < trace.rank:
            found[token] = trace
    return found


def trace_of(client: FlowsClient, folder: Path, listed: Trace | None) -> Trace | None:
    """The flow that went furthest of a job with this folder: `listed`, or the one that the folder names.

    Raises the classes of CallFailed.
    """
    asked = _asked(folder)
    if asked is None or not asked.flow_id or (listed and listed.flow.flow_id == asked.flow_id):
        return listed
    try:
        noted = Trace(client.flow(asked.flow_id), asked.attempt)
    except NotFound as error:
        if not error.own_word:
            raise
        return listed
    return noted if listed is None else max(listed, noted, key=lambda trace: trace.rank)


def rebuilt(folder: Path, token: str, trace: Trace | None, service: str, now: float) -> Job | None:
    """The job whose folder is `folder`, as it can be carried on; None where there is nothing to carry on.

    trace: its flow, if the service knows one. service: where that is. now: seconds since the epoch.
    """
    asked = _asked(folder) or Job(service=service, template="", name=NAME, token=token, created_at=now)
    asked = replace(asked, token=token, adopted=True, hold=True, placed_in=PERHAPS)
    if trace is not None and trace.flow.state != "created":
        flow_id = trace.flow.flow_id
        return replace(
            asked, step=Step.ADOPTED, service=service, flow_id=flow_id, attempt=trace.attempt, queued=True
        )
    results = [
        Result(str(glb), str(blend) if (blend := glb.with_suffix(".blend")).exists() else "")
        for glb in sorted(folder.glob(f"{RESULT_PREFIX}*.glb"))
    ]
    if not results:
        return None
    return replace(asked, step=Step.READY, results=tuple(results), queued=False, finished_at=now)


def _asked(folder: Path) -> Job | None:
    """What the folder of a job says of it: the last line that can be read."""
    try:
        lines = (folder / REQUEST).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError, KeyError, TypeError):
            return Job.from_json(line)
    return None
