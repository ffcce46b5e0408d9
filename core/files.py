# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


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
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
