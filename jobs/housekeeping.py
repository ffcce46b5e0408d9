# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the results folder within its limit: models that are safely in a file go, the oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from .model import Job, Step
from .recovery import tokens

KEPT = frozenset({".png", ".json"})
"""Endings of what stays of a result whose model goes: its picture and its report, which the list shows."""


def to_empty(folder: Path, jobs: Iterable[Job], limit: int) -> list[Job]:
    """The jobs whose files are to go, so that those of all in `folder` have at most `limit` bytes together.

    Only models that stand in a file that was saved are taken, oldest first: what is not placed is never lost.
    """
    try:
        sizes = {token: _size(folder / token) for token in tokens(folder)}  # it may hold other things, too
    except OSError:
        return []
    left = sum(sizes.values())
    chosen: list[Job] = []
    for job in sorted(jobs, key=lambda job: job.finished_at):
        if left <= limit:
            break
        if job.step is Step.PLACED and job.settled and job.results and job.token in sizes:
            chosen.append(job)
            left -= sizes[job.token]
    return chosen


def empty(folder: Path) -> None:
    """Delete the models in a job's folder."""
    for path in _items(folder):
        if path.suffix not in KEPT or path.stem == "input":
            with suppress(OSError):  # somebody has it open; next time
                path.unlink()


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
