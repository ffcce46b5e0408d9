# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that holds a job's files, and what each of them is called."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from .model import Job

_RESULT, _BAKED, _FILE, _INPUT, _INPUT_COPY = "result-", "baked-", "file-", "input", "chosen"
"""What the names of results begin with, with maps or without, or no models, and those of what is sent."""

_UNFINISHED = (".part", ".rejected")

_PREVIEW, _REPORT = ".png", ".json"
"""Endings of the picture of a result and of the report about it, which the job list shows."""


@dataclass(frozen=True)
class JobFolder:
    """The folder of a job's files; neither it nor any of the files need exist."""

    path: Path

    @property
    def request(self) -> Path:
        """Says what was asked for, as a JSON document in each line."""
        return self.path / "request.json"

    @property
    def removed(self) -> Path:
        """Is there when the job was removed, and says whose pictures are still in the folder."""
        return self.path / "removed"

    @property
    def model_input(self) -> Path:
        """The model to send, made of a snapshot, or the result of the job before."""
        return self.path / f"{_INPUT}.glb"

    def made_input(self, job: Job) -> Path:
        """Where the file to send is made from the job's source."""
        return self.model_input if job.request.source.endswith(".blend") else self.path / f"{_INPUT}.png"

    def input_copy(self, picture: str) -> Path:
        """The copy of the picture that the user chose; its ending stays."""
        return self.path / f"{_INPUT_COPY}{Path(picture).suffix.lower()[:10]}"

    def snapshots(self) -> list[Path]:
        """What is there of what was sent."""
        return [path for path in self.path.glob("*.blend") if not path.name.startswith(_RESULT)]

    def result(self, job: Job, asset_id: str) -> Path:
        """Where an output is kept: the service's names never become paths; each attempt has its own."""
        return self.path / f"{_RESULT}{_name_of(job, asset_id)}.glb"

    def file(self, job: Job, asset_id: str) -> Path:
        """Where an output of whatever kind is kept, without its ending."""
        return self.path / f"{_FILE}{_name_of(job, asset_id)}"

    def finished_file(self, stem: Path) -> Path | None:
        """An output of whatever kind that is there already; it only ever gets an ending whole."""
        found = self.path.glob(f"{stem.name}.*")
        return next((path for path in found if path.suffix not in _UNFINISHED), None)

    def baked(self, job: Job) -> Path:
        """Where a job bakes to; its maps lie beside that."""
        return self.result(job, "").with_suffix(".blend")

    @property
    def exported(self) -> Path:
        """The note about the files that a job exports; they lie beside it, see `exported`."""
        return self.path / "exported.json"

    @staticmethod
    def baked_glb(result: Path) -> Path:
        """Where a result is kept with the maps that were baked for it."""
        return result.with_name(result.name.replace(_RESULT, _BAKED, 1))

    @property
    def longest(self) -> Path:
        """As long a path as any that a file here gets: that of an output which is on its way."""
        return self.path / f"{_RESULT}{12 * '0'}.glb.{8 * '0'}.part"

    def results(self) -> list[Path]:
        """The outputs that are there."""
        return sorted(self.path.glob(f"{_RESULT}*.glb"))

    def unfinished_results(self) -> list[Path]:
        """What is there of downloads that have not ended; see `api.transfer.receive`."""
        return [*self.path.glob("*.glb.*.part"), *self.path.glob(f"{_FILE}*.part")]

    def locate(self, path: str) -> Path:
        """A file of this folder, whatever path and slashes that has where it was written."""
        return self.path / PureWindowsPath(path).name


def _name_of(job: Job, asset_id: str) -> str:
    return hashlib.sha256(f"{job.ref} {asset_id}".encode()).hexdigest()[:12]


def preview_path(blend: Path) -> Path:
    """The picture of a result that was converted to `blend`."""
    return blend.with_suffix(_PREVIEW)


def report_path(blend: Path) -> Path:
    """The report about a result that was converted to `blend`, see `make_blend.report`."""
    return blend.with_suffix(_REPORT)


def is_shown(path: Path) -> bool:
    """Whether a file of a job's folder is what the job list shows of a result whose model is gone."""
    return path.suffix in (_PREVIEW, _REPORT) and path.stem not in (_INPUT, _INPUT_COPY)
