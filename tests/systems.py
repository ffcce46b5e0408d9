"""What the systems differ in, so that a test finds its own way on each, or says why it cannot."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
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
        link = Path(folder, "link")
        with suppress(OSError):
            link.symlink_to(folder)
        return link.is_symlink()  # Wine makes none, and says nothing


WINE = _is_wine()

needs_links = pytest.mark.skipif(
    not _has_links(), reason="symbolic links need a right on Windows, and do not work under Wine"
)
needs_sh = pytest.mark.skipif(WINDOWS, reason="Windows has no sh")
needs_pipes = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="Windows has no named pipes among its files"
)
needs_bytes = pytest.mark.skipif(WINDOWS, reason="on Windows the name of a file is no bytes")
needs_proc = pytest.mark.skipif(
    WINDOWS or not Path("/proc/self").exists(), reason="looks at processes in /proc"
)
needs_terminals = pytest.mark.skipif(WINDOWS, reason="Windows has no pseudo terminals that Python knows")
needs_signals = pytest.mark.skipif(WINDOWS, reason="Windows ends processes at once, and stops none")

KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL
"""What ends a process at once, as a crash would: on Windows each signal that is not for a console does."""

DEAD = KILL if WINDOWS else -KILL
"""Exit code of a process that has ended by KILL."""

LISTENS = "GENERIO_TEST_LISTENS"
"""In the environment of a program: that it is interrupted by a line on its standard input."""


def die() -> None:
    """End this process at once, as a crash would."""
    os.kill(os.getpid(), KILL)


def suspend(pid: int) -> None:
    """Let a process do nothing more; it can be killed, and go on with `resume`."""
    if sys.platform != "win32":
        os.kill(pid, signal.SIGSTOP)
    else:
        _call_for_process("NtSuspendProcess", pid)


def resume(pid: int) -> None:
    """Let a process go on that `suspend` has stopped."""
    if sys.platform != "win32":
        os.kill(pid, signal.SIGCONT)
    else:
        _call_for_process("NtResumeProcess", pid)


def _call_for_process(function: str, pid: int) -> None:
    """Call a function of Windows' own library, of which Python knows nothing, for a process."""
    assert sys.platform == "win32"
    import ctypes
    from ctypes import wintypes

    kernel, system = ctypes.WinDLL("kernel32"), ctypes.WinDLL("ntdll")
    kernel.OpenProcess.restype = wintypes.HANDLE
    call = getattr(system, function)
    call.argtypes = kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    may_suspend_and_resume = 0x0800
    handle = kernel.OpenProcess(may_suspend_and_resume, False, pid)
    assert handle and call(handle) == 0
    kernel.CloseHandle(handle)


def goes_first(ours: int, other: int) -> bool:
    """Whether the system gives a core to one process before the other when both want it."""
    if sys.platform != "win32":
        return os.getpriority(os.PRIO_PROCESS, ours) < os.getpriority(os.PRIO_PROCESS, other)
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32")
    kernel.OpenProcess.restype = wintypes.HANDLE
    kernel.GetPriorityClass.argtypes = kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    may_look, normal, below_normal = 0x0400, 0x20, 0x4000
    classes: list[int] = []
    for pid in (ours, other):
        handle = kernel.OpenProcess(may_look, False, pid)
        assert handle
        classes.append(kernel.GetPriorityClass(handle))
        kernel.CloseHandle(handle)
    return classes == [normal, below_normal]


def install(checkout: Path, extensions: Path) -> None:
    """Let the checkout stand among the extensions of a Blender: as a link, or a copy where there are none."""
    extensions.mkdir(parents=True, exist_ok=True)
    target = extensions / "generio_flows"
    if target.exists():
        return
    with suppress(OSError):
        target.symlink_to(checkout, target_is_directory=True)
    if not target.exists():
        shutil.copytree(
            checkout, target, ignore=shutil.ignore_patterns(".*", "tests", "build", "dist", "docs")
        )


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
    if sys.platform != "win32" or LISTENS not in os.environ:
        return
    import _winapi
    import msvcrt

    def wait() -> None:
        # Not by reading: as long as somebody does, libraries that look at standard input cannot be loaded.
        with suppress(OSError):  # who started this reads what it says to the end
            while not _winapi.PeekNamedPipe(msvcrt.get_osfhandle(0), 0)[0]:
                time.sleep(0.02)
            signal.raise_signal(signal.SIGBREAK)

    threading.Thread(target=wait, daemon=True).start()
