# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the results folder within its limit: models that are safely in a file go, the oldest first."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from .chosen import CHOSEN
from .follow import is_in_vain
from .model import Job, Step
from .owners import lives
from .recovery import REMOVED, removed, tokens

KEPT = frozenset({".png", ".json"})
"""Endings of what stays of a result whose model goes: its picture and its report, which the list shows."""

MODELS = frozenset({".glb", ".blend"})
"""Endings of what goes of the files of a removed job that leaves its pictures."""

DAY = 24 * 3600.0
"""Seconds."""


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
    known = {job.token: job for job in jobs}
    for job in sorted(known.values(), key=lambda job: job.finished_at):
        if left <= limit:
            break
        stands = job.step is Step.PLACED and job.settled and not is_in_vain(job, known.get)
        if stands and job.results and job.token in sizes:
            chosen.append(job)
            left -= sizes[job.token]
    return chosen


def empty(folder: Path) -> None:
    """Delete the models in a job's folder."""
    for path in _items(folder):
        if path.suffix not in KEPT or path.stem in {"input", CHOSEN}:
            with suppress(OSError):  # somebody has it open; next time
                path.unlink()


def leave(folder: Path, owner: str) -> None:
    """Delete the models of a removed job, and mark what is left of its folder as wanted by `owner`."""
    for path in _items(folder):
        if path.suffix in MODELS:
            with suppress(OSError):
                path.unlink()
    with suppress(OSError):
        (folder / REMOVED).write_text(owner, encoding="utf-8")


def sweep(folder: Path) -> None:
    """Delete what was left by processes that are no more; where there is no telling, after a day."""
    with suppress(OSError):
        for left in removed(folder):
            mark = left / REMOVED
            alive = lives(mark.read_text(encoding="utf-8"))
            if alive is False or (alive is None and time.time() - mark.stat().st_mtime > DAY):
                shutil.rmtree(left, ignore_errors=True)


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
