# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns jobs: a process, named so that others can tell whether it still lives."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Tells computers of the same name apart, and a computer from what it was before it was switched off."""


def new_owner() -> str:
    """A name for an engine of this process."""
    return f"{machine()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def machine() -> str:
    """Where a process id means the same process: this computer since it started, this Flatpak or such."""
    import socket  # slow to import, and registering an add-on should be quick

    try:
        namespace = f"{Path('/proc/self/ns/pid').readlink()}/{BOOT.read_text().strip()}"
    except OSError:  # no Linux, so no such sandboxes
        namespace = ""
    return f"{socket.gethostname()}/{namespace}".replace(":", "")


def is_here(owner: str) -> bool:
    """Whether an owner's process is, or was, on this machine, so that it has the same clock."""
    return owner.partition(":")[0] == machine()


def is_running(process: int) -> bool | None:
    """Whether the process with this id runs on this machine; None where there is no telling."""
    if os.name != "posix":
        return None
    try:
        os.kill(process, 0)  # asks only
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def is_alive(owner: str) -> bool | None:
    """Whether an owner's process lives; None where there is no telling, as anywhere but on POSIX."""
    process = owner.partition(":")[2].partition(":")[0]
    return is_running(int(process)) if is_here(owner) and process.isdigit() else None
