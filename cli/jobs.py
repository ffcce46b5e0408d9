# SPDX-License-Identifier: GPL-3.0-or-later
"""The `jobs` command: see what became of jobs, go on with them, stop or forget them."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

from ..api import NotFound
from ..core.destination import OutputFile
from ..core.errors import NoChildBlender
from ..jobs import STATES, Job, State, Step
from ..jobs.cleanup import delete_files, remove_orphans
from ..jobs.limits import TAKEOVER_SECONDS
from ..jobs.process_id import new_owner
from .batch import Batch
from .exit_codes import SOME_FAILED, SUCCESS, USAGE
from .job_directory import Home, Host
from .job_pages import listing, page
from .ledger import opened, patiently
from .lists import UsageError
from .outputs import display
from .report import report_for, write

BUSY_SECONDS = 5.0
"""What needs no service waits for so long for who holds the ledger."""


def act(host: Host, home: Home, options: argparse.Namespace, interrupted: threading.Event) -> int:
    """Do what `options` ask with the jobs in `home`; returns the exit code."""
    patience = 60.0 * options.patience if options.action == "resume" else BUSY_SECONDS
    known = patiently(
        lambda: _known(home), patience, interrupted, report_for(sys.stdout, 0, options.json).say
    )
    named = [_find(known, word) for word in getattr(options, "id", [])]
    match options.action:
        case "list":
            _list(known, home, options.json)
            return SUCCESS
        case "show":
            for job in named:
                _write(_data(job) if options.json else page(job, home))
            return SUCCESS
        case "delete":
            if options.finished:
                named += [job for job in known if job.state is State.DONE and job not in named]
            elif not named:
                raise UsageError("name the jobs to delete, or add --finished")
            spared = [job for job in known if job not in named]
            return _delete(host, home, named, spared, options)
        case "resume":
            todo = named or [job for job in known if not job.finished or _undelivered(job)]
            return _resume(host, home, todo, options, interrupted)
        case _:
            return _cancel(host, home, named, options, interrupted)


def _known(home: Home) -> list[Job]:
    with closing(opened(home)) as ledger:
        return ledger.jobs()


def _find(jobs: Sequence[Job], word: str) -> Job:
    found = [job for job in jobs if job.token.startswith(word)]
    if len(found) != 1:
        raise UsageError(f"{'no job' if not found else 'more than one job'} begins with {word}")
    return found[0]


def _list(jobs: Sequence[Job], home: Home, as_json: bool) -> None:
    for line in [_data(job) for job in jobs] if as_json else listing(jobs, home):
        _write(line)


def _data(job: Job) -> str:
    """A job as the store has it, as JSON, with its state and what is wrong in words."""
    problem = asdict(job.status.problem) if job.status.problem else None
    return json.dumps({**job.to_fields(), "problem": problem, "state": STATES[job.state].label})


def _resume(
    host: Host, home: Home, todo: Sequence[Job], options: argparse.Namespace, interrupted: threading.Event
) -> int:
    report = report_for(sys.stdout, len(todo), options.json, options.quiet)
    named = bool(options.id)
    converter = None
    if any(map(_needs_blender, todo)):
        with suppress(NoChildBlender):
            converter = host.converter()
    with Batch(
        host,
        home,
        report,
        at_once=options.jobs,
        patience=options.patience * 60.0,
        interrupted=interrupted,
        converter=converter,
        force=options.force,
    ) as batch:
        return batch.run([batch.resuming(job, sure=named) for job in todo], _advice)


def _needs_blender(job: Job) -> bool:
    """Whether something is to be made of, or for, a .blend, or baked."""
    where = job.request.destination
    return bool(job.request.source) or (
        isinstance(where, OutputFile) and (where.path.endswith(".blend") or where.bake > 0)
    )


def _undelivered(job: Job) -> bool:
    """Whether it is finished, and its output is still to be written."""
    return job.state is State.READY and isinstance(job.request.destination, OutputFile)


def _advice(code: int) -> str:
    """How to go on after `resume` has ended with `code`."""
    if code == SOME_FAILED:
        return "Name a failed job, `jobs resume ID`, to try it again."
    return "" if code in (SUCCESS, USAGE) else "Run the same command again to continue."


def _cancel(
    host: Host, home: Home, todo: Sequence[Job], options: argparse.Namespace, interrupted: threading.Event
) -> int:
    report = report_for(sys.stdout, len(todo), options.json)
    code = SUCCESS
    with Batch(
        host, home, report, at_once=len(todo), patience=TAKEOVER_SECONDS, interrupted=interrupted
    ) as batch:
        for job in todo:
            reason = batch.cancel(job.token)
            report.say(f"{job.request.name}: {reason or 'canceled.'}")
            code = SOME_FAILED if reason else code
    return code


def _delete(
    host: Host, home: Home, todo: Sequence[Job], spared: Sequence[Job], options: argparse.Namespace
) -> int:
    """Forget jobs; of those that are spared some may still need what others have made."""
    report = report_for(sys.stdout, len(todo), options.json)
    code, owner = SUCCESS, new_owner()
    remove_orphans(home.results)
    unplaced = (job for job in spared if job.status.step is not Step.PLACED)
    needed = {Path(job.request.input_path).parent.name for job in unplaced}
    with closing(opened(home)) as ledger:
        for known in todo:
            job = ledger.job(known.token)  # as it is by now: with many jobs this takes a while
            if job is None:
                continue
            if job.token in needed:
                report.say(f"{job.request.name}: another job still needs its model.")
                code = SOME_FAILED
                continue
            if not job.finished:
                report.say(f"{job.request.name}: it is not finished. Cancel it first.")
                code = SOME_FAILED
                continue
            if options.at_service and job.run.flow_id:
                with host.client(job.request.service) as client, suppress(NotFound):
                    client.delete_flow(job.run.flow_id)
            if not ledger.remove(job.token):  # another process has begun it anew in this moment
                report.say(f"{job.request.name}: it is not finished. Cancel it first.")
                code = SOME_FAILED
                continue
            folder = home.results / job.token
            if delete_files(folder, owner):
                report.say(f"{job.request.name}: deleted.")
            else:
                rest = f"Another program has files open in {display(folder)}; the next command deletes them."
                report.say(f"{job.request.name}: deleted. {rest}")
    return code


def _write(line: str) -> None:
    write(sys.stdout, line + "\n")
