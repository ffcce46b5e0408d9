# SPDX-License-Identifier: GPL-3.0-or-later
"""Background Blenders that stay: each does one conversion after the other, and ends when it was idle.

To start a Blender takes a second, a conversion of a small model a hundredth of one. A converter is the
running binary in the background, or the Python that imported bpy where there is no binary. It has factory
settings, none of the user's add-ons or scripts, no network and no API key. What it is to do comes as lines of
JSON on its standard input, and it ends when that closes, however its parent ends.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import files
from ..core.errors import Cancelled, NoChildBlender
from ..core.log import LOGGER
from ..core.messages import Message
from ..jobs.process_id import began

CHILD = Path(__file__).parents[1] / "scene" / "background" / "child.py"
"""The script that a converter runs."""

HOME = "generio-"
"""What the name of the folder begins with that stands in for the user's, and for temporary files. The process
id of its engine follows."""

ANSWER = "GENERIO_ANSWER "
"""What the line begins with on which a converter says how it went; Blender prints other things, too."""

PROGRESS = "GENERIO_PROGRESS "
"""What the line begins with on which it says how much of a task is done, 0 to 1."""

TIMEOUT = 15 * 60.0
"""Seconds without a word; no model that a converter can hold takes as long, and no map of a bake."""

IDLE_SECONDS = 120.0
"""After so long without anything to do a converter ends."""

MOST = 2
"""Converters at once: each takes a core and the memory of a whole model."""

MOST_TASKS = 400
"""After so many conversions another one takes a converter's place, whatever they may have left in it."""

MOST_GROWTH = 512 << 20
"""Bytes by which a converter may have grown since it was started, before another one takes its place."""


CRASHED_TRIES = 2
KILLED_TRIES = 4

KILLED = -9
"""How a process has ended, to Python, that was killed on POSIX."""


Report = Callable[[float], None]
"""Takes how much of a task is done, 0 to 1."""


def ignore_progress(_share: float) -> None:
    """Nobody asks how far a short task is."""


class ConverterDied(Exception):
    """The converter has ended without an answer; `code` is how."""

    def __init__(self, code: int | None) -> None:
        super().__init__(str(code))
        self.code = code


class TookTooLong(Exception):
    """A conversion said nothing for longer than TIMEOUT, and was ended."""


@dataclass
class Answer:
    """What a converter says of a task. problem: "" or what went wrong, in Blender's words or as a message."""

    problem: str


