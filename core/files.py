# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all, replaced and deleted also while another program reads them.

On Windows a virus scanner, an indexer or a viewer keeps a file from being replaced or deleted as long as it
reads it. That is over in a moment, as a rule, so all of this tries again for WAIT_SECONDS, in which whoever
calls it waits: it is for threads and for processes without a window.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

WAIT_SECONDS = 2.0
PAUSE_SECONDS = 0.05

_HELD = (5, 32, 33, 145)
"""Errors of Windows (winerror.h): ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION, and DIR_NOT_EMPTY, which
a folder is as long as a file that was deleted in it is open."""

T = TypeVar("T")


def replace(source: Path, target: Path) -> None:
    """Rename a file to `target`, which it replaces. Raises OSError."""
    _insist(lambda: os.replace(source, target))  # noqa: PTH105 - what the type says of it is exact


def delete(path: Path) -> bool:
    """Delete a file, if it is there; whether it is gone now."""
    try:
        _insist(lambda: path.unlink(missing_ok=True))
    except OSError:
        return False
    return True


def delete_folder(folder: Path) -> bool:
    """Delete a folder with all that is in it, if it is there; whether it is gone now.

    What can be deleted of it is, also where something stays.
    """
    try:
        _insist(lambda: shutil.rmtree(folder))
    except FileNotFoundError:
        pass
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
    return not os.path.lexists(folder)


@contextmanager
def temporary_folder(prefix: str) -> Generator[Path]:
    """A new folder among the system's temporary ones; afterwards all of it is deleted that can be."""
    folder = Path(mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        delete_folder(folder)


@contextmanager
def atomic_path(path: Path, part: Path | None = None, overwrite: bool = True) -> Generator[Path]:
    """A path to write a file to, which then appears at `path`; where writing fails, nothing does.

    part: that path, on the same disk, None = `path` with ".part" behind it. overwrite: whether a file is
    replaced that stands at `path` by the end. Raises OSError.
    """
    part = part or path.with_name(f"{path.name}.part")
    try:
        yield part
        if overwrite or not path.exists():
            replace(part, path)
    finally:
        delete(part)


def link(source: Path, target: Path) -> None:
    """Let `target` be the same file as `source`, or a copy of it where the disk knows no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as part:
        part.unlink(missing_ok=True)  # a crash may have left it, as a link to `source`
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)


def is_held(error: OSError) -> bool:
    """Whether the reason may be that another program has the file open, which passes."""
    return getattr(error, "winerror", None) in _HELD


def is_protected(path: Path) -> bool:
    """Whether a file has the attribute that on Windows keeps it from being replaced and deleted."""
    return os.name == "nt" and not os.access(path, os.W_OK)


def _insist(action: Callable[[], T]) -> T:
    """What `action` gives, tried again while another program may have the file open. Raises OSError."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return action()
        except OSError as error:
            if not is_held(error) or time.monotonic() >= end:
                raise
        time.sleep(PAUSE_SECONDS)
