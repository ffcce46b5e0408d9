# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for game engines, made of GLB files by a background Blender; nothing is sent."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..api import FlowsError
from ..core.errors import NoChildBlender
from ..core.files import atomic_path
from ..jobs.exported import deliver
from ..scene.game.order import FileOrder, MeshOrder, Order, SubjectOrder
from ..scene.game.profiles import PROFILES
from .exit_codes import SOME_FAILED, SUCCESS
from .items import Item
from .lists import UsageError
from .outputs import display
from .report import write

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

_LEVEL = re.compile(r"(.+)_LOD(\d+)")


class GameFile(NamedTuple):
    """A file to write.

    base: the model's GLB, or what it would be called. levels: the GLB files of its levels, the one with the
    most detail first. target: the file.
    """

    base: Path
    levels: tuple[Path, ...]
    target: Path


class Wish(NamedTuple):
    """How files are written; see `scene.game.export.GameExport`. engine: of PROFILES."""

    engine: str
    collision: str = "none"
    triangles: int = 64
    each_part: bool = False
    embed: bool = True


def of_items(items: Iterable[Item], engine: str) -> list[GameFile]:
    """What becomes of the outputs of items; levels of detail go into one file, with the original as level 0.

    Raises UsageError where an output is no GLB.
    """
    found: dict[Path, list[Path]] = {}
    for item in items:
        if item.output.suffix.lower() != ".glb":
            raise UsageError(f"--export needs .glb files, and {display(item.output)} is none")
        levels = found.setdefault(item.level_of or item.output, [])
        if item.level_of is not None and not levels:
            assert item.source is not None
            levels.append(item.source)
        levels.append(item.output)
    return [GameFile(base, tuple(levels), target_of(base, engine)) for base, levels in found.items()]


def of_files(paths: Sequence[str], folder: Path, engine: str) -> list[GameFile]:
    """What becomes of GLB files; those named NAME_LOD1.glb and so on are levels of NAME.glb or NAME_LOD0.glb.

    Raises UsageError.
    """
    levels: dict[Path, dict[int, Path]] = {}
    for path in map(Path, paths):
        if path.suffix.lower() != ".glb":
            raise UsageError(f"{path} is not a .glb file")
        found = _LEVEL.fullmatch(path.stem)
        base = path.with_name(f"{found[1]}.glb") if found else path
        number = int(found[2]) if found else 0
        if number in levels.setdefault(base, {}):
            raise UsageError(f"{path} and {levels[base][number]} are the same level of detail")
        levels[base][number] = path
    made = [
        GameFile(base, tuple(parts[each] for each in sorted(parts)), target_of(folder / base.name, engine))
        for base, parts in levels.items()
    ]
    taken: dict[str, GameFile] = {}
    for file in made:
        if (other := taken.setdefault(str(file.target).casefold(), file)) is not file:
            raise UsageError(f"{file.levels[0]} and {other.levels[0]} would both become {file.target}")
    return made


def target_of(base: Path, engine: str) -> Path:
    """The file for a game engine that is made of `base`; a GLB is named after the engine, too."""
    suffix = PROFILES[engine].suffix
    stem = f"{base.stem}_{engine}" if suffix == ".glb" else base.stem
    return base.with_name(stem + suffix)


class Writer:
    """Writes files for game engines, and knows which ones it has written.

    notes: a file in which the digests of those are kept, None = nothing is ours. force: whether it writes
    over others. as_json, quiet: how it tells.
    """

    def __init__(
        self,
        converter: Callable[[], Conversion],
        wish: Wish,
        *,
        notes: Path | None,
        force: bool,
        as_json: bool,
        quiet: bool,
    ) -> None:
        self._make_converter = converter
        self._wish = wish
        self._notes = notes
        self._force = force
        self._as_json = as_json
        self._quiet = quiet

    def check(self, wanted: Iterable[GameFile]) -> None:
        """Raise UsageError for what is in the way, or where there is no Blender, before anything is sent."""
        for file in wanted:
            if file.target.exists() and not self._force and not self._is_ours(file.target):
                raise UsageError(
                    f"{display(file.target)} exists and was not exported here; move it, or add --force"
                )
        try:
            self._make_converter().close()
        except NoChildBlender as error:
            raise UsageError(f"--export needs Blender: {error}") from None

    def write(self, wanted: Iterable[GameFile], cancelled: Callable[[], bool]) -> int:
        """Write the files whose levels are all there, and return the exit code."""
        code = SUCCESS
        converter = self._make_converter()
        try:
            for file in wanted:
                if cancelled() or not all(level.is_file() for level in file.levels):
                    continue
                try:
                    self._write(converter, file, cancelled)
                except FlowsError as error:
                    code = SOME_FAILED
                    self._tell(file, f"{error.message} {error.fix}".strip(), error.code)
                except OSError as error:
                    code = SOME_FAILED
                    self._tell(file, error.strerror or str(error), "not_saved")
                else:
                    self._tell(file, "", "")
        finally:
            converter.close()
        return code

    def _write(self, converter: Conversion, file: GameFile, cancelled: Callable[[], bool]) -> None:
        with tempfile.TemporaryDirectory(prefix="generio-") as folder:
            order, note = Path(folder, "order.json"), Path(folder, "exported.json")
            levels = [MeshOrder(os.path.abspath(level)) for level in file.levels]  # noqa: PTH100 - links stay
            name = file.base.stem
            content = FileOrder(file.target.name, name, False, [SubjectOrder(name, levels)])
            wish = self._wish._replace(collision=self._wish.collision.upper())
            Order(files=[content], **wish._asdict()).write(order)
            converter.export(order, note, cancelled)
            deliver(note, file.target.parent, Path(folder).name[-8:])
            self._note(file.target)

    def _tell(self, file: GameFile, message: str, code: str) -> None:
        name = display(file.target)
        if self._as_json:
            event = {"event": "export", "file": name, "engine": self._wish.engine}
            line = json.dumps({**event, "message": message, "code": code})
        elif message:
            line = f"{name}: {message}"
        elif self._quiet:
            return
        else:
            line = f"{name}: Exported"
        write(sys.stdout, line + "\n")

    def _known(self) -> dict[str, Any]:
        if self._notes is not None:
            with suppress(OSError, ValueError):
                return json.loads(self._notes.read_text(encoding="utf-8"))
        return {}

    def _name(self, target: Path) -> str:
        assert self._notes is not None
        return Path(os.path.relpath(target, self._notes.parent)).as_posix()

    def _is_ours(self, target: Path) -> bool:
        if self._notes is None:
            return False
        return self._known().get(self._name(target)) == _digest(target)

    def _note(self, target: Path) -> None:
        if self._notes is not None:
            with atomic_path(self._notes) as part:
                known = {**self._known(), self._name(target): _digest(target)}
                part.write_text(json.dumps(known, indent=0), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