class Converter:
    """One background Blender, for one thread at a time. Raises NoChildBlender where none can be started.

    command: what to run, up to the child script's own arguments.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.idle_since = time.monotonic()
        self._tasks = 0
        self._memory = 0  # bytes that it took when it had done its first task; 0 where that is not known
        self._is_grown = False
        self._home = tempfile.mkdtemp(prefix=f"{HOME}{os.getpid()}-")
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary with our own script
                [*command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(self._home),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                process_group=0,  # Ctrl-C is for who started it
            )
        except OSError as error:
            files.delete_folder(Path(self._home))
            raise NoChildBlender(str(error)) from error
        threading.Thread(target=self._read, name="converter", daemon=True).start()
        LOGGER.info("converter %d: started", self._process.pid)

    @property
    def is_worn_out(self) -> bool:
        """Whether another one should take its place."""
        return self._tasks >= MOST_TASKS or self._is_grown or self._process.poll() is not None

    def do(
        self,
        task: str,
        source: Path,
        target: Path,
        cancelled: Callable[[], bool],
        report: Report = ignore_progress,
    ) -> Answer:
        """Have a task done, see `child.TASKS`. Raises Cancelled, TookTooLong or ConverterDied.

        report: receives how much is done, 0 to 1. After an error the converter has ended.
        """
        began = time.monotonic()
        self._tasks += 1
        try:
            self._write({"task": task, "source": str(source), "target": str(target)})
            answer = self._await(cancelled, report)
        except BaseException as error:
            self.end()
            LOGGER.warning(
                "converter %d, %s: %s after %.2f s",
                self._process.pid,
                task,
                type(error).__name__,
                time.monotonic() - began,
            )
            raise
        self.idle_since = time.monotonic()
        LOGGER.info("converter %d, %s: %.2f s", self._process.pid, task, self.idle_since - began)
        memory = answer.get("memory", 0)
        self._memory = self._memory or memory
        self._is_grown = memory - self._memory > MOST_GROWTH
        problem = answer["problem"]
        return Answer(problem if isinstance(problem, str) else Message.from_data(problem))

    def _write(self, task: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(task).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError:  # it has ended
            raise ConverterDied(self._process.wait()) from None

    def _await(self, cancelled: Callable[[], bool], report: Report) -> dict[str, Any]:
        until = time.monotonic() + TIMEOUT
        while True:
            try:
                line = self._lines.get(timeout=0.05)
            except queue.Empty:
                if cancelled():
                    raise Cancelled from None
                if time.monotonic() > until:
                    raise TookTooLong from None
                continue
            if line is None:
                raise ConverterDied(self._process.wait())
            if line.startswith(ANSWER.encode()):
                return json.loads(line[len(ANSWER) :])
            report(float(line[len(PROGRESS) :]))
            until = time.monotonic() + TIMEOUT

    def _read(self) -> None:
        """In a thread: hand on what it prints."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                if line.startswith((ANSWER.encode(), PROGRESS.encode())):
                    self._lines.put(line)
        self._lines.put(None)

    def end(self) -> None:
        """End it, at once, with all that it has left on the disk."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        files.delete_folder(Path(self._home))


class Converters:
    """Up to MOST of them, started when they are needed, or a little before, and ended when they are not.

    command: what starts one. All methods may be called from any thread.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = [*command]
        self._free: list[Converter] = []  # the one that was used last comes last
        self._slots = threading.BoundedSemaphore(MOST)
        self._lock = threading.Lock()
        self._is_closed = False
        self._is_warming = False

    def do(
        self,
        task: str,
        source: Path,
        target: Path,
        cancelled: Callable[[], bool],
        report: Report = ignore_progress,
    ) -> str:
        """Have a task done; returns what went wrong in it, or "".

        A model that crashes its converter is tried once more, in a fresh one. One that was killed from
        outside, as systems do that run out of memory, is no proof against the model: then it is tried up to
        KILLED_TRIES times. Raises Cancelled, TookTooLong, ConverterDied, or NoChildBlender.
        """
        if cancelled():
            raise Cancelled
        with self._slot(cancelled):
            converter = self._acquire() or Converter(self._command)
            tries = 1
            while True:
                try:
                    return self._run_on(converter, task, source, target, cancelled, report)
                except ConverterDied as died:
                    if tries >= (KILLED_TRIES if died.code == KILLED else CRASHED_TRIES):
                        raise
                tries += 1
                converter = Converter(self._command)

    def warm(self) -> None:
        """Have a converter ready soon: there will be something to do. Returns at once."""
        with self._lock:
            if self._free or self._is_warming or self._is_closed:
                return
            self._is_warming = True
        threading.Thread(target=self._warm, name="generio-warm", daemon=True).start()

    def _warm(self) -> None:
        try:
            if self._slots.acquire(blocking=False):  # else there are as many as there may be
                try:
                    if not self._free:  # one may have come back by now
                        with suppress(NoChildBlender):
                            self._release(Converter(self._command))
                finally:
                    self._slots.release()
        finally:
            self._is_warming = False

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """End those that have had nothing to do for `seconds`."""
        late = time.monotonic() - seconds
        with self._lock:
            ended = [converter for converter in self._free if converter.idle_since <= late]
            self._free = [converter for converter in self._free if converter not in ended]
        for converter in ended:
            converter.end()

    def close(self) -> None:
        """End all of them; those that are at work end with what their caller says."""
        with self._lock:
            self._is_closed = True
        self.end_idle(0.0)

    @contextmanager
    def _slot(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        while not self._slots.acquire(timeout=0.05):
            if cancelled():
                raise Cancelled
        try:
            yield
        finally:
            self._slots.release()

    def _acquire(self) -> Converter | None:
        with self._lock:
            while self._free:
                converter = self._free.pop()
                if not converter.is_worn_out:
                    return converter
                converter.end()
        return None

    def _run_on(
        self,
        converter: Converter,
        task: str,
        source: Path,
        target: Path,
        cancelled: Callable[[], bool],
        report: Report,
    ) -> str:
        answer = converter.do(task, source, target, cancelled, report)
        self._release(converter)
        return answer.problem

    def _release(self, converter: Converter) -> None:
        with self._lock:
            if not (converter.is_worn_out or self._is_closed):
                self._free.append(converter)
                return
        converter.end()


def _environment(home: str) -> dict[str, str]:
    """Ours, without the key and with an empty folder in the place of the user's settings and scripts.

    Blender's temporary files go there, too: a converter that is ended does not remove them.
    """
    private = ("GENERIO_API_KEY", "BLENDER_USER_", "BLENDER_SYSTEM_")
    passed_on = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return {**passed_on, **dict.fromkeys(("BLENDER_USER_RESOURCES", "TMPDIR", "TEMP", "TMP"), home)}


def remove_homes_of_the_dead() -> None:
    """Remove the folders of converters whose engine was killed together with them."""
    for home in Path(tempfile.gettempdir()).glob(f"{HOME}*-*"):
        process = home.name.removeprefix(HOME).partition("-")[0]
        if process.isdecimal() and began(int(process)) is None:
            files.delete_folder(home)
