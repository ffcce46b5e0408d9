# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a folder in the system's file manager."""

import os
import subprocess
import sys
from pathlib import Path

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session import current


class FileManagers:
    """The programs that were started; a system keeps what has ended until somebody asks for it."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Keep a process until it has ended, and forget those that have."""
        self._processes = [known for known in (*self._processes, process) if known.poll() is None]


def show_folder(operator: bpy.types.Operator, path: Path) -> set[str]:
    """Let the system show a folder; returns what the operator has to.

    Blender's own operator (`wm.path_open`) waits until the program that it starts has ended, which with some
    file managers is when they are closed, and says nothing where there is none.
    """
    try:
        if sys.platform == "win32":
            os.startfile(path)  # noqa: S606 - what a double click does
        else:
            program = "open" if sys.platform == "darwin" else "xdg-open"
            process = subprocess.Popen([program, str(path)], stdin=subprocess.DEVNULL)  # noqa: S603 - a folder
            current().part(FileManagers).add(process)
    except OSError:
        operator.report(
            {"ERROR"}, translated(Message("No program here can show the folder {path}", path=str(path)))
        )
        return {"CANCELLED"}
    return {"FINISHED"}
