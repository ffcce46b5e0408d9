# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as people read them: one line each, or a page about one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..api import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL
from ..core.destination import OutputFile
from ..core.durations import clock
from ..jobs import STATES, Job
from .job_directory import JobDirectory
from .outputs import display_path
from .report import shortened

SHORT = 8  # characters of an id that lists show
LONGEST_INPUT = 32  # characters of an input that lists show

KINDS = {TEXT_TO_MODEL: "generate", IMAGE_TO_MODEL: "generate", OPTIMIZE: "optimize"}
"""What commands call the templates."""

HEAD = ("id", "created", "state", "kind", "input", "time", "output")


def job_table(jobs: Sequence[Job], directory: JobDirectory) -> list[str]:
    """A line for each job, under a head; none where there are no jobs."""
    if not jobs:
        return []
    rows = [HEAD, *(_row(job, directory) for job in jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _row(job: Job, directory: JobDirectory) -> tuple[str, ...]:
    reason = f" ({job.status.problem.message})" if job.status.problem else ""
    return (
        job.token[:SHORT],
        _moment(job.created_at)[:-3],
        STATES[job.state].label,
        KINDS.get(job.request.template, job.request.template),
        shortened(_input(job, directory), LONGEST_INPUT),
        _time(job),
        f"{_output(job, directory)}{reason}",
    )


def job_page(job: Job, directory: JobDirectory) -> str:
    """All that people want to know about a job."""
    lines = [job.request.name]
    lines += [f"  {name:<11}{value}" for name, value in _facts(job, directory) if value]
    return "\n".join(lines)


def _facts(job: Job, directory: JobDirectory) -> Iterator[tuple[str, str]]:
    yield "id", job.token
    yield (
        "state",
        STATES[job.state].label
        + (f", {job.run.progress:.0%}" if job.run.progress and not job.finished else ""),
    )
    if job.status.problem is not None:
        yield "problem", job.status.problem.message
        yield "to do", job.status.problem.fix
    yield "kind", f"{KINDS.get(job.request.template, job.request.template)} ({job.request.template})"
    yield "input", _input(job, directory)
    yield "asked for", ", ".join(f"{name} {value}" for name, value in job.request.parameters.items())
    yield "output", _output(job, directory)
    for file in job.placement.delivered:
        yield "written", f"{display_path(directory.output_path(file.path))}, {file.size:,} bytes"
    yield "created", _moment(job.created_at)
    yield (
        "time",
        _time(job) + (f", of which the flow ran {clock(job.run.run_seconds)}" if job.run.run_seconds else ""),
    )
    yield "attempt", str(job.run.attempt) if job.run.attempt > 1 else ""
    yield "flow", f"{job.run.flow_id} {job.run.flow_state}".strip()
    yield "service", job.request.service


def _input(job: Job, directory: JobDirectory) -> str:
    """The prompt, or the file that was asked for, as the user would write it."""
    path = job.request.picture or job.request.source or job.request.input_path
    if job.request.prompt or not path:
        return job.request.prompt
    return display_path(Path(os.path.normpath(directory.results / job.token / path)))


def _output(job: Job, directory: JobDirectory) -> str:
    destination = job.request.destination
    return (
        display_path(directory.output_path(destination.path))
        if isinstance(destination, OutputFile)
        else job.request.name
    )


def _time(job: Job) -> str:
    """How long it took, or has taken by now."""
    return clock((job.status.finished_at or time.time()) - (job.run.begun_at or job.created_at))


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
