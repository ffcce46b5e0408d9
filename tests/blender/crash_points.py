"""The moments at which a process dies in the middle of optimizing: Blender, its engine, or a converter.

As a program (`python tests/blender/crash_points.py MOMENT VICTIM NOTE`) it is an engine process that brings
that about, once. An engine process does not work in the folder of the project, so it is told where that is.
"""

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.systems import KILL, die

CONVERSIONS = ("export begun", "export cut", "export done", "import begun", "import cut", "import done")
"""An export makes what is sent, an import what is placed. Begun: the converter works; cut: half of its file
is on disk; done: the file has its name, and the job list does not know."""

MOMENTS = (*CONVERSIONS, "before noting", "before placing", "after placing", "after saving")
"""Noting: that a result is to be placed."""


def wait_for(addon: ModuleType, moment: str, victim: str, note: Path) -> None:
    """Have a process die at `moment`; where that is one of a conversion, `note` then has the ids of all."""
    import bpy

    edge = moment.partition(" ")[0]
    place = addon.scene.place.place
    if moment == "after saving":
        bpy.app.handlers.save_post.insert(0, lambda *_: die())
    elif moment == "before noting":
        addon.engine.client.EngineClient.mark_placed_soon = lambda *_: die()
    elif moment.endswith("placing"):
        put = place.place_models

        def put_and_die(*given: Any) -> None:
            if edge == "after":
                put(*given)
            die()

        place.place_models = put_and_die
    else:
        command = (sys.executable, str(Path(__file__).resolve()), moment, victim, str(note))
        addon.session.session.python_command = lambda *_: command


def arm(moment: str, victim: str, note: Path) -> None:
    """Have this engine process kill the victim at a moment of a conversion."""
    from generio_flows.engine.conversion import Conversion
    from generio_flows.engine.converters import Converter

    edge, _, rest = moment.partition(" ")
    process = 0  # of the converter

    def kill() -> None:
        pids = {"Blender": os.getppid(), "engine": os.getpid(), "converter": process}
        part = note.with_name("part")
        part.write_text(json.dumps(pids))
        part.replace(note)
        os.kill(pids[victim], KILL)
        if rest != "begun":  # half a file is what the end of all leaves
            die()

    write, do, run = Converter._write, Converter.do, Conversion._run

    def writes(converter: Any, said: dict[str, Any]) -> None:
        nonlocal process
        process = converter._process.pid
        write(converter, said)
        if said["task"] == edge and rest == "begun" and not note.exists():
            kill()

    def does(converter: Any, task: str, source: Path, target: Path, *more: Any) -> Any:
        answer = do(converter, task, source, target, *more)
        if task == edge and rest == "cut":
            os.truncate(target, target.stat().st_size // 2)
            kill()
        return answer

    def runs(conversion: Any, task: str, *given: Any) -> None:
        run(conversion, task, *given)
        if task == edge and rest == "done":
            kill()

    Converter._write, Converter.do, Conversion._run = writes, does, runs


def main() -> None:
    """Be the engine process."""
    import tests.conftest  # noqa: F401 - maps the name

    # isort: split
    from generio_flows.engine import server

    moment, victim, note = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if not note.exists():
        arm(moment, victim, note)
    server.main()


if __name__ == "__main__":
    main()
