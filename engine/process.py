# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the engine process, and speaks to it through its standard input and output without ever waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from ..core.interpreters import background_command, is_isolated

ROOT = Path(__file__).parents[1]

LARGEST_READ = 1 << 16
"""Bytes taken at once, so that to read what has come never takes long."""

PIPE_BYTES = 1 << 18
"""What a pipe holds on Windows."""

PIECE = 1 << 12
"""Bytes written at once: on Windows a pipe takes either all of them or none."""

COMPLAINTS = subprocess.DEVNULL if os.name == "nt" else None
"""Where its standard error goes. On Windows Blender's console may be gone, and whatever would get its handle
then cannot be started."""

PRIVATE = "GENERIO_API_KEY"
"""What the engine does not get from the environment: the key comes through the pipe."""

OF_PYTHON = "PYTHON"
"""What the names of environment variables begin with that tell a Python where its modules are."""

PRIORITY = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
"""Of the engine and its converters on Windows, where who starts a process gives it that."""

NICENESS = 5
"""The same elsewhere: on a machine where all cores are at work, Blender's window goes first."""


def python_command(executable: str, blender: str, isolated: bool = True) -> tuple[str, ...]:
    """What runs this package in plain Python, up to its arguments.

    executable: the Python that Blender names. blender: Blender's own binary, for where there is no Python
    ("" = none), or a virus scanner has taken it away. isolated: see `is_isolated`.
    """
    python = Path(executable)
    if python.stem.lower().startswith("python") and (python.is_file() or not blender):
        return (executable, *(("-I",) if isolated else ()), str(ROOT))
    return blender_command(blender, isolated)


def blender_command(blender: str, isolated: bool = True) -> tuple[str, ...]:
    """The same in Blender itself; () where there is no binary of it."""
    return (*background_command(blender, isolated), str(ROOT / "__main__.py"), "--") if blender else ()


def take_input() -> int:
    """A descriptor of standard input for ourselves alone; whatever else reads from that gets nothing.

    On Windows a library that looks at standard input while it is loaded waits as long as a thread reads that:
    numpy's do.
    """
    ours, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return ours


def yield_to_others() -> None:
    """Let this process, and those that it starts, have what other processes of the user leave of the cores.

    On Windows `EngineProcess` has seen to that.
    """
    if os.name == "posix":
        os.nice(NICENESS)


class EngineProcess:
    """The process, and the pipes to it. Raises OSError where it cannot be started.

    It works in the folder of its program, which it holds anyway: that in which Blender was started is mostly
    the project's, and on Windows, or on a disk that is to be taken out, has to stay as long as a process
    works there. So all paths that the engine gets have to be absolute. The engine is in a process group of
    its own: closing the terminal, or pressing Ctrl-C there, is meant for Blender. It has no session of its
    own, because Linux shares the cores among sessions, whatever the priorities of their processes.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._outbox = bytearray()
        with ExitStack() as theirs, ExitStack() as ours:
            stdin, write = _new_pipe()
            theirs.callback(os.close, stdin)
            self._write = ours.enter_context(os.fdopen(write, "wb", buffering=0))
            read, stdout = _new_pipe()
            theirs.callback(os.close, stdout)
            self._read = ours.enter_context(os.fdopen(read, "rb", buffering=0))
            _let_never_wait(write, read)
            self._process = subprocess.Popen(  # noqa: S603 - our own code, by Blender's own Python
                [*command],
                stdin=stdin,
                stdout=stdout,
                stderr=COMPLAINTS,
                env=environment(os.environ, is_isolated()),
                cwd=Path(command[0]).parent,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0) | PRIORITY,
                process_group=0,
            )
            ours.pop_all()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, data: bytes) -> None:
        """Send bytes when the pipe takes them: now, or with one of the next calls of `flush`."""
        self._outbox += data
        self.flush()

    def flush(self) -> None:
        """Send what is left to send, as much as goes without waiting."""
        with suppress(OSError):  # it takes no more by now, or has ended, which `receive` tells
            while self._outbox:
                del self._outbox[: os.write(self._write.fileno(), self._outbox[:PIECE])]

    def receive(self) -> bytes | None:
        """What has come, b"" where nothing has; None when the engine has ended."""
        try:
            count = _waiting(self._read.fileno())
            return (os.read(self._read.fileno(), count) or None) if count else b""
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def wait(self, seconds: float) -> None:
        """Wait until something has come, or for `seconds`; for where somebody may wait."""
        if os.name == "posix":
            import select

            select.select([self._read], [self._write] if self._outbox else [], [], seconds)
        else:
            end = time.monotonic() + seconds
            while _is_silent(self._read.fileno()) and time.monotonic() < end:
                self.flush()
                time.sleep(0.001)

    def close(self, patience: float = 0.0) -> None:
        """Let go of it: it sees that, and ends by itself. patience: seconds to wait for that."""
        end = time.monotonic() + patience
        while self._outbox and not self.has_ended() and time.monotonic() < end:
            self.flush()
            time.sleep(0.001)
        self._write.close()
        self._read.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, end - time.monotonic()))

    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self.close()


def environment(given: Mapping[str, str], isolated: bool) -> dict[str, str]:
    """The environment of the engine: ours, without what is nothing to it. isolated: see `is_isolated`."""
    left_out = (PRIVATE, OF_PYTHON) if isolated else (PRIVATE,)
    return {name: value for name, value in given.items() if not name.startswith(left_out)}


if sys.platform == "win32":
    import _winapi
    import msvcrt

    PIPE_NOWAIT = 1  # of winbase.h

    def _new_pipe() -> tuple[int, int]:
        """Descriptors of a pipe: where it is read, and where it is written. Raises OSError."""
        read, write = _winapi.CreatePipe(None, PIPE_BYTES)
        return msvcrt.open_osfhandle(read, os.O_RDONLY), msvcrt.open_osfhandle(write, 0)

    def _let_never_wait(write: int, _read: int) -> None:
        """Have a write that would wait fail; what is read is looked for first, see `_waiting`."""
        _winapi.SetNamedPipeHandleState(msvcrt.get_osfhandle(write), PIPE_NOWAIT, None, None)

    def _waiting(read: int) -> int:
        """How many bytes can be read without waiting. Raises OSError where the other side has ended."""
        *_, count, _of_this_message = _winapi.PeekNamedPipe(msvcrt.get_osfhandle(read), 0)
        return count

    def _is_silent(read: int) -> bool:
        try:
            return not _waiting(read)
        except OSError:
            return False

else:
    _new_pipe = os.pipe

    def _let_never_wait(*files: int) -> None:
        for file in files:
            os.set_blocking(file, False)

    def _waiting(_read: int) -> int:
        return LARGEST_READ

    def _is_silent(_read: int) -> bool:
        return False
