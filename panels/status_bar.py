# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status bar says of the jobs, in any editor: what is running, and once, what is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ..core.destination import ExportFolder
from ..core.messages import Message
from ..engine.client import EngineClient
from ..i18n import translated, translated_list
from ..jobs import STATES, Job, State, has_followup
from ..session import current
from ..session.session import News, Session
from .job_counts import JobCounts, draw_obstacle_buttons
from .job_rows import export_note
from .progress import timing

NEWS_SECONDS = 10.0
"""How long the status bar tells that a job is over."""

_ENDINGS: dict[State, tuple[Callable[[str], Message], str]] = {
    State.READY: (lambda name: Message('"{name}" is ready to import', name=name), "IMPORT"),
    State.FAILED: (lambda name: Message('"{name}" failed, see Jobs', name=name), "ERROR"),
}
"""What is told of the end of a job of that name that put nothing into the file, and the icon before it."""


class StatusBar:
    """Says what goes on in a line: `text` and `icon`; `shows`: the job whose model a click shows, or ""."""

    def __init__(self) -> None:
        self.text, self.icon, self.shows = "", "NONE", ""
        self._unfinished: dict[str, None] = {}  # whose end is to be reported
        self._news: dict[str, float] = {}  # tokens of jobs that are over, and until when that is shown
        with _header() as header:
            header.append(draw)

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """See `Observer`."""
        now = time.time()
        for token in news.tokens:  # a model that has come is news, though its job changed some ticks before
            job = news.jobs.get(token) or news.engine.job(token)
            if job is not None:
                self._note(job, session, news, now)
        late = [token for token, until in self._news.items() if until < now]
        for token in late:
            del self._news[token]
        if not news.is_due and not late:
            return
        self.shows = ""
        line = self._ended(session, news.engine) or self._running(session, news)
        if line != (self.text, self.icon):
            self.text, self.icon = line
            _redraw(context)

    def _note(self, job: Job, session: Session, news: News, now: float) -> None:
        """Whether the end of a job is news."""
        if not job.finished or job.token in news.arriving:
            self._unfinished[job.token] = None
        elif job.token in self._unfinished:
            del self._unfinished[job.token]
            is_exported = isinstance(job.request.destination, ExportFolder)
            if job.state is State.DONE and not (is_exported or job.token in session.placement.placed):
                return  # it is in another Blender's scene
            goes_on = has_followup(job) and not job.placement.needs_manual_import
            if job.state is State.FAILED or not goes_on:
                self._news[job.token] = now + NEWS_SECONDS

    def reset(self) -> None:
        """Jobs go on whatever file is open."""

    def close(self) -> None:
        """Leave the status bar."""
        with _header() as header:
            header.remove(draw)

    def _ended(self, session: Session, engine: EngineClient) -> tuple[str, str] | None:
        """The latest end that is still news."""
        hidden = session.placement.hidden
        for token in reversed(self._news):
            job = engine.job(token)
            if job is None:
                continue
            placement = session.placement
            if (
                job.state is State.DONE
                and token in placement.arrivals
                and token not in placement.undo.taken_back
            ):
                self.shows = token
                if token in hidden:
                    collection = hidden[token]
                    text = Message(
                        '"{name}" is in "{collection}", which is hidden',
                        name=job.request.name,
                        collection=collection,
                    )
                    return translated(text), "HIDE_ON"
                return translated(placement.arrivals[token]), "CHECKMARK"
            where = job.request.destination
            if isinstance(where, ExportFolder) and job.state is State.DONE:
                return translated(export_note(job, Path(where.folder))), "CHECKMARK"
            if job.has_only_files and job.status.problem:
                return translated(job.status.problem.message), "CHECKMARK"
            if job.state in _ENDINGS:
                ending, icon = _ENDINGS[job.state]
                return translated(ending(job.request.name)), icon
        return None

    def _running(self, session: Session, news: News) -> tuple[str, str]:
        counts = session.part(JobCounts)
        if obstacle := counts.obstacle:
            return translated(obstacle.problem.message, obstacle.waiting), "ERROR"
        jobs = [job for token in self._unfinished if (job := news.engine.job(token)) is not None]
        jobs = [job for job in jobs if not job.finished or job.token in news.arriving]
        if not jobs:
            return "", "NONE"
        if len(jobs) > 1:
            return translated_list(counts.summary()), "SHADERFX"
        parts: list[Message | str] = [jobs[0].request.name, STATES[jobs[0].state].label]
        if remaining := timing(news.engine, jobs[0].token).remaining:
            parts.append(remaining)
        return translated_list(parts), "SHADERFX"


def draw(self: bpy.types.Header, _context: bpy.types.Context) -> None:
    """Appended to the status bar."""
    bar = current().part(StatusBar)
    if bar.text and bar.shows:
        button = self.layout.operator(
            "generio.show_result",
            text=bar.text,
            translate=False,
            icon=bar.icon,  # type: ignore[arg-type]
            emboss=False,
        )
        button.token = bar.shows  # type: ignore[attr-defined]
    elif bar.text:
        self.layout.label(text=bar.text, translate=False, icon=bar.icon)  # type: ignore[arg-type]
    if bar.icon == "ERROR" and (obstacle := current().part(JobCounts).obstacle):
        draw_obstacle_buttons(self.layout, obstacle.problem)


def _redraw(context: bpy.types.Context) -> None:
    """The status bar is in no list of areas; but it is drawn anew where a workspace's own text is reset."""
    for window in context.window_manager.windows:
        if not window.modal_operators:  # these may have a text there
            with context.temp_override(window=window):
                window.workspace.status_text_set_internal(None)


@contextmanager
def _header() -> Iterator[Any]:
    """The header of the status bar as it is while nobody shows a text of their own there.

    Whoever does replaces `draw`, and Blender puts back what it kept at the first time: before us, for its
    installer of extensions is one of them.
    """
    header: Any = bpy.types.STATUSBAR_HT_header
    shown, replaced = header.draw, getattr(header, "_draw_orig", None)
    if replaced is not None:
        header.draw = replaced
    yield header
    if replaced is not None:
        header._draw_orig = header.draw
        header.draw = header.draw if shown is replaced else shown
