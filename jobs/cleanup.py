# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean-up: models that are safely in a file go when the results folder is full, the oldest first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..core import files
from .chain import followup_failed
from .job_folder import JobFolder, is_shown
from .model import Job
from .part import Part
from .process_id import is_alive
from .recovery import job_tokens, removed_folders
from .registry import JobRegistry
from .settings import Settings
from .step import Step
from .writer import Writer

MODELS = frozenset({".glb", ".blend"})
"""Endings of what goes of the files of a removed job that leaves its pictures."""

DAY = 24 * 3600.0
"""Seconds."""


class Cleanup(Part):
    """Keeps the results folder within its limit, and deletes the files of removed jobs.

    folder: gives the folder of a job's files. settings: gives the present ones.
    """

    def __init__(
        self,
        registry: JobRegistry,
        writer: Writer,
        settings: Callable[[], Settings],
        folder: Callable[[str], Path],
        closing: threading.Event,
    ) -> None:
        super().__init__(closing)
        self.needed = threading.Event()
        self.needed.set()
        self._registry = registry
        self._writer = writer
        self._settings = settings
        self._folder = folder
        self._previews_wanted: set[str] = set()  # tokens of removed jobs whose files are still there

    def start(self) -> None:
        """Clean up now, and whenever `needed` is set."""
        self.run("cleanup", self._run)

    def stop(self) -> None:
        """Wake the thread."""
        self.needed.set()

    def _run(self) -> None:
        remove_orphans(self._settings().folder)
        while self.needed.wait() and not self.closing.is_set():
            self.needed.clear()
            settings = self._settings()
            if settings.results_limit:
                for job in select_for_eviction(
                    settings.folder, self._registry.jobs(), settings.results_limit
                ):
                    self._writer.write_now(partial(self._evict, job.token))

    def _evict(self, token: str) -> None:
        """Delete the models of a job that are in a saved file; the job stays in the list."""

        def without_results(job: Job) -> Job | None:
            return job.changed(results=()) if job.final else None

        if self._registry.change(token, (Step.PLACED,), without_results):
            delete_models(self._folder(token))

    def want_previews(self, token: str) -> None:
        """Leave the previews of a job that is being removed, until `delete_soon` names it."""
        self._previews_wanted.add(token)

    def delete_removed(self, token: str, folder: Path) -> None:
        """Delete the files of a job that was just removed, or only its models where previews are wanted."""
        if token in self._previews_wanted:
            keep_previews(folder, self._registry.owner)
        else:
            delete_files(folder, self._registry.owner)

    def delete_soon(self, tokens: Collection[str]) -> None:
        """Delete the files of jobs that were removed without them; at the latest at the next start."""
        self._previews_wanted.difference_update(tokens)
        for token in tokens:
            self._writer.write_soon(partial(self.delete, token))

    def delete(self, token: str) -> None:
        """Delete the files of a removed job, unless its previews are still wanted."""
        if token not in self._previews_wanted:
            delete_files(self._folder(token), self._registry.owner)


def select_for_eviction(folder: Path, jobs: Iterable[Job], limit: int) -> list[Job]:
    """The jobs whose files are to go, so that those of all in `folder` have at most `limit` bytes together.

    Only models that stand in a file that was saved are taken, oldest first: what is not placed is never lost.
    """
    try:
        # Other things may be in it, too.
        sizes = {token: _size(folder / token) for token in job_tokens(folder)}
    except OSError:
        return []
    remaining = sum(sizes.values())
    chosen: list[Job] = []
    known = {job.token: job for job in jobs}
    for job in sorted(known.values(), key=lambda job: job.status.finished_at):
        if remaining <= limit:
            break
        stands = job.status.step is Step.PLACED and job.final and not followup_failed(job, known.get)
        if stands and job.placement.results and job.token in sizes:
            chosen.append(job)
            remaining -= sizes[job.token]
    return chosen


def delete_models(folder: Path) -> None:
    """Delete the models in a job's folder."""
    for path in _items(folder):
        if not is_shown(path):
            files.delete(path)  # where somebody has it open, next time


def delete_files(folder: Path, owner: str) -> bool:
    """Delete the folder of a removed job; False where something stays that another program has open.

    That goes when the process of `owner` is no more, see `remove_orphans`.
    """
    if files.delete_folder(folder):
        return True
    _mark_removed(folder, owner)
    return False


def keep_previews(folder: Path, owner: str) -> None:
    """Delete the models of a removed job, and mark what is left of its folder as wanted by `owner`."""
    for path in _items(folder):
        if path.suffix in MODELS:
            files.delete(path)
    _mark_removed(folder, owner)


def _mark_removed(folder: Path, owner: str) -> None:
    with suppress(OSError):
        JobFolder(folder).removed.write_text(owner, encoding="utf-8")


def remove_orphans(folder: Path) -> None:
    """Delete what was left by processes that are no more; where there is no telling, after a day."""
    with suppress(OSError):
        for orphan in removed_folders(folder):
            mark = JobFolder(orphan).removed
            alive = is_alive(mark.read_text(encoding="utf-8"))
            if alive is False or (alive is None and time.time() - mark.stat().st_mtime > DAY):
                files.delete_folder(orphan)


def _size(path: Path) -> int:
    try:
        if path.is_dir() and not path.is_symlink():
            return sum(_size(item) for item in _items(path))
        return path.lstat().st_size
    except OSError:
        return 0


def _items(folder: Path) -> Sequence[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return ()
