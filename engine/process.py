# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the engine process, and speaks to it through its standard input and output without ever waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]

LARGEST_READ = 1 << 16
"""Bytes taken at once, so that to read what has come never takes long."""

PRIVATE = ("GENERIO_API_KEY", "PYTHON")
"""What the names of environment variables begin with that the engine does not get: the key comes through the
pipe, and its Python is to be as it was installed."""


def python_command(executable: str, blender: str) -> tuple[str, ...]:
    """What runs this package in plain Python, up to its arguments.

    executable: the Python that Blender names. blender: Blender's own binary, for where there is no Python
    ("" = none). -I leaves out what the user has installed for another Python.
    """
    if Path(executable).stem.lower().startswith("python"):
        return (executable, "-I", str(ROOT))
    options = ("--background", "--factory-startup", "--offline-mode", "--python-exit-code", "1")
    return (blender, *options, "--python", str(ROOT / "__main__.py"), "--")


class EngineProcess:
    """The process, and the pipe to it. Raises OSError where it cannot be started."""

    def __init__(self, command: Sequence[str]) -> None:
        self._outbox = bytearray()
        self._process = subprocess.Popen(  # noqa: S603 - our own code, by Blender's own Python
            [*command],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(os.environ),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._write, self._read = self._process.stdin.fileno(), self._process.stdout.fileno()
        if os.name == "posix":
            os.set_blocking(self._write, False)
            os.set_blocking(self._read, False)

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
        try:
            while self._outbox:
                del self._outbox[: os.write(self._write, self._outbox)]
        except BlockingIOError:  # the engine is busy, or asleep; on Windows its reading thread is not
            pass
        except OSError:  # it has ended, which `receive` tells
            self._outbox.clear()

    def receive(self) -> bytes | None:
        """What has come, b"" where nothing has; None when the engine has ended."""
        try:
            count = LARGEST_READ if os.name == "posix" else _waiting(self._read)
            if not count:
                return b""
            return os.read(self._read, count) or None
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
            while _is_silent(self._read) and time.monotonic() < end:
                time.sleep(0.001)

    def close(self, patience: float = 0.0) -> None:
        """Let go of it: it sees that, and ends by itself. patience: seconds to wait for that."""
        end = time.monotonic() + patience
        while self._outbox and time.monotonic() < end:
            self.flush()
            time.sleep(0.001)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
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


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the engine: ours, without what is nothing to it."""
    return {name: value for name, value in given.items() if not name.startswith(PRIVATE)}


if sys.platform == "win32":
    import _winapi
    import msvcrt

    def _waiting(file: int) -> int:
        """How many bytes can be read without waiting. Raises OSError where the other side has ended."""
        count, _left = _winapi.PeekNamedPipe(msvcrt.get_osfhandle(file), 0)
        return count

    def _is_silent(file: int) -> bool:
        try:
            return not _waiting(file)
        except OSError:
            return False

else:

    def _waiting(_file: int) -> int:
        return LARGEST_READ

    def _is_silent(_file: int) -> bool:
        return False
