# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a command would send, and how many flows it would run, without sending anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from ..api import GLB_MIME, FlowsError, check_sendable
from ..jobs import STATES, Job, Problem, Step
from .exit_codes import SOME_FAILED, SUCCESS, problem_text
from .items import Item, followup_of, item_key
from .job_directory import Host, JobDirectory
from .outputs import display_path
from .report import write
from .store_access import open_store


class Plan(NamedTuple):
    """What a command would do for one item.

    item: the output, as the user would write it. job: the item's job, None if it cannot be sent. source: the
    file to send, "" if the item is made from a prompt. bytes: the size of that file. flows: how many flows
    would run. state: the state of a job that exists already, or "". problem: why the item cannot be sent, or
    None.
    """

    item: str
    job: Job | None = None
    source: str = ""
    bytes: int = 0
    flows: int = 0
    state: str = ""
    problem: Problem | None = None

    def sentence(self) -> str:
        """Return the plan in one line."""
        if self.job is None:
            assert self.problem is not None
            reason = problem_text(self.problem)
            return f"{self.source or self.item}: cannot be sent ({reason})"
        sent = f"{self.source}, {self.bytes:,} bytes" if self.source else f'"{self.job.request.prompt}"'
        options = "".join(f", {name} {value}" for name, value in self.job.request.parameters.items())
        flows = "no flow" if self.flows == 0 else "1 flow" if self.flows == 1 else f"{self.flows} flows"
        there = f" (it has a job already: {self.state})" if self.state else ""
        return f"{self.item}: {sent} to {self.job.request.template}{options}: {flows}{there}"

    def to_data(self) -> dict[str, Any]:
        """Return the plan for JSON."""
        job, problem = self.job, self.problem
        return {
            "event": "plan",
            "item": self.item,
            "template": job.request.template if job else "",
            "prompt": job.request.prompt if job else "",
            "input": self.source,
            "bytes": self.bytes,
            "parameters": dict(job.request.parameters) if job else {},
            "job": job.token if job else "",
            "state": self.state,
            "flows": self.flows,
            "message": problem.message if problem else "",
            "fix": problem.fix if problem else "",
            "code": problem.code if problem else "",
        }


def print_plans(host: Host, directory: JobDirectory, items: Sequence[Item], as_json: bool) -> int:
    """Print the plan for each item, and return the exit code. Raises LedgerError."""
    jobs_by_token: dict[str, Job] = {}
    if directory.store_path.exists():
        with closing(open_store(directory)) as store:
            jobs_by_token = {job.token: job for job in store.jobs()}
    jobs_by_item = {wish: job for job in jobs_by_token.values() if (wish := item_key(job, directory))}
    flows = failed = 0
    for item in items:
        plan = _plan(item, host.service, directory, jobs_by_token, jobs_by_item)
        flows += plan.flows
        failed += plan.job is None
        write(sys.stdout, (json.dumps(plan.to_data()) if as_json else plan.sentence()) + "\n")
    total = len(items)
    if as_json:
        summary = {"event": "summary", "total": total, "flows": flows, "failed": failed}
        write(sys.stdout, json.dumps(summary) + "\n")
    else:
        cannot = f" {failed} of them cannot be sent." if failed else ""
        write(sys.stdout, f"Flows that would run for {total} models: {flows}. Nothing was sent.{cannot}\n")
    return SOME_FAILED if failed else SUCCESS


def _plan(
    item: Item,
    service: str,
    directory: JobDirectory,
    jobs_by_token: Mapping[str, Job],
    jobs_by_item: Mapping[Hashable, Job],
) -> Plan:
    name = display_path(item.output)
    try:
        job = item.job(service, directory)
        if item.source is not None and job.request.input_mime == GLB_MIME:
            check_sendable(item.source)
        size = item.source.stat().st_size if item.source is not None else 0
    except FlowsError as error:
        return Plan(name, source=display_path(item.source) if item.source else "", problem=Problem.of(error))
    existing = jobs_by_token.get(job.token) or jobs_by_item.get(item_key(job, directory))
    flows = _flows(existing)
    last = existing
    if item.optimize is not None:
        followup = jobs_by_token.get(followup_of(existing or job, "").token)
        flows += _flows(followup)
        last = followup or existing
    source = display_path(item.source) if item.source is not None else ""
    return Plan(name, job, source, size, flows, STATES[last.state].label if last else "")


def _flows(job: Job | None) -> int:
    """Return how many flows would run if the command went on with a job; None = there is no job yet."""
    if job is None:
        return 1
    if job.status.step in (Step.FAILED, Step.CANCELLED):
        return 0 if job.result_may_exist else 1
    return 0 if job.finished or job.run.flow_id else 1
