# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews: a picture of each result, which the job list shows; where one cannot be had, nobody minds."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..api import FlowsError
from ..core.errors import NoChildBlender
from .conversions import Convert
from .job_folder import preview_path
from .model import Job
from .part import Part
from .registry import JobRegistry

MOST_AT_START = 20
"""So many are rendered at a start that a process before did not come to."""

MOST_FAILURES = 3
"""After so many that could not be rendered the rest waits for another start."""


class PreviewRenderer(Part):
    """Renders previews.

    render: makes a picture from a .blend; None where there are to be no previews. on_removed: is called with
    the token of a job that was removed while its preview was rendered.
    """

    def __init__(
        self,
        registry: JobRegistry,
        render: Convert | None,
        on_removed: Callable[[str], None],
        closing: threading.Event,
    ) -> None:
        super().__init__(closing)
        self._registry = registry
        self._render = render
        self._on_removed = on_removed
        self._wanted: queue.SimpleQueue[Job | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Render what processes before did not come to, and then what `render_soon` names."""
        if self._render is not None:
            self.run("previews", self._run)

    def stop(self) -> None:
        """End after the preview that is being rendered."""
        self._wanted.put(None)

    def render_soon(self, job: Job) -> None:
        """Render the previews of a job; nobody waits for them."""
        self._wanted.put(job)

    def _run(self) -> None:
        self._render_missing()
        while (job := self._wanted.get()) is not None and not self.closing.is_set():
            self.render(job)

    def _render_missing(self) -> None:
        missing = [job for job in self._registry.jobs() if missing_previews(job)]
        failures = 0
        for job in sorted(missing, key=lambda job: -job.status.finished_at)[:MOST_AT_START]:
            failures += not self.render(job)
            if failures == MOST_FAILURES or self.closing.is_set():
                return

    def render(self, job: Job) -> bool:
        """Render the previews that are missing, report the job once more; returns whether all are there."""
        if self._render is None:
            return False
        missing = missing_previews(job)
        for blend, picture in [*missing]:
            with suppress(FlowsError, NoChildBlender, OSError):
                self._render(blend, picture, self.closing.is_set)
                missing.remove((blend, picture))
        now = self._registry.job(job.token)
        if now is not None:
            self._registry.events.put(now)
        else:
            self._on_removed(job.token)
        return not missing


def missing_previews(job: Job) -> list[tuple[Path, Path]]:
    """The results of a finished job that have no preview yet, and the paths of those previews."""
    blends = [Path(result.blend) for result in job.placement.results if result.blend] if job.finished else []
    try:
        pairs = [(blend, preview_path(blend)) for blend in blends if blend.exists()]
        return [(blend, picture) for blend, picture in pairs if not picture.exists()]
    except OSError:  # a drive that is out of reach
        return []
