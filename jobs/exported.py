# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a converter has made for a game engine, on their way to where the user wants them.

They lie in a folder as they are to lie there, with a note (JSON) beside it: "folder", its name; "files", the
paths in it of those that were asked for. What else is in it are textures of theirs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from ..core import files
from ..core.files import atomic_path
from .job_parts import Delivered


def deliver(note: Path, target: Path, name: str) -> list[Delivered]:
    """Put copies of the files into the folder `target`, each whole or not at all; returns those asked for.

    Textures come first, so that no file is there without them. What stands there is replaced. name: of
    whoever does this, by which its unfinished files are told from those of others. Raises OSError.
    """
    folder, wanted = _read(note)
    textures = [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in wanted]
    for source in (*textures, *wanted):
        there = target / source.relative_to(folder)
        there.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(there, there.with_name(f"{there.name}.{name[:8]}.part")) as part:
            shutil.copyfile(source, part)
    return [_delivered(source, target / source.relative_to(folder)) for source in wanted]


def delete(note: Path) -> None:
    """Delete the files, and the note about them."""
    files.delete_folder(_read(note)[0])
    files.delete(note)


def _read(note: Path) -> tuple[Path, list[Path]]:
    record = json.loads(note.read_text(encoding="utf-8"))
    folder = note.with_name(record["folder"])
    return folder, [folder / path for path in record["files"]]


def _delivered(source: Path, there: Path) -> Delivered:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Delivered(str(there), source.stat().st_size, digest)
