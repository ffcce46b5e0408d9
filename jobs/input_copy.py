# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture that the user chose, as it was then: before its job begins it may be changed, or deleted."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..core.files import atomic_path
from .job_folder import JobFolder
from .model import Job
from .part import Part
from .registry import JobRegistry


def copy_input(folder: Path, picture: str) -> None:
    """Copy the picture, an absolute path, into a job's folder; for a thread, since it reads the whole file.

    What a disk refuses raises nothing: then the picture is taken from where it was, as it is by then.
    """
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(JobFolder(folder).input_copy(picture)) as part:
            shutil.copyfile(picture, part)


class InputCopies(Part):
    """Keeps what new jobs are to send, before somebody paints over it.

    folder: gives the folder of a job's files. on_removed: is called with the token of a job that was removed
    while its picture was copied.
    """

    def __init__(
        self,
        registry: JobRegistry,
        folder: Callable[[str], Path],
        on_removed: Callable[[str], None],
        closing: threading.Event,
    ) -> None:
        super().__init__(closing)
        self._registry = registry
        self._folder = folder
        self._on_removed = on_removed

    def copy(self, jobs: Sequence[Job]) -> None:
        """Copy the pictures of these jobs, in a thread that ends."""
        if any(job.request.picture for job in jobs):
            self.run("copies", self._copy, jobs)

    def _copy(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            now = self._registry.job(job.token)
            if now is not None and now.request.picture and not now.finished and not self.closing.is_set():
                copy_input(self._folder(job.token), job.request.picture)
            if self._registry.job(job.token) is None:
                self._on_removed(job.token)
