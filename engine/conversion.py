# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversions between .blend, GLB and pictures, as the engine wants them done (`jobs.conversions`)."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from ..core import files
from ..core.errors import Cancelled
from ..core.files import atomic_path, link
from ..core.log import LOGGER
from ..core.messages import Message
from ..core.text import traced_error
from ..formats import raw_pixels
from ..formats.glb import check_glb, required_extension_in
from ..scene import markers
from ..scene.errors import BakeFailed, ConversionFailed, ExportFailed, ExtensionUnknown, NoFaces
from .converters import TIMEOUT, ConverterDied, Converters, Report, TookTooLong, ignore_progress

PAINTINGS_SECONDS = 60.0
"""What Blender writes raw beside a snapshot is there sooner, unless Blender is gone."""


_FAILURES = {"bake": BakeFailed, "bake_files": BakeFailed, "export_files": ExportFailed}
"""What a task raises that fails, where that is no conversion."""


class Conversion:
    """What needs a Blender; its methods may be called from any thread.

    command: what starts a converter, see `Converters`.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._converters = Converters(command)
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._locks_lock = threading.Lock()

    def warm(self) -> None:
        """There will be something to convert soon; returns at once."""
        self._converters.warm()

    def end_idle(self) -> None:
        """End converters that have had nothing to do for a while; to be called now and then."""
        self._converters.end_idle()

    def close(self) -> None:
        """End all converters."""
        self._converters.close()

    def make_input(self, source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        """Make what can be sent (see `_run`): of a snapshot, a .blend, a GLB; of a picture a PNG.

        A picture may be an order for one, see `make_picture.make_png`. Several jobs may have the same
        snapshot; then the first one makes the GLB for all, as one file.
        """
        if source.suffix != ".blend":
            self._run("picture", source, target, cancelled)
            return
        with self._alone_with(source.name, cancelled):
            if not target.exists():  # it only ever gets this name whole
                _finish_paintings(source, cancelled)
                self._run("export", source, target, cancelled)
            for snapshot in source.parent.parent.glob(f"*/{source.name}"):
                if not (other := snapshot.with_name(target.name)).exists():
                    link(target, other)
                if markers.plain_materials_note(source).exists():
                    markers.plain_materials_note(snapshot).touch()
            # Only now: without a GLB, the others would need them.
            for note in _paintings_notes(source):
                for name in json.loads(note.read_text(encoding="utf-8")):
                    files.delete(note.with_name(name))
                files.delete(note)

    def to_blend(self, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """Convert `glb` to `blend`, with its pictures and a report (JSON) beside it (see `_run`).

        If there is a snapshot beside `glb`, mesh data are restored from it (see `scene.restore`), and it is
        deleted. Raises NoFaces, too, if the model has no faces to restore.
        """
        snapshot = markers.snapshot_of(glb)
        if not blend.exists():  # it only ever gets this name whole
            if snapshot and not check_glb(glb).triangles:  # on which Blender 4.2 raises
                raise NoFaces
            self._read("import", glb, blend, cancelled)
        if snapshot:
            files.delete(markers.plain_materials_note(snapshot))
            files.delete(snapshot)

    def to_file(self, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """Write what `glb` holds to `blend` as a file to open, with a scene, images packed (see `_run`)."""
        self._read("save", glb, blend, cancelled)

    def bake(self, snapshot: Path, blend: Path, cancelled: Callable[[], bool], report: Report) -> None:
        """Bake what a snapshot asks for (see `scene.bake`), one at a time: each takes all processors.

        Maps and a report (JSON) lie beside `blend` then. report: receives how much is done, 0 to 1. Raises as
        `_run`.
        """
        with self._alone_with("bake", cancelled):
            if not blend.exists():  # it only ever gets this name whole
                _finish_paintings(snapshot, cancelled)
                self._run("bake", snapshot, blend, cancelled, report)

    def bake_glb(
        self, original: Path, light: Path, size: int, target: Path, cancelled: Callable[[], bool]
    ) -> None:
        """Write the GLB `light` to `target`, with what it has lost of `original` as maps.

        size: of the maps, pixels a side. Raises as `_run`.
        """
        with self._alone_with("bake", cancelled):
            if target.exists():  # it only ever gets this name whole
                return
            order = target.with_suffix(".json")
            content = {"original": str(original), "light": str(light), "size": size}
            order.write_text(json.dumps(content), encoding="utf-8")
            try:
                self._run("bake_files", order, target, cancelled)
            finally:
                files.delete(order)

    def draw_thumbnail(self, blend: Path, png: Path, cancelled: Callable[[], bool]) -> None:
        """Render what `blend` holds as a picture of 256 x 256 pixels (see `_run`)."""
        self._run("thumbnail", blend, png, cancelled)

    def export(
        self, order: Path, note: Path, cancelled: Callable[[], bool], report: Report = ignore_progress
    ) -> None:
        """Write files for a game engine into a folder beside `note`, which says which (see `jobs.exported`).

        order: see `scene.game.order`. report: receives how much is done, 0 to 1. Raises as `_run`.
        """
        if note.exists():  # it only ever gets this name whole
            return
        for abandoned in note.parent.glob(f"{note.name}.*.files"):
            files.delete_folder(abandoned)
        for snapshot in order.parent.glob(markers.SNAPSHOTS):
            _finish_paintings(snapshot, cancelled)
        self._run("export_files", order, note, cancelled, report)

    @contextmanager
    def _alone_with(self, name: str, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Wait until no other thread has to do with the snapshots of this name. Raises Cancelled."""
        with self._locks_lock:
            lock = self._locks.setdefault(name, threading.Lock())
        while not lock.acquire(timeout=0.05):
            if cancelled():
                raise Cancelled
        try:
            yield
        finally:
            lock.release()

    def _read(self, task: str, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """As `_run`; raises ExtensionUnknown, too."""
        try:
            self._run(task, glb, blend, cancelled)
        except ConversionFailed as error:
            if extension := required_extension_in(glb, error.words):
                raise ExtensionUnknown(extension) from error
            raise

    def _run(
        self,
        task: str,
        source: Path,
        target: Path,
        cancelled: Callable[[], bool],
        report: Report = ignore_progress,
    ) -> None:
        """Raises ConversionFailed with Blender's words, NoChildBlender, Cancelled, or OSError of the disk."""
        # A converter whose engine was killed may still write; it is not to write into the same file.
        for abandoned in target.parent.glob(f"{target.name}.*.part"):
            files.delete(abandoned)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        # Another process may be faster, and have tidied up: then its file stays.
        with atomic_path(target, part, overwrite=False):
            try:
                problem = self._converters.do(task, source, part, cancelled, report)
            except ConverterDied as died:
                problem = Message(
                    "the background Blender ended with code {code}. If there was not enough memory, close "
                    "other programs.",
                    code=str(died.code),
                )
            except TookTooLong:
                problem = Message("it took longer than {minutes:.0f} minutes.", minutes=TIMEOUT / 60)
            if problem:
                if error := traced_error(problem):
                    LOGGER.error("converter, %s: %s", task, error)
                raise _FAILURES.get(task, ConversionFailed)(source.name, problem)


def _paintings_notes(snapshot: Path) -> list[Path]:
    """The note about paintings beside a snapshot, or beside the one of which it is another copy."""
    return [*snapshot.parent.parent.glob(f"*/{markers.paintings_note(snapshot).name}")]


def _finish_paintings(snapshot: Path, cancelled: Callable[[], bool]) -> None:
    """Wait for the paintings that Blender still writes, and make PNG files of them. Raises Cancelled.

    One that does not come is told by the converter, which misses it.
    """
    end = time.monotonic() + PAINTINGS_SECONDS
    for note in _paintings_notes(snapshot):
        for name in json.loads(note.read_text(encoding="utf-8")):
            painting = note.with_name(name)
            raw = markers.raw_painting(painting)
            while not (raw.exists() or painting.exists()) and time.monotonic() < end:
                if cancelled():
                    raise Cancelled
                time.sleep(0.05)
            if raw.exists():
                raw_pixels.to_png(raw, painting, 0)
