"""The moments at which a Blender with the add-on kills itself, in the middle of optimizing an object."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

from tests.systems import die

MOMENTS = (
    "export begun",
    "export cut",
    "export done",
    "import begun",
    "import cut",
    "import done",
    "before noting",
    "before placing",
    "after placing",
    "after saving",
)
"""An export makes what is sent, an import what is placed. Begun: the child works; cut: half of its file is on
disk; done: the file has its name, and the ledger does not know. Noting: that a result is to be placed."""


def wait_for(addon: ModuleType, moment: str, note: Path) -> None:
    """Have this process die at `moment`; where a child has only begun, `note` then has its id."""
    edge, _, rest = moment.partition(" ")
    convert, place = addon.scene.background.converter, addon.scene.place.place
    if moment == "after saving":
        bpy.app.handlers.save_post.insert(0, lambda *_: die())
    elif moment == "before noting":
        addon.jobs.Engine.mark_placed_soon = lambda *_: die()
    elif rest == "placing":
        put = place.place

        def put_and_die(*given: Any) -> None:
            if edge == "after":
                put(*given)
            die()

        place.place = put_and_die
    elif rest == "done":
        run = convert.Converter._run

        def run_and_die(converter: Any, task: str, *given: Any) -> None:
            run(converter, task, *given)
            if task == edge:
                die()

        convert.Converter._run = run_and_die
    else:
        wait = convert._wait

        def watched(child: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> None:
            if edge in child.args and rest == "begun":
                note.write_text(str(child.pid))
                die()
            wait(child, cancelled)
            if edge in child.args:
                target = Path(child.args[-1])
                os.truncate(target, target.stat().st_size // 2)
                die()

        convert._wait = watched
