# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes files for game engines from GLB files, with a background Blender; nothing is sent."""

from __future__ import annotations

import argparse
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
from .exit_codes import INTERRUPTED, SOME_FAILED, SUCCESS
from .items import Item, expand_patterns
from .job_directory import Host
from .lists import UsageError
from .outputs import display_path
from .report import write
from .signals import interruptible

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

_LEVEL = re.compile(r"(.+)_LOD(\d+)")


class GameFile(NamedTuple):
    """A file for a game engine.

    base: the path of the model's GLB, which need not exist. levels: the GLB files of its levels of detail,
    the most detailed one first. target: the file to write.
    """

    base: Path
    levels: tuple[Path, ...]
    target: Path


class ExportOptions(NamedTuple):
    """How files are written, see `scene.game.export.GameExport`. engine: a key of PROFILES."""

    engine: str
    collision: str = "none"
    triangles: int = 64
    each_part: bool = False
    embed: bool = True


def files_of_items(items: Iterable[Item], engine: str) -> list[GameFile]:
    """Return the files to make from the outputs of items; levels of detail share one, with the original as 0.

    Raises UsageError where an output is no GLB.
    """
    found: dict[Path, list[Path]] = {}
    for item in items:
        if item.output.suffix.lower() != ".glb":
            raise UsageError(f"--export needs .glb files, and {display_path(item.output)} is none")
        levels = found.setdefault(item.level_of or item.output, [])
        if item.level_of is not None and not levels:
            assert item.source is not None
            levels.append(item.source)
        levels.append(item.output)
    return [GameFile(base, tuple(levels), target_path(base, engine)) for base, levels in found.items()]


def files_of_models(paths: Sequence[str], folder: Path, engine: str) -> list[GameFile]:
    """Return the files to make from GLB files; NAME_LOD1.glb etc. are levels of NAME.glb or NAME_LOD0.glb.

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
    files = [
        GameFile(base, tuple(parts[each] for each in sorted(parts)), target_path(folder / base.name, engine))
        for base, parts in levels.items()
    ]
    files_by_target: dict[str, GameFile] = {}
    for file in files:
        if (other := files_by_target.setdefault(str(file.target).casefold(), file)) is not file:
            raise UsageError(f"{file.levels[0]} and {other.levels[0]} would both become {file.target}")
    return files


def target_path(base: Path, engine: str) -> Path:
    """Return the path of the file that is made from `base`; a GLB also gets the engine's name."""
    suffix = PROFILES[engine].suffix
    stem = f"{base.stem}_{engine}" if suffix == ".glb" else base.stem
    return base.with_name(stem + suffix)


class GameFileWriter:
    """Writes files for game engines, and remembers which files it has written.

    record_path: a JSON file with the digests of these files, None = it remembers nothing. force: whether to
    overwrite other files. as_json, quiet: how it reports.
    """

    def __init__(
        self,
        converter: Callable[[], Conversion],
        options: ExportOptions,
        *,
        record_path: Path | None,
        force: bool,
        as_json: bool,
        quiet: bool,
    ) -> None:
        self._make_converter = converter
        self._options = options
        self._record_path = record_path
        self._force = force
        self._as_json = as_json
        self._quiet = quiet

    def check(self, wanted: Iterable[GameFile]) -> None:
        """Raise UsageError if another file is in the way, or there is no Blender, before anything is sent."""
        for file in wanted:
            if file.target.exists() and not self._force and not self._was_exported(file.target):
                raise UsageError(
                    f"{display_path(file.target)} exists and was not exported here; move it, or add --force"
                )
        try:
            self._make_converter().close()
        except NoChildBlender as error:
            raise UsageError(f"--export needs Blender: {error}") from None

    def write(self, wanted: Iterable[GameFile], cancelled: Callable[[], bool]) -> int:
        """Write the files whose levels all exist, and return the exit code."""
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
                    self._report(file, f"{error.message} {error.fix}".strip(), error.code)
                except OSError as error:
                    code = SOME_FAILED
                    self._report(file, error.strerror or str(error), "not_saved")
                else:
                    self._report(file, "", "")
        finally:
            converter.close()
        return code

    def _write(self, converter: Conversion, file: GameFile, cancelled: Callable[[], bool]) -> None:
        with tempfile.TemporaryDirectory(prefix="generio-") as folder:
            order, record = Path(folder, "order.json"), Path(folder, "exported.json")
            levels = [MeshOrder(os.path.abspath(level)) for level in file.levels]  # noqa: PTH100 - links stay
            name = file.base.stem
            content = FileOrder(file.target.name, name, False, [SubjectOrder(name, levels)])
            options = self._options._replace(collision=self._options.collision.upper())
            Order(files=[content], **options._asdict()).write(order)
            converter.export(order, record, cancelled)
            deliver(record, file.target.parent, Path(folder).name[-8:])
            self._record(file.target)

    def _report(self, file: GameFile, message: str, code: str) -> None:
        name = display_path(file.target)
        if self._as_json:
            event = {"event": "export", "file": name, "engine": self._options.engine}
            line = json.dumps({**event, "message": message, "code": code})
        elif message:
            line = f"{name}: {message}"
        elif self._quiet:
            return
        else:
            line = f"{name}: Exported"
        write(sys.stdout, line + "\n")

    def _recorded_digests(self) -> dict[str, Any]:
        if self._record_path is not None:
            with suppress(OSError, ValueError):
                return json.loads(self._record_path.read_text(encoding="utf-8"))
        return {}

    def _recorded_name(self, target: Path) -> str:
        assert self._record_path is not None
        return Path(os.path.relpath(target, self._record_path.parent)).as_posix()

    def _was_exported(self, target: Path) -> bool:
        if self._record_path is None:
            return False
        return self._recorded_digests().get(self._recorded_name(target)) == _digest(target)

    def _record(self, target: Path) -> None:
        if self._record_path is not None:
            with atomic_path(self._record_path) as part:
                known = {**self._recorded_digests(), self._recorded_name(target): _digest(target)}
                part.write_text(json.dumps(known, indent=0), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def writer_for(host: Host, options: argparse.Namespace, record_path: Path | None) -> GameFileWriter:
    """Return the writer of files for the game engine that `options` name."""
    export_options = ExportOptions(
        engine=options.export if record_path else options.engine,
        collision=options.collision,
        triangles=options.collision_triangles,
        embed=not options.separate_textures,
    )
    return GameFileWriter(
        host.converter,
        export_options,
        record_path=record_path,
        force=options.force,
        as_json=options.json,
        quiet=options.quiet,
    )


def export(host: Host, options: argparse.Namespace) -> int:
    """Write files of models that are here, and return the exit code. Raises UsageError."""
    models = expand_patterns(options.model)
    wanted = files_of_models(models, options.output, options.engine)
    for name in models:
        if not Path(name).is_file():
            raise UsageError(f"there is no file {name}")
    writer = writer_for(host, options, None)
    writer.check(wanted)
    with interruptible() as interrupted:
        code = writer.write(wanted, interrupted.is_set)
        return INTERRUPTED if interrupted.is_set() else code
