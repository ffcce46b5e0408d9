# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whoever looks elsewhere that all jobs are over: by a sound, or by a notification of the system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence

import bpy

from ..core.log import LOGGER
from ..core.messages import Message
from ..i18n import translated
from ..jobs import Job, State
from ..session.preferences import preferences
from ..session.session import News, Session

TITLE = "GENERIO Flows"
TONE, SECONDS, VOLUME = 880.0, 0.25, 0.3
"""Hertz, and how long and how loud the sound is."""


class Bell:
    """Rings once when the last of the jobs that were under way is over, if the preferences say so."""

    def __init__(self) -> None:
        self.ring: Callable[[str, str], None] = ring
        self._under_way: set[str] = set()
        self._over: dict[str, Job] = {}

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """See `Observer`."""
        if not news.is_due:
            return
        now = {job.token for job in news.unfinished if news.engine.owns(job.token)} | news.arriving
        for token in self._under_way - now:
            if (job := news.engine.job(token)) is not None:
                self._over[token] = job
        self._under_way = now
        if self._over and not now:
            over, self._over = [*self._over.values()], {}
            how = preferences(context).when_done
            if how != "NOTHING":
                self.ring(how, translated(finished_text(over)))

    def reset(self) -> None:
        """Jobs go on whatever file is open."""


def finished_text(jobs: Sequence[Job]) -> Message:
    """What is told of jobs that are over."""
    failed = sum(job.state is State.FAILED for job in jobs)
    if len(jobs) == 1:
        name = jobs[0].request.name
        return Message('"{name}" failed', name=name) if failed else Message('"{name}" is done', name=name)
    if failed:
        return Message("{count:,} jobs are over, {failed:,} failed", count=len(jobs), failed=failed)
    return Message("{count:,} jobs are over", count=len(jobs))


def ring(how: str, text: str) -> None:
    """Make a sound, or show a notification. how: see the preference `when_done`."""
    try:
        if how == "SOUND":
            import aud  # type: ignore[import-not-found]

            aud.Device().play(aud.Sound.sine(TONE).limit(0.0, SECONDS).volume(VOLUME))
        else:
            subprocess.Popen(_command(text), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    except Exception:  # what is only for comfort stops nothing
        LOGGER.warning("no %s could be made", how.lower(), exc_info=True)


def _command(text: str) -> list[str]:
    """The program that shows a notification."""
    if sys.platform == "darwin":
        script = "on run {text, title}\ndisplay notification text with title title\nend run"
        return ["osascript", "-e", script, text, TITLE]
    return ["notify-send", "--app-name", TITLE, TITLE, text]
