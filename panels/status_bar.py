# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status bar says of the jobs, in any editor: what is running, and once, what is over."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bpy

from ..i18n import translated
from ..jobs import Engine, Job, State, is_first

NEWS_SECONDS = 10.0
"""How long the status bar tells that a job is over."""

_ENDINGS = {
    State.DONE: ('"{}" is in the scene', "CHECKMARK"),
    State.READY: ('"{}" is ready to import', "IMPORT"),
    State.FAILED: ('"{}" failed, see Jobs', "ERROR"),
}

_HIDDEN = '"{}" is in "{}", which is hidden'

_unfinished: dict[str, None] = {}  # whose end is to be told
_news: dict[str, float] = {}  # tokens of jobs that are over, and until when that is told
_arriving: frozenset[str] = frozenset()  # whose results are about to come
_line: tuple[str, str] = ("", "NONE")  # text and icon
_second = 0


def show(
    context: bpy.types.Context,
    carrier: Engine,
    changed: Iterable[Job],
    arriving: Collection[str],
    hidden: Mapping[str, str],
    here: Collection[str],
) -> None:
    """Bring the status bar up to date.

    changed: jobs that did since the last time. arriving: tokens of those whose results come into the open
    file by themselves, which then is their end. hidden: collections that hide what came into them, by job.
    here: tokens of those whose results were placed in this window.
    """
    global _arriving, _line, _second
    _arriving = frozenset(arriving)
    now = time.time()
    any_news = False
    for job in changed:
        any_news = True
        if not job.finished or job.token in _arriving:
            _unfinished[job.token] = None
        elif job.token in _unfinished:
            del _unfinished[job.token]
            if job.state is State.DONE and job.token not in here:
                continue  # it is in another Blender's scene
            if job.state is State.FAILED or job.hold or not is_first(job):  # else another job goes on
                _news[job.token] = now + NEWS_SECONDS
    if not any_news and int(now) == _second:
        return
    _second = int(now)
    for token in [token for token, until in _news.items() if until < now]:
        del _news[token]
    line = _told(carrier, hidden) or _running(carrier)
    if line != _line:
        _line = line
        _redraw(context)


def _told(carrier: Engine, hidden: Mapping[str, str]) -> tuple[str, str] | None:
    """The latest end that is still news."""
    for token in reversed(_news):
        job = carrier.job(token)
        if job is not None and job.state in _ENDINGS:
            if token in hidden:
                return translated(_HIDDEN.format(job.name, hidden[token])), "HIDE_ON"
            text, icon = _ENDINGS[job.state]
            return translated(text.format(job.name)), icon
    return None


def unfinished(carrier: Engine) -> list[Job]:
    """The jobs that are under way."""
    jobs = [job for token in _unfinished if (job := carrier.job(token)) is not None]
    return [job for job in jobs if not job.finished or job.token in _arriving]


def _running(carrier: Engine) -> tuple[str, str]:
    jobs = unfinished(carrier)
    if not jobs:
        return "", "NONE"
    if len(jobs) > 1:
        return translated(f"{len(jobs)} models under way"), "SHADERFX"
    left = carrier.time_left(jobs[0])
    rest = translated(f"{clock(left)} left") if left is not None else ""
    return ", ".join(part for part in (jobs[0].name, translated(jobs[0].state), rest) if part), "SHADERFX"


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def draw(self: bpy.types.Header, _context: bpy.types.Context) -> None:
    """Appended to the status bar."""
    text, icon = _line
    if text:
        self.layout.label(text=text, translate=False, icon=icon)  # type: ignore[arg-type]


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
    shown, kept = header.draw, getattr(header, "_draw_orig", None)
    if kept is not None:
        header.draw = kept
    yield header
    if kept is not None:
        header._draw_orig = header.draw
        header.draw = header.draw if shown is kept else shown


def register() -> None:
    """Hang onto the status bar."""
    with _header() as header:
        header.append(draw)


def unregister() -> None:
    """Leave it again."""
    global _line
    with _header() as header:
        header.remove(draw)
    _unfinished.clear()
    _news.clear()
    _line = ("", "NONE")
