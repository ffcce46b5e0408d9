# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the job list, which panels draw.

The truth is the engine's; a row is written from it whenever its job has changed, and the clock is looked at
only for rows that are drawn.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path

import bpy

from ..api.parameters import parameter_words
from ..core.destination import ExportFolder, InFile
from ..core.messages import EMPTY, Message
from ..engine.client import EngineClient
from ..engine.connection import Reply
from ..i18n import translated, translated_list
from ..jobs import STATES, Job, State, Step, followup_failed, followup_tokens
from ..jobs.job_folder import preview_path, report_path
from ..session.favorites import favorites
from ..session.properties import GenerioJob, GenerioProperties, properties
from ..session.session import News, Session, redraw

TYPED_SECONDS = 0.3
"""After the last letter, until a search begins that the engine has to do."""

MOST_FOUND = 100
"""Old jobs that a search finds."""

FAVORITE = "FAVORITE"
"""Of JOB_STATES, what depends on no state."""

IMPORTED_HERE = Message("Imported in this window, because no second Blender could be started")
FOLLOWED = Message("Optimized by the job that follows it")
ELSEWHERE = Message("Another Blender runs this job")
UNDONE = Message("Undo removed it from the scene; redo, or use Import to get it again")
FOLLOWUP_FAILED = Message("Not optimized; use Import to get it as it was made")


class OldJobs:
    """Has jobs come back into the list that left it long ago, when they are searched for."""

    def __init__(self) -> None:
        self._asked = ""
        self._wanted, self._since = "", 0.0  # what stands in the field, and since when, time.monotonic()
        self._reply: Reply | None = None

    def search(self, text: str, engine: EngineClient) -> None:
        """Look for the words in the field, once nobody types any more, and take in what was found."""
        if self._reply is not None and self._reply.is_there:
            engine.found(self._reply)
            self._reply = None
        now = time.monotonic()
        if text != self._wanted:
            self._wanted, self._since = text, now
        is_new = text.strip() and text != self._asked
        if is_new and engine.older and self._reply is None and now - self._since >= TYPED_SECONDS:
            self._asked = text
            self._reply = engine.ask_to_find(text, MOST_FOUND)


class JobRows:
    """Writes what changed into the window manager's rows."""

    def __init__(self) -> None:
        self._is_stale = True  # all rows must be written anew
        self._language = ""  # in which they were written
        self._old_jobs = OldJobs()

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """See `Observer`."""
        if self._language != (language := bpy.app.translations.locale):
            self._language, self._is_stale = language, True
        self._old_jobs.search(properties(context).job_search, news.engine)
        if not news.is_due and not self._is_stale:
            return
        tokens = news.tokens | _firsts_of(news.engine, news.tokens)
        if self._is_stale:
            self._fill_all(properties(context), session, news)
            self._is_stale = False
        elif tokens:
            self._fill_some(properties(context), session, news, tokens)
        redraw(context, ("VIEW_3D",), "UI")

    def reset(self) -> None:
        """The rows went with the file that had them."""
        self._is_stale = True

    def _fill_all(self, panel: GenerioProperties, session: Session, news: News) -> None:
        panel.jobs.clear()
        for job in reversed(news.engine.jobs()):
            self._fill(panel.jobs.add(), job, session, news)

    def _fill_some(
        self, panel: GenerioProperties, session: Session, news: News, tokens: Collection[str]
    ) -> None:
        """Write the rows of these jobs; new ones come first, and the newest is chosen."""
        engine = news.engine
        for token in tokens:
            if engine.job(token) is None:
                _drop(panel, token)
        by_token = {row.token: row for row in panel.jobs}
        jobs = [job for token in tokens if (job := engine.job(token)) is not None]
        by_token = _add_old(panel, engine, [job for job in jobs if job.token not in by_token])
        for job in sorted(jobs, key=lambda job: job.created_at):
            is_new = job.token not in by_token
            if is_new:
                panel.jobs.add()
                panel.jobs.move(len(panel.jobs) - 1, 0)
                panel.jobs[0].token = job.token
                panel.active_job = 0
                by_token = {row.token: row for row in panel.jobs}  # each has moved
            self._fill(by_token[job.token], job, session, news)
            if is_new:
                _show_new(panel)

    def _fill(self, row: GenerioJob, job: Job, session: Session, news: News) -> None:
        arrives = job.token in news.arriving
        row.token = job.token
        row.name = job.request.name
        taken_back = job.token in session.placement.undo.taken_back and job.status.step is Step.PLACED
        row.state = State.READY if arrives or taken_back else job.state
        row.elsewhere = not job.finished and not news.engine.owns(job.token)
        problem = job.status.problem
        row.message = translated(problem.message if problem else _note(job, session, news))
        row.fix = translated(problem.fix) if problem else ""
        row.remedy = problem.remedy if problem else ""
        row.prompt = job.request.prompt
        row.settings = translated_list(
            parameter_words(name, value) for name, value in job.request.parameters.items()
        )
        row.flow_id = job.run.flow_id
        row.finished = job.finished
        row.thumbnail, row.summary = _appearance(job) if job.finished else ("", "")
        row.importable = bool(job.placement.results) and job.state in (State.READY, State.DONE)
        is_exported = isinstance(job.request.destination, ExportFolder) and job.state is State.DONE
        row.files_only = is_exported or job.has_only_files
        row.placed = row.state == State.DONE and job.token in session.placement.placed
        row.favorite = job.token in favorites()
        is_over = job.finished and row.state != State.READY
        row.clearable = is_over and not row.favorite and not _is_of_use(job, news.engine)


