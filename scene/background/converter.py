# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversions between .blend and GLB in a child Blender, so that the user's window never waits for them.

The child is the running binary in the background, or the Python that imported bpy where there is no
binary. It has factory settings, none of the user's add-ons or scripts, no network and no API key, and it
ends when its parent does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import bpy

from ...core import files
from ...core.errors import Cancelled, FlowsError, NoChildBlender, Remedy
from ...core.files import atomic_path
from ...core.log import LOGGER
from ...core.messages import Message
from ...core.text import plain_reason, traced_error
from ...formats.glb import check_glb, required_extension_in
from .. import markers
from ..errors import ExtensionUnknown, NoFaces
from ..locks import alone_with
from ..place.new_data import Arrivals
from ..place.unique_names import names_left_free
from ..restore.restore import snapshot_of
from . import child

CHILD = Path(child.__file__)
ANSWER = "GENERIO_ANSWER "
"""What the line begins with on which the child says how it went; Blender prints other things, too."""

TIMEOUT = 15 * 60.0
"""Seconds; no model that a child can hold takes as long."""

AT_ONCE = threading.BoundedSemaphore(2)
"""Each child takes a core and the memory of a whole model."""


OUR_NAMES = {"snapshot-": Message("the mesh"), "result-": Message("the model")}
"""What the files are called that have names of ours, which say nothing to anybody."""


class ConversionFailed(FlowsError):
    """The child Blender could not read or write the model.

    name: of the file. words: Blender's own, as they came.
    """

    remedy: Remedy = "retry"
    fix = Message("Check the file, or try again.")

    def __init__(self, name: str, words: str) -> None:
        self.words = words
        name = name.removesuffix(".json")  # an order is named after its picture
        told = next((what for prefix, what in OUR_NAMES.items() if name.startswith(prefix)), name)
        super().__init__(
            Message("Blender could not convert {what}: {reason}", what=told, reason=plain_reason(words))
        )


def make_input_here(source: Path, target: Path) -> None:
    """Make what can be sent in this Blender, where no child can be started; the window stands still.

    source, target: as for `Converter.make_input`. Raises ConversionFailed.
    """
    arrivals = Arrivals()
    make = child.export_glb if source.suffix == ".blend" else child.make_png
    with names_left_free():
        try:
            with alone_with(source.name, lambda: False):
                make(str(source), str(target))
        except Exception as error:  # whatever Blender and its exporter may raise
            raise ConversionFailed(source.name, child.words_of(error)) from error
        finally:
            arrivals.remove_unused()


