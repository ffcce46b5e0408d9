# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command would send, and how many flows it would run, without sending anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from ..api import GLB_MIME, FlowsError, check_sendable
from ..jobs import STATES, Job, Problem, Step
from .exit_codes import SOME_FAILED, SUCCESS, words_of
from .items import Item, optimizing, wish_of
from .job_directory import Home, Host
from .ledger import opened
from .outputs import display
from .report import write


class Plan(NamedTuple):
    """What would become of one item.

    item: its output, as the user would write it. job: of the item, None where it cannot be sent. source: the
    file to send, "" where it is a prompt; bytes: of that. flows: how many would run. state: of the job that
    is there already, or "". problem: why it cannot be sent, or None.
    """

    item: str
    job: Job | None = None
    source: str = ""
    bytes: int = 0
    flows: int = 0
    state: str = ""
    problem: Problem | None = None

    def sentence(self) -> str:
        """The plan in one line."""
        if self.job is None:
            assert self.problem is not None
            reason = words_of(self.problem)
            return f"{self.source or self.item}: cannot be sent ({reason})"
        sent = f"{self.source}, {self.bytes:,} bytes" if self.source else f'"{self.job.request.prompt}"'
        options = "".join(f", {name} {value}" for name, value in self.job.request.parameters.items())
        flows = "no flow" if self.flows == 0 else "1 flow" if self.flows == 1 else f"{self.flows} flows"
        there = f" (it has a job already: {self.state})" if self.state else ""
        return f"{self.item}: {sent} to {self.job.request.template}{options}: {flows}{there}"

    def to_data(self) -> dict[str, Any]:
        """The plan as JSON can say it."""
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


def tell(host: Host, home: Home, items: Sequence[Item], as_json: bool) -> int:
    """Print what would become of each item, and return the exit code. Raises LedgerError."""
    known: dict[str, Job] = {}
    if home.ledger.exists():
        with closing(opened(home)) as ledger:
            known = {job.token: job for job in ledger.jobs()}
    wishes = {wish: job for job in known.values() if (wish := wish_of(job, home))}
    flows = failed = 0
    for item in items:
        plan = _plan(item, host.service, home, known, wishes)
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
    item: Item, service: str, home: Home, known: Mapping[str, Job], wishes: Mapping[Hashable, Job]
) -> Plan:
    name = display(item.output)
    try:
        job = item.job(service, home)
        if item.source is not None and job.request.input_mime == GLB_MIME:
            check_sendable(item.source)
        size = item.source.stat().st_size if item.source is not None else 0
    except FlowsError as error:
        return Plan(name, source=display(item.source) if item.source else "", problem=Problem.of(error))
    there = known.get(job.token) or wishes.get(wish_of(job, home))
    flows = _flows(there)
    last = there
    if item.optimize is not None:
        following = known.get(optimizing(there or job, "").token)
        flows += _flows(following)
        last = following or there
    source = display(item.source) if item.source is not None else ""
    return Plan(name, job, source, size, flows, STATES[last.state].label if last else "")


def _flows(job: Job | None) -> int:
    """How many flows going on with a job would run; None = there is no job yet."""
    if job is None:
        return 1
    if job.status.step in (Step.FAILED, Step.CANCELLED):
        return 0 if job.result_may_exist else 1
    return 0 if job.finished or job.run.flow_id else 1
