# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that a converter runs: a Blender in the background that does one task after the other.

Each line on standard input is a task: {"task": one of TASKS, "source": path, "target": path}. On one line,
the script says how it went: GENERIO_ANSWER {"problem": text, "memory": bytes}. The problem is "", Blender's
own words, or a message of ours as JSON. Where a task takes long, lines before that say how far it is:
GENERIO_PROGRESS and a number from 0 to 1.

The script ends when its standard input closes. It has no second thread: if the parent dies during a task, the
task is done first, and its target deleted, because nobody knows of it any more. A watchdog of Python's own
ends what takes too long.
"""

import faulthandler
import importlib
import json
import os
import re
import sys
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

LONGEST_SECONDS = 20 * 60.0
"""How long a task may take, whether the parent is there to end it or not."""

LONGEST_BAKE_SECONDS = 4 * 3600.0
"""How long baking may take: large maps take a slow processor long."""


def module(name: str) -> Any:
    """Import a module of the add-on. A script is in no package, so the add-on's folder is made one."""
    package = (__package__ or "generio_child.scene.background").removesuffix(".scene.background")
    if package not in sys.modules:
        root = types.ModuleType(package)
        root.__path__ = [str(Path(__file__).parents[2])]
        sys.modules[package] = root
    return importlib.import_module(f"{package}.{name}")


files = module("core.files")
Message = module("core.messages").Message


def report_progress(share: float) -> None:
    """Say how much of a long task is done, 0 to 1."""
    print(f"\nGENERIO_PROGRESS {share:.3f}", flush=True)  # noqa: T201 - how a converter speaks


def task_of(name: str, function: str, *more: Any) -> Callable[[str, str], None]:
    """A function of the module `name`, which is imported when it is called; `more` are its last arguments."""

    def run(source: str, target: str) -> None:
        getattr(module(name), function)(source, target, *more)

    return run


TASKS = {
    "export": task_of("scene.background.make_glb", "make_glb"),
    "import": task_of("scene.background.make_blend", "make_blend"),
    "save": task_of("scene.background.make_blend", "make_file"),
    "picture": task_of("scene.background.make_picture", "make_png"),
    "thumbnail": task_of("scene.background.make_picture", "draw_thumbnail"),
    "bake": task_of("scene.bake.run", "bake", report_progress),
    "bake_files": task_of("scene.bake.files", "bake", report_progress),
    "export_files": task_of("scene.game.run", "export", report_progress),
}


def error_text(error: Exception) -> Any:
    """What an error says, as JSON: a message of ours, or Blender's words, or where it happened."""
    if isinstance(error, MemoryError):
        return Message("there is not enough memory: close other programs.").to_data()
    if not isinstance(error, RuntimeError) or not error.args:
        return "".join(traceback.format_exception(error))
    reason = error.args[0]
    return reason.to_data() if isinstance(reason, Message) else str(error)


def memory() -> int:
    """Bytes that this process takes now; 0 where the system does not tell in a file."""
    if sys.platform != "linux":  # not even where there is such a file, of a Linux below
        return 0
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def do(task: str, source: str, target: str) -> bool:
    """Do a task in an empty file, and say how it went; False where nobody was there to hear that."""
    longest = LONGEST_BAKE_SECONDS if task.startswith("bake") else LONGEST_SECONDS
    faulthandler.dump_traceback_later(longest, exit=True)
    problem = ""
    try:
        # Nothing of the task before; the factory settings, which take five times as long, are there already.
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
        TASKS[task](source, target)
    except Exception as error:  # the parent wants to know why, not an exit code
        problem = error_text(error)
    faulthandler.cancel_dump_traceback_later()
    answer = json.dumps({"problem": problem, "memory": memory()})
    try:
        print(f"\nGENERIO_ANSWER {answer}", flush=True)  # noqa: T201 - how a converter speaks
    except OSError:  # the parent was killed meanwhile, and another one does this task in a file of its own
        files.delete(Path(target))
        files.delete_folder(Path(f"{target}.files"))  # see `scene.game.run`
        return False
    return True


def main() -> None:
    """Do what is asked for until the parent ends, however that happens."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for line in sys.stdin.buffer:
        if not do(**json.loads(line)):
            break
    home = Path(os.environ.get("BLENDER_USER_RESOURCES", ""))
    if re.fullmatch(r"generio-\d+-\w+", home.name):  # which a parent that has died does not remove
        files.delete_folder(home)
    os._exit(0)  # nothing here is worth Blender's teardown, which as a module may wait for ever


if __name__ == "__main__":
    main()
