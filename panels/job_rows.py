# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be seen of the jobs: the rows that the panels draw, and the stand-ins in the scene.

The truth is the engine's; a row is written from it whenever its job has changed, and the clock is looked at
only for rows that are drawn.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import bpy

from ..i18n import translated
from ..jobs import Engine, Job, State, Step, follower_tokens, is_in_vain
from ..scene.place import place
from ..session.properties import GenerioJob, GenerioProperties, properties
from . import placeholders
from .status_bar import clock

IMPORTED_HERE = "Imported by this window, since no second Blender could be started"
FOLLOWED = "Optimized by the job that follows it"
IN_VAIN = "It was not optimized; Import has it as it was made"
SETTINGS = {
    ("quality", "low"): "low quality",
    ("quality", "high"): "high quality",
    ("texture", True): "with texture",
    ("texture", False): "without texture",
}
"""Parameters of the service, in words."""

_stale = True  # the rows must be written anew
_second = 0  # when they were looked at last
_arriving: set[str] = set()  # whose results were about to go into the open file then
_told: Mapping[str, str] = {}  # what is to be told of results, see `placing.told`


def forget() -> None:
    """The rows went with the file that had them: write all of them anew."""
    global _stale
    _stale = True


def show(
    context: bpy.types.Context,
    carrier: Engine,
    news: Mapping[str, Job],
    arriving: Collection[str],
    told: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Write what changed into the window manager's rows; returns whether a job is unfinished.

    news: the jobs that changed since the last time, by token. arriving: tokens of those whose results are
    about to go into the open file. told: what is to be told of results that are there, by token.
    """
    global _stale, _second, _arriving, _told
    _told = told
    second = int(time.time())
    seconds_passed, _second = second != _second, second
    unfinished = carrier.unfinished()
    changed = {*news, *(_arriving - {*arriving})}
    _arriving = {*arriving}
    if seconds_passed:
        changed |= _arriving  # what they wait for may change at any time
    changed |= _firsts_of(carrier, changed)
    if _stale:
        _fill_all(properties(context), carrier, arriving)
        _stale = False
    elif changed:
        _fill_some(properties(context), carrier, changed, arriving)
    elif not (seconds_passed and unfinished):
        return bool(unfinished)
    coming = [job for token in arriving if (job := carrier.job(token)) is not None]
    placeholders.show(_stand_ins([*unfinished, *coming], carrier))
    redraw(context)
    return bool(unfinished)


def _firsts_of(carrier: Engine, tokens: Collection[str]) -> set[str]:
    """The jobs that are followed by some of these."""
    following = {*tokens}
    if not following:
        return set()
    return {job.token for job in carrier.jobs() if not following.isdisjoint(follower_tokens(job))}


def _fill_all(panel: GenerioProperties, carrier: Engine, arriving: Collection[str]) -> None:
    panel.jobs.clear()
    for job in reversed(carrier.jobs()):
        _fill(panel.jobs.add(), job, arriving, carrier)


def _fill_some(
    panel: GenerioProperties, carrier: Engine, tokens: Collection[str], arriving: Collection[str]
) -> None:
    """Write the rows of these jobs; new ones come first, and the newest is chosen."""
    for token in tokens:
        if carrier.job(token) is None:  # removed by another Blender
            _drop(panel, token)
    by_token = {row.token: row for row in panel.jobs}
    jobs = [job for token in tokens if (job := carrier.job(token)) is not None]
    for job in sorted(jobs, key=lambda job: job.created_at):
        if job.token not in by_token:
            panel.jobs.add()
            panel.jobs.move(len(panel.jobs) - 1, 0)
            panel.jobs[0].token = job.token
            panel.active_job = 0
            by_token = {row.token: row for row in panel.jobs}  # each has moved
        _fill(by_token[job.token], job, arriving, carrier)


def drop(context: bpy.types.Context, carrier: Engine, token: str) -> None:
    """Take the row of a removed job away; the one that is chosen stays so, or else the one after it is."""
    panel = properties(context)
    _drop(panel, token)
    _fill_some(panel, carrier, _firsts_of(carrier, {token}), _arriving)


def _drop(panel: GenerioProperties, token: str) -> None:
    for index, row in enumerate(panel.jobs):
        if row.token == token:
            panel.jobs.remove(index)
            if index < panel.active_job or panel.active_job == len(panel.jobs) > 0:
                panel.active_job -= 1
            break


def redraw(context: bpy.types.Context) -> None:
    """Have the sidebars drawn anew."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def redraw_all(context: bpy.types.Context) -> None:
    """Have everything drawn anew, as in another language."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()


def _stand_ins(jobs: Iterable[Job], carrier: Engine) -> list[placeholders.StandIn]:
    """What is drawn for the models that are still being made for the open file."""
    now = time.time()
    return [
        placeholders.StandIn.of(
            job.token,
            job.name,
            round(_progress(job, carrier, now)[0], 2),
            job.destination,
            movable=job.finished or carrier.owns(job.token),
        )
        for job in sorted(jobs, key=lambda job: job.created_at)  # as they are numbered
        if job.destination.get("mode") in place.NEW and place.belongs_here(job.destination)
    ]


class Timing(NamedTuple):
    """elapsed: as m:ss; progress: 0..1, 0 where there is no telling; remaining: in words, or ""."""

    elapsed: str = ""
    progress: float = 0.0
    remaining: str = ""


def timing(carrier: Engine | None, token: str) -> Timing:
    """How long a job has taken by now, how far it is, and what is left."""
    job = carrier.job(token) if carrier is not None else None
    if carrier is None or job is None:
        return Timing()
    now = time.time()
    progress, left = _progress(job, carrier, now)
    remaining = translated(f"{clock(left)} left") if left is not None else ""
    if job.waiting and job.retry_at > now:
        remaining = translated(f"again in {clock(job.retry_at - now + 0.999)}")
    return Timing(clock((job.finished_at or now) - (job.begun_at or job.created_at)), progress, remaining)


def _fill(row: GenerioJob, job: Job, arriving: Collection[str], carrier: Engine) -> None:
    arrives = job.token in arriving
    row.token = job.token
    row.name = job.name
    row.state = State.READY if arrives else job.state
    row.message = job.problem.message if job.problem else _note(job, arrives, carrier)
    row.fix = job.problem.fix if job.problem else ""
    row.remedy = job.problem.remedy if job.problem else ""
    row.prompt = job.prompt
    row.settings = ", ".join(_setting(name, value) for name, value in job.parameters.items())
    row.flow_id = job.flow_id
    row.finished = job.finished
    row.thumbnail, row.summary = _looks(job) if job.finished else ("", "")
    row.importable = bool(job.results) and job.state in (State.READY, State.DONE)
    row.clearable = job.finished and row.state != State.READY and not _is_of_use(job, carrier)


def _progress(job: Job, carrier: Engine, now: float) -> tuple[float, float | None]:
    """How far a job is, 0..1, and the seconds that are left, if that can be told."""
    left = carrier.time_left(job)
    if job.finished:
        return 1.0, None
    if left is None:
        return job.progress or 0.0, None
    running = now - job.started_at
    return running / max(running + left, 1.0), left


def _note(job: Job, arrives: bool, carrier: Engine) -> str:
    """What is worth saying of a job that has no problem, or ""; `arrives`: in the open file, any moment."""
    waits = place.not_by_itself(bpy.context, job.destination) if arrives else ""
    if waits:
        return waits
    if job.step is Step.READY and not arrives:
        return _where(job)
    if job.step is not Step.PLACED:
        return ""
    if job.token in _told:
        return _told[job.token]
    if not job.results:
        return "Its files were deleted to save space; the model is in the file"
    if not job.results[0].blend:
        return IMPORTED_HERE
    following = [other for token in follower_tokens(job) if (other := carrier.job(token)) is not None]
    if any(other.step in (Step.FAILED, Step.CANCELLED) for other in following):
        return IN_VAIN
    return FOLLOWED if following else ""


def _is_of_use(job: Job, carrier: Engine) -> bool:
    """Whether there may be no other way to a model than by this finished job."""
    if job.fetchable or is_in_vain(job, carrier.job):
        return True
    if job.step is Step.PLACED:
        return False
    firsts = (carrier.job(token) for token in _firsts_of(carrier, {job.token}))
    return any(first is not None and is_in_vain(first, carrier.job) for first in firsts)


def _where(job: Job) -> str:
    """Why a finished result is not in the scene."""
    if job.adopted:
        return "Found again at the service"
    if job.hold:
        return "It was finished before it could be cancelled"
    if job.destination.get("aside"):
        return "Its stand-in was deleted"
    file = job.destination.get("file")
    if job.placed_in and not file:
        return "It stood in a file that was never saved"
    return f"Belongs to {Path(file).name}" if file else "Belongs to a file that was not saved"


def _setting(name: str, value: object) -> str:
    """A parameter that was sent, for people."""
    if name == "polygon_count":
        return f"{value:,} triangles" if isinstance(value, int) else f"{value} triangles"
    return f"seed {value}" if name == "seed" else SETTINGS.get((name, value), f"{name} {value}")


def _looks(job: Job) -> tuple[str, str]:
    """The path of a picture of the first result, and what it consists of; "" where there is none."""
    if not job.results or not job.results[0].blend:
        return "", ""
    blend = Path(job.results[0].blend)
    picture, summary = "", ""
    with suppress(OSError):  # the drive may be out of reach
        picture = str(drawn) if (drawn := blend.with_suffix(".png")).exists() else ""
    with suppress(OSError, ValueError, KeyError):
        summary = _summary(blend.with_suffix(".json"))
    return picture, summary


@cache  # rows are written often, and a disk may be slow
def _summary(report: Path) -> str:
    """What a result consists of, by the report that the child has written (see `child.report`)."""
    counts = json.loads(report.read_text(encoding="utf-8"))
    sizes = Counter(f"{width}x{height}" for width, height in counts["textures"])
    textures = [
        f"{count} textures {size}" if count > 1 else f"1 texture {size}" for size, count in sizes.items()
    ]
    fitted = counts.get("fit")
    if not fitted:
        return ", ".join([f"{counts['triangles']:,} triangles", *textures])
    change = f"{fitted['before']['triangles']:,} → {fitted['after']['triangles']:,} triangles"
    return ", ".join([change, f"deviation {fitted['deviation']['mean']:.2%}", *textures])
