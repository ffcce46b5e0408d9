# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converter is told that writes files for a game engine, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .profiles import NO_SHAPES


@dataclass
class MeshOrder:
    """A mesh.

    file: a GLB, or a snapshot (see `write_snapshot`), absolute or from the folder of the order. matrix: where
    it stands in the world, row by row; empty = at the origin. shape: of a collision shape, which kind that
    is, else "".
    """

    file: str
    matrix: list[list[float]] = field(default_factory=list[list[float]])
    shape: str = ""


@dataclass
class SubjectOrder:
    """A model with its levels of detail, and its collision shapes.

    sizes: below which of the levels from 1 on are shown; None = by their triangles.
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
    """All of it.

    collision: which shapes are made for models that have none, of `profiles.SHAPES`. unit: meters that one of
    the scene has. engine, triangles, each_part, embed: see `GameExport`.
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
