# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that no ledger knows any more: found again by their folders here and their flows at the service.

A job's folder has the job's token as its name and holds what was asked for; a flow has the token in its
`additional` (contract, 4.3). Nothing here starts a flow, and results are held for the user to import.
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
"""Name of the file in a job's folder that says what was asked for."""

REMOVED = "removed"
"""Name of the file in the folder of a job that was removed, which says whose pictures are still in it."""

NAME = "Recovered Model"
"""What a job is called about which nothing else is known."""

PERHAPS = "perhaps"
"""`placed_in` of a job whose result may stand in any file: the object there tells, by its token."""

_TOKEN = re.compile(r"[0-9a-f]{32}")


class Trace(NamedTuple):
    """A flow that was made for a job, and which attempt of the job it was."""

    flow: Flow
    attempt: int


def keep_request(folder: Path, job: Job) -> None:
    """Write into a job's folder what was asked for; without it only names and places are lost."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REQUEST).write_text(job.to_json(), encoding="utf-8")


def tokens(folder: Path) -> list[str]:
    """The tokens of the jobs that have a folder in `folder`. Raises OSError."""
    if not folder.is_dir():
        return []
    return [item.name for item in _folders(folder) if not (item / REMOVED).exists()]


def removed(folder: Path) -> list[Path]:
    """The folders in `folder` of jobs that were removed. Raises OSError."""
    return [item for item in _folders(folder) if (item / REMOVED).exists()] if folder.is_dir() else []


def _folders(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if _TOKEN.fullmatch(item.name) and item.is_dir()]


def traces(client: FlowsClient) -> dict[str, Trace]:
    """The last flow of each job that the service lists, by token; empty where it has no list.

    Raises the classes of CallFailed.
    """
    found: dict[str, Trace] = {}
    try:
        flows = client.flows()
    except (NotFound, MethodNotAllowed):
        return found
    for flow in flows:
        additional = as_object(flow.additional)
        token, _, attempt = str(additional.get("token", "")).rpartition(".")
        if additional.get("client") != CLIENT_NAME or not attempt.isdecimal() or len(attempt) > 9:
            continue
        if token not in found or found[token].attempt < int(attempt):
            found[token] = Trace(flow, int(attempt))
    return found


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
    with suppress(OSError, ValueError, KeyError, TypeError):
        return Job.from_json((folder / REQUEST).read_text(encoding="utf-8"))
    return None
