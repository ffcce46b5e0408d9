"""The moments at which a Blender with the add-on kills itself, in the middle of optimizing an object."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

MOMENTS = (
    "export begun",
    "export done",
    "import begun",
    "import done",
    "before placing",
    "after placing",
    "after saving",
)
"""An export makes what is sent, an import what is placed. Begun: the child works; done: nobody knows yet."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for(addon: ModuleType, moment: str, note: Path) -> None:
    """Have this process die at `moment`; `note` then has the id of the child, if that is about one."""
    edge, _, rest = moment.partition(" ")
    convert, place = addon.scene.convert, addon.scene.place
    if moment == "after saving":
        bpy.app.handlers.save_post.insert(0, lambda *_: die())
    elif rest == "placing":
        put = place.place

        def put_and_die(*given: Any) -> None:
            if edge == "after":
                put(*given)
            die()

        place.place = put_and_die
    else:
        wait = convert._wait

        def watched(child: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> None:
            if edge not in child.args:
                wait(child, cancelled)
                return
            note.write_text(str(child.pid))
            if rest == "done":
                wait(child, cancelled)
            die()

        convert._wait = watched
