"""What the systems differ in, so that a test finds its own way on each, or says why it cannot."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

WINDOWS = sys.platform == "win32"


def _is_wine() -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def _has_links() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            Path(folder, "link").symlink_to(folder)
        except OSError:
            return False
        return True


WINE = _is_wine()

needs_links = pytest.mark.skipif(
    not _has_links(), reason="symbolic links need a right on Windows, and do not work under Wine"
)
needs_sh = pytest.mark.skipif(WINDOWS, reason="Windows has no sh")
needs_pipes = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="Windows has no named pipes among its files"
)
needs_bytes = pytest.mark.skipif(WINDOWS, reason="on Windows the name of a file is no bytes")
needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
needs_terminals = pytest.mark.skipif(WINDOWS, reason="Windows has no pseudo terminals that Python knows")
needs_signals = pytest.mark.skipif(WINDOWS, reason="Windows ends processes at once, and stops none")

KILLED = 1 if WINDOWS else -9
"""Exit code of a process that was killed from outside."""

LISTENS = "GENERIO_TEST_LISTENS"
"""In the environment of a program: that it is interrupted by a line on its standard input."""


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Do what Ctrl-C does, or Ctrl-Break on Windows, where one process cannot do it to another under Wine."""
    if WINDOWS:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    else:
        process.send_signal(signal.SIGINT)


def listen() -> None:
    """Let a line on standard input be Ctrl-Break; for programs that `interrupt` is called for."""
    if not WINDOWS or LISTENS not in os.environ:
        return

    def wait() -> None:
        if sys.stdin.readline():
            signal.raise_signal(signal.SIGBREAK)  # pyright: ignore[reportAttributeAccessIssue]

    threading.Thread(target=wait, daemon=True).start()
