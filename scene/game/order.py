# SPDX-License-Identifier: GPL-3.0-or-later
"""The order, as JSON, by which a converter writes files for a game engine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .profiles import NO_SHAPES


@dataclass
class MeshOrder:
    """A mesh.

    file: a GLB, or a snapshot (see `write_snapshot`); the path is absolute, or relative to the order. matrix:
    to world space, row by row; empty = at the origin. shape: the kind of a collision shape, else "".
    """

    file: str
    matrix: list[list[float]] = field(default_factory=list[list[float]])
    shape: str = ""


@dataclass
class SubjectOrder:
    """A model with its levels of detail, and its collision shapes.

    sizes: below which screen size each level from 1 on is shown; None = chosen by their triangles.
    """

    name: str
    levels: list[MeshOrder]
    shapes: list[MeshOrder] = field(default_factory=list[MeshOrder])
    sizes: list[float] | None = None


@dataclass
class FileOrder:
    """A file: its path in the folder of all of them, with slashes. name, at_origin: see `FileContent`."""

    path: str
    name: str
    at_origin: bool
    subjects: list[SubjectOrder]


@dataclass
class Order:
    """All files of one export.

    collision: which shapes are made for models that have none, of `profiles.SHAPES`. unit: how many meters a
    Blender unit of the scene has. engine, triangles, each_part, embed: see `GameExport`.
    """

    engine: str
    files: list[FileOrder]
    collision: str = NO_SHAPES
    triangles: int = 64
    each_part: bool = False
    embed: bool = True
    unit: float = 1.0

    def meshes(self) -> list[MeshOrder]:
        """All meshes, in the order of the files."""
        subjects = [subject for file in self.files for subject in file.subjects]
        return [mesh for subject in subjects for mesh in (*subject.levels, *subject.shapes)]

    def write(self, path: Path) -> None:
        """Write the order to a file. Raises OSError."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Order:
        """The order that `write` wrote."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**data, "files": [_file(**file) for file in data["files"]]})


def _file(subjects: list[dict[str, Any]], **fields: Any) -> FileOrder:
    return FileOrder(subjects=[_subject(**subject) for subject in subjects], **fields)


def _subject(levels: list[dict[str, Any]], shapes: list[dict[str, Any]], **fields: Any) -> SubjectOrder:
    return SubjectOrder(
        levels=[MeshOrder(**mesh) for mesh in levels], shapes=[MeshOrder(**mesh) for mesh in shapes], **fields
    )
