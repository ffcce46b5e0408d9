# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a folder in the system's file manager."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import bpy

from ..core.messages import Message
from ..i18n import translated


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
            threading.Thread(target=process.wait, daemon=True).start()
    except OSError:
        operator.report(
            {"ERROR"}, translated(Message("No program here can show the folder {path}", path=str(path)))
        )
        return {"CANCELLED"}
    return {"FINISHED"}
