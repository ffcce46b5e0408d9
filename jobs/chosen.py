# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture that the user chose, as it was then: before its job begins it may be changed, or deleted."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

CHOSEN = "chosen"
"""Name, without its ending, of the file in a job's folder that is the picture."""


def kept_picture(folder: Path, picture: str) -> Path:
    """The path at which a job with this folder keeps the picture (there may be no file); its ending stays."""
    return folder / f"{CHOSEN}{Path(picture).suffix.lower()[:10]}"


def keep_picture(folder: Path, picture: str) -> None:
    """Copy the picture, an absolute path, into a job's folder; for a thread, since it reads the whole file.

    What a disk refuses raises nothing: then the picture is taken from where it was, as it is by then.
    """
    kept = kept_picture(folder, picture)
    part = kept.with_name(f"{kept.name}.part")
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(picture, part)
            part.replace(kept)
        finally:
            part.unlink(missing_ok=True)
