# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns jobs: a process, named so that others can tell whether it still lives.

An owner is `machine:process:engine`. A process is its id and when it began, as the system says it, since an
id is given to another process sooner or later.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
import uuid
from contextlib import suppress
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Tells computers of the same name apart, and a computer from what it was before it was switched off."""

UNKNOWN = ""
"""When a process began that the system says nothing of, but that it lives."""


def new_owner() -> str:
    """A name for an engine of this process."""
    return f"{machine()}:{this_process()}:{uuid.uuid4().hex[:8]}"


def this_process() -> str:
    """This process as owners name it: `id-beginning`."""
    return f"{os.getpid()}-{began(os.getpid()) or UNKNOWN}"


def is_here(owner: str) -> bool:
    """Whether an owner's process is, or was, on this machine, so that it has the same clock."""
    return owner.partition(":")[0] == machine()


def is_alive(owner: str) -> bool | None:
    """Whether an owner's process lives; None where there is no telling, as of other machines."""
    number, _, beginning = owner.partition(":")[2].partition(":")[0].partition("-")
    if not is_here(owner) or not number.isdecimal():
        return None
    now = began(int(number))
    return now is not None and (UNKNOWN in (now, beginning) or now == beginning)


def machine() -> str:
    """Where a process id means the same process: this computer, this Flatpak or such."""
    name = {"win32": _windows_machine, "darwin": _mac}.get(sys.platform, _linux)()
    return unicodedata.normalize("NFC", name).replace(":", "")


def began(number: int) -> str | None:
    """When a process of this machine began, in the system's own terms; None where none of that id lives."""
    if sys.platform == "win32":
        return _began_on_windows(number)
    try:
        words = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _ask_ps(number) if sys.platform == "darwin" else _ask_system(number)
    state, *fields = words.rpartition(")")[2].split()  # the name before it may have any character
    return None if state in "ZX" else fields[18]  # clock ticks since the computer started: proc(5)


def _ask_system(number: int) -> str | None:
    """UNKNOWN where there is such a process, which the system may hide from other users."""
    if number == 0:  # which means all of our own group
        return None
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        pass
    return UNKNOWN


def _ask_ps(number: int) -> str | None:
    """As `began`; its words have the second, in UTC, and no colon."""
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    command = ["/bin/ps", "-o", "stat=", "-o", "lstart=", "-p", str(number)]
    try:
        listed = subprocess.run(  # noqa: S603 - a program of the system, and a number
            command, env=environment, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return _ask_system(number)
    state, *words = listed.stdout.split() or "Z"
    return None if state.startswith("Z") else "".join(words).replace(":", "")


def _began_on_windows(number: int) -> str | None:
    """As `began`: what GetProcessTimes says, in units of 100 ns since 1601."""
    assert sys.platform == "win32"
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    kernel.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    times = (ctypes.c_uint64 * 4)()
    kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.c_void_p] * 4)
    query, synchronize, refused, ended = 0x1000, 0x100000, 5, 0
    if number >= 1 << 32:
        return None
    handle = kernel.OpenProcess(query | synchronize, False, number)
    if not handle:
        return UNKNOWN if ctypes.get_last_error() == refused else None
    try:
        if kernel.WaitForSingleObject(handle, 0) == ended:  # somebody still has a handle of it
            return None
        places = [ctypes.addressof(times) + 8 * place for place in range(4)]
        return str(times[0]) if kernel.GetProcessTimes(handle, *places) else UNKNOWN
    finally:
        kernel.CloseHandle(handle)


# ---------------------------------------------------------------------- computers


def _host() -> str:
    import socket  # slow to import, and registering an add-on should be quick

    return socket.gethostname()


def _linux() -> str:
    try:
        namespace = f"{Path('/proc/self/ns/pid').readlink()}/{BOOT.read_text().strip()}"
    except OSError:  # another system, without such sandboxes
        namespace = ""
    return f"{_host()}/{namespace}"


def _mac() -> str:
    """The computer's own id: its name is another in each network."""
    import ctypes

    number, wait = (ctypes.c_ubyte * 16)(), (ctypes.c_long * 2)(1, 0)
    with suppress(OSError, AttributeError):
        if ctypes.CDLL(None).gethostuuid(number, wait) == 0:
            return uuid.UUID(bytes=bytes(number)).hex
    return _host()


def _windows_machine() -> str:
    """Its name, and what Windows has given it when it was installed: names are not always given with care."""
    assert sys.platform == "win32"
    import winreg

    number = ""
    place = r"SOFTWARE\Microsoft\Cryptography"
    with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
        number = str(winreg.QueryValueEx(key, "MachineGuid")[0])
    return f"{_host()}/{number}"
