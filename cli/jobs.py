# SPDX-License-Identifier: GPL-3.0-or-later
"""The `jobs` command: lists, shows, resumes, cancels, and deletes jobs."""

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
from .job_directory import Host, JobDirectory
from .job_pages import job_page, job_table
from .lists import UsageError
from .outputs import display_path
from .report import report_for, write
from .store_access import open_store, retry_while_busy

BUSY_SECONDS = 5.0
"""How long an action that needs no service waits for a store that another process holds."""


def run_action(
    host: Host, directory: JobDirectory, options: argparse.Namespace, interrupted: threading.Event
) -> int:
    """Do what `options` ask with the jobs in `home`; returns the exit code."""
    patience = 60.0 * options.patience if options.action == "resume" else BUSY_SECONDS
    known = retry_while_busy(
        lambda: _stored_jobs(directory),
        patience,
        interrupted,
        report_for(sys.stdout, 0, options.json).show_message,
    )
    named = [_find(known, word) for word in getattr(options, "id", [])]
    match options.action:
        case "list":
            _list(known, directory, options.json)
            return SUCCESS
        case "show":
            for job in named:
                _write(_job_json(job) if options.json else job_page(job, directory))
            return SUCCESS
        case "delete":
            if options.finished:
                named += [job for job in known if job.state is State.DONE and job not in named]
            elif not named:
                raise UsageError("name the jobs to delete, or add --finished")
            others = [job for job in known if job not in named]
            return _delete(host, directory, named, others, options)
        case "resume":
            todo = named or [job for job in known if not job.finished or _undelivered(job)]
            return _resume(host, directory, todo, options, interrupted)
        case _:
            return _cancel(host, directory, named, options, interrupted)


def _stored_jobs(directory: JobDirectory) -> list[Job]:
    with closing(open_store(directory)) as store:
        return store.jobs()


def _find(jobs: Sequence[Job], word: str) -> Job:
    found = [job for job in jobs if job.token.startswith(word)]
    if len(found) != 1:
        raise UsageError(f"{'no job' if not found else 'more than one job'} begins with {word}")
    return found[0]


def _list(jobs: Sequence[Job], directory: JobDirectory, as_json: bool) -> None:
    for line in [_job_json(job) for job in jobs] if as_json else job_table(jobs, directory):
        _write(line)


def _job_json(job: Job) -> str:
    """Return a job as JSON: its fields in the store, with its state and problem in words."""
    problem = asdict(job.status.problem) if job.status.problem else None
    return json.dumps({**job.to_fields(), "problem": problem, "state": STATES[job.state].label})


def _resume(
    host: Host,
    directory: JobDirectory,
    todo: Sequence[Job],
    options: argparse.Namespace,
    interrupted: threading.Event,
) -> int:
    report = report_for(sys.stdout, len(todo), options.json, options.quiet)
    named = bool(options.id)
    converter = None
    if any(map(_needs_blender, todo)):
        with suppress(NoChildBlender):
            converter = host.converter()
    with Batch(
        host,
        directory,
        report,
        concurrent_jobs=options.jobs,
        patience=options.patience * 60.0,
        interrupted=interrupted,
        converter=converter,
        force=options.force,
    ) as batch:
        return batch.run([batch.resume_task(job, allow_rerun=named) for job in todo], _advice)


def _needs_blender(job: Job) -> bool:
    """Whether the job needs Blender, to convert a file or to bake maps."""
    destination = job.request.destination
    return bool(job.request.source) or (
        isinstance(destination, OutputFile) and (destination.path.endswith(".blend") or destination.bake > 0)
    )


def _undelivered(job: Job) -> bool:
    """Whether the job is finished, but its output is not written yet."""
    return job.state is State.READY and isinstance(job.request.destination, OutputFile)


def _advice(code: int) -> str:
    """Return what the user can do after `resume` has ended with `code`."""
    if code == SOME_FAILED:
        return "Name a failed job, `jobs resume ID`, to try it again."
    return "" if code in (SUCCESS, USAGE) else "Run the same command again to continue."


def _cancel(
    host: Host,
    directory: JobDirectory,
    todo: Sequence[Job],
    options: argparse.Namespace,
    interrupted: threading.Event,
) -> int:
    report = report_for(sys.stdout, len(todo), options.json)
    code = SUCCESS
    with Batch(
        host, directory, report, concurrent_jobs=len(todo), patience=TAKEOVER_SECONDS, interrupted=interrupted
    ) as batch:
        for job in todo:
            reason = batch.cancel(job.token)
            report.show_message(f"{job.request.name}: {reason or 'canceled.'}")
            code = SOME_FAILED if reason else code
    return code


def _delete(
    host: Host,
    directory: JobDirectory,
    todo: Sequence[Job],
    others: Sequence[Job],
    options: argparse.Namespace,
) -> int:
    """Delete the jobs `todo`, but for those whose models the jobs `others`, which stay, still need."""
    report = report_for(sys.stdout, len(todo), options.json)
    code, owner = SUCCESS, new_owner()
    remove_orphans(directory.results)
    unplaced = (job for job in others if job.status.step is not Step.PLACED)
    needed = {Path(job.request.input_path).parent.name for job in unplaced}
    with closing(open_store(directory)) as store:
        for listed in todo:
            job = store.job(listed.token)  # Read it again: with many jobs it may have changed meanwhile.
            if job is None:
                continue
            if job.token in needed:
                report.show_message(f"{job.request.name}: another job still needs its model.")
                code = SOME_FAILED
                continue
            if not job.finished:
                report.show_message(f"{job.request.name}: it is not finished. Cancel it first.")
                code = SOME_FAILED
                continue
            if options.at_service and job.run.flow_id:
                with host.client(job.request.service) as client, suppress(NotFound):
                    client.delete_flow(job.run.flow_id)
            if not store.remove(job.token):  # Another process has just restarted it.
                report.show_message(f"{job.request.name}: it is not finished. Cancel it first.")
                code = SOME_FAILED
                continue
            folder = directory.results / job.token
            if delete_files(folder, owner):
                report.show_message(f"{job.request.name}: deleted.")
            else:
                path = display_path(folder)
                rest = f"Another program has files open in {path}; the next command deletes them."
                report.show_message(f"{job.request.name}: deleted. {rest}")
    return code


def _write(line: str) -> None:
    write(sys.stdout, line + "\n")
