# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the files in a job's folder that its steps make."""

from __future__ import annotations

import hashlib
from pathlib import Path, PureWindowsPath

from ..model import Job

RESULT_PREFIX = "result-"
"""What the names of the files begin with that hold outputs."""


def result_path(folder: Path, job: Job, asset_id: str) -> Path:
    """Where an output is kept: the service's names never become paths; each attempt has its own."""
    name = hashlib.sha256(f"{job.ref} {asset_id}".encode()).hexdigest()[:12]
    return folder / f"{RESULT_PREFIX}{name}.glb"


def kept_name(path: str) -> str:
    """The name of a file in a job's folder, whatever path and slashes that has where it was written."""
    return PureWindowsPath(path).name


def input_path(job: Job, folder: Path) -> Path:
    """Where the file to send is made from the job's source."""
    return folder / ("input.glb" if job.source.endswith(".blend") else "input.png")


INPUT_COPY = "chosen"
"""Name, without its ending, of the file in a job's folder that is the picture."""


def input_copy_path(folder: Path, picture: str) -> Path:
    """The path at which a job with this folder keeps the picture (there may be no file); its ending stays."""
    return folder / f"{INPUT_COPY}{Path(picture).suffix.lower()[:10]}"