def _add_old(panel: GenerioProperties, engine: EngineClient, jobs: list[Job]) -> dict[str, GenerioJob]:
    """Rows at the end of the list for those of the jobs that only a search finds; returns all rows."""
    for job in sorted(filter(engine.is_old, jobs), key=lambda job: -job.created_at):
        panel.jobs.add().token = job.token
    return {row.token: row for row in panel.jobs}


def _show_new(panel: GenerioProperties) -> None:
    """A search that was made for others is not to hide the job that has just come."""
    if not is_listed(panel.jobs[0], panel.job_search.lower().split(), panel.job_states):
        panel.job_search, panel.job_states = "", "ALL"


def is_listed(job: GenerioJob, words: list[str], kind: str) -> bool:
    """Whether a job is to be listed: has all `words` (lower case), and is of the `kind` (of JOB_STATES)."""
    if kind == FAVORITE:
        if not job.favorite:
            return False
    elif kind != "ALL" and kind not in STATES[State(job.state)].filters:
        return False
    if not words:
        return True
    text = f"{job.name} {job.prompt} {job.flow_id}".lower()
    return all(word in text for word in words)


def _firsts_of(engine: EngineClient, tokens: Collection[str]) -> set[str]:
    """The jobs that are followed by some of these."""
    following = {*tokens}
    if not following:
        return set()
    return {job.token for job in engine.jobs() if not following.isdisjoint(followup_tokens(job))}


def _note(job: Job, session: Session, news: News) -> Message:
    """What is worth saying of a job that has no problem."""
    engine, arrives = news.engine, job.token in news.arriving
    waits = session.placement.blocker(bpy.context, job) if arrives else EMPTY
    if waits:
        return waits
    if not job.finished and not engine.owns(job.token):
        return ELSEWHERE
    if job.status.step is Step.READY and not arrives:
        return _where(job)
    if job.status.step is not Step.PLACED:
        return EMPTY
    if job.token in session.placement.undo.taken_back:
        return UNDONE
    if job.token in session.placement.reported:
        return session.placement.reported[job.token]
    if isinstance(where := job.request.destination, ExportFolder):
        return export_note(job, Path(where.folder))
    if job.placement.files:
        return Message("Show Folder opens the other files that were made")
    if not job.placement.results:
        return Message("Its files were deleted to save space; the model is in the file")
    if not job.placement.results[0].blend:
        return IMPORTED_HERE
    following = [other for token in followup_tokens(job) if (other := engine.job(token)) is not None]
    if any(other.status.step in (Step.FAILED, Step.CANCELLED) for other in following):
        return FOLLOWUP_FAILED
    return FOLLOWED if following else EMPTY


def export_note(job: Job, folder: Path) -> Message:
    """Where the files of an export are, and how many."""
    count, name = len(job.placement.delivered), folder.name or str(folder)
    if count == 1:
        return Message("1 file in {folder}", folder=name)
    return Message("{count:,} files in {folder}", count=count, folder=name)


def _is_of_use(job: Job, engine: EngineClient) -> bool:
    """Whether there may be no other way to a model than by this finished job."""
    if job.result_may_exist or followup_failed(job, engine.job):
        return True
    if job.status.step is Step.PLACED:
        return False
    firsts = (engine.job(token) for token in _firsts_of(engine, {job.token}))
    return any(first is not None and followup_failed(first, engine.job) for first in firsts)


def _drop(panel: GenerioProperties, token: str) -> None:
    for index, row in enumerate(panel.jobs):
        if row.token == token:
            panel.jobs.remove(index)
            if index < panel.active_job or panel.active_job == len(panel.jobs) > 0:
                panel.active_job -= 1
            break


def _where(job: Job) -> Message:
    """Why a finished result is not in the scene."""
    if job.run.adopted:
        return Message("Found again at the service")
    if job.placement.needs_manual_import:
        return Message("Finished before it could be canceled")
    destination = job.request.destination
    if isinstance(destination, InFile) and destination.placeholder_deleted:
        return Message("Its placeholder was deleted")
    file = destination.file if isinstance(destination, InFile) else ""
    if job.placement.placed_in and not file:
        return Message("It was in a file that was never saved")
    return (
        Message("Belongs to {name}", name=Path(file).name)
        if file
        else Message("Belongs to a file that was not saved")
    )


def _appearance(job: Job) -> tuple[str, str]:
    """The path of a picture of the first result, and what it consists of; "" where there is none."""
    if not job.placement.results or not job.placement.results[0].blend:
        return "", ""
    blend = Path(job.placement.results[0].blend)
    picture, summary = "", ""
    with suppress(OSError):  # the drive may be out of reach
        picture = str(drawn) if (drawn := preview_path(blend)).exists() else ""
    with suppress(OSError, ValueError, KeyError):
        summary = translated_list(_summary(report_path(blend)))
    return picture, summary


@cache  # rows are written often, and a disk may be slow
def _summary(report: Path) -> list[Message]:
    """What a result consists of, by the report that the child has written (see `make_blend.report`)."""
    counts = json.loads(report.read_text(encoding="utf-8"))
    sizes = Counter(f"{width}x{height}" for width, height in counts["textures"])
    textures = [
        Message("{count:,} textures {size}", count=count, size=size)
        if count > 1
        else Message("1 texture {size}", size=size)
        for size, count in sizes.items()
    ]
    fitted = counts.get("fit")
    if not fitted:
        return [Message("{count:,} triangles", count=counts["triangles"]), *textures]
    change = Message(
        "{before:,} → {after:,} triangles",
        before=fitted["before"]["triangles"],
        after=fitted["after"]["triangles"],
    )
    return [change, Message("deviation {mean:.2%}", mean=fitted["deviation"]["mean"]), *textures]