class Converter(NamedTuple):
    """Runs the child. Made on the main thread; its methods may be called from any.

    command: what to run, up to the child script's own arguments.
    """

    command: tuple[str, ...]

    @classmethod
    def of_this_blender(cls) -> Converter:
        """The converter that runs the same Blender as this one."""
        binary = bpy.app.binary_path
        if not binary:
            return cls((sys.executable, str(CHILD)))
        options = ("--background", "--factory-startup", "--offline-mode", "--python-exit-code", "1")
        return cls((binary, *options, "--python", str(CHILD), "--"))

    def make_input(self, source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        """Make what can be sent (see `_run`): of a snapshot, a .blend, a GLB; of a picture a PNG.

        A picture may be an order for one, see `child.make_png`. Several jobs may have the same snapshot; then
        the first one makes the GLB for all, as one file.
        """
        if source.suffix != ".blend":
            self._run("picture", source, target, cancelled)
            return
        with alone_with(source.name, cancelled):
            if not target.exists():  # it only ever gets this name whole
                self._run("export", source, target, cancelled)
            for snapshot in source.parent.parent.glob(f"*/{source.name}"):
                if not (other := snapshot.with_name(target.name)).exists():
                    link(target, other)
                if markers.plain_materials_note(source).exists():
                    markers.plain_materials_note(snapshot).touch()
            # Only now: without a GLB, the others would need them.
            for painting in source.parent.glob(f"{source.stem}-*.png"):
                files.delete(painting)

    def to_blend(self, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """Write what `glb` holds to `blend`, its pictures and a report (JSON) beside it (see `_run`).

        With a snapshot beside it, it is fitted onto that (see `fit`), which then has done its work. Raises
        NoFaces, too, where it has none that could be.
        """
        snapshot = snapshot_of(glb)
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

    def draw_thumbnail(self, blend: Path, png: Path, cancelled: Callable[[], bool]) -> None:
        """Render what `blend` holds as a picture of 256 x 256 pixels (see `_run`)."""
        self._run("thumbnail", blend, png, cancelled)

    def _read(self, task: str, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """As `_run`; raises ExtensionUnknown, too."""
        try:
            self._run(task, glb, blend, cancelled)
        except ConversionFailed as error:
            if extension := required_extension_in(glb, error.words):
                raise ExtensionUnknown(extension) from error
            raise

    def _run(self, task: str, source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        """Raises ConversionFailed with Blender's words, NoChildBlender, Cancelled, or OSError of the disk."""
        # Another process may be faster, and have tidied up: then its file stays.
        with atomic_path(target, overwrite=False) as part:
            output, code = self._output([task, str(source), str(part)], cancelled)
            problem = _problem(output, code)
            if problem:
                if error := traced_error(problem):
                    LOGGER.error("background Blender, %s: %s", task, error)
                raise ConversionFailed(source.name, problem)

    def _output(self, arguments: list[str], cancelled: Callable[[], bool]) -> tuple[str, int | None]:
        """What the child printed, and how it ended."""
        with AT_ONCE, files.temporary_folder(child.HOME) as home, tempfile.TemporaryFile() as log:
            try:
                process = subprocess.Popen(  # noqa: S603 - our own binary with our own script
                    [*self.command, *arguments],
                    stdin=subprocess.PIPE,  # stays open as long as we live: the child ends when it closes
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=_environment(str(home)),
                )
            except OSError as error:
                raise NoChildBlender(str(error)) from error
            began = time.monotonic()
            try:
                _wait(process, cancelled)
                log.seek(0)
                return log.read().decode(errors="replace"), process.returncode
            finally:
                process.kill()
                process.wait()
                took = time.monotonic() - began
                LOGGER.info("background Blender, %s: %s after %.2f s", arguments[0], process.returncode, took)
                assert process.stdin is not None
                process.stdin.close()


def link(source: Path, target: Path) -> None:
    """Let `target` be the same file as `source`, or a copy of it where the disk knows no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as part:
        part.unlink(missing_ok=True)  # a crash may have left it, as a link to `source`
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)


def _environment(home: str) -> dict[str, str]:
    """Ours, without the key and with an empty folder in the place of the user's settings and scripts.

    Blender's temporary files go there, too: a child that is ended does not remove them.
    """
    private = ("GENERIO_API_KEY", "BLENDER_USER_", "BLENDER_SYSTEM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return {**kept, **dict.fromkeys(("BLENDER_USER_RESOURCES", "TMPDIR", "TEMP", "TMP"), home)}


def _wait(process: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> None:
    waited = 0.0
    while True:
        try:
            process.wait(0.05)
            return
        except subprocess.TimeoutExpired:
            waited += 0.05
        if cancelled():
            raise Cancelled
        if waited > TIMEOUT:
            raise ConversionFailed(
                Message("the file"),
                Message("it took longer than {minutes:.0f} minutes.", minutes=TIMEOUT / 60),
            )


def _problem(output: str, code: int | None) -> str:
    """What the child says went wrong, in words of its own or as a message of ours, or ""."""
    for line in output.splitlines():
        if line.startswith(ANSWER):
            said = json.loads(line.removeprefix(ANSWER))["problem"]
            return said if isinstance(said, str) else Message.from_data(said)
    return Message("the child Blender ended with code {code}.", code=str(code))
