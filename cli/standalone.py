# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line in plain Python: the key comes from the environment, and bpy only where it is needed."""

from __future__ import annotations

import _thread
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import NoChildBlender
from ..core.urls import KEY_VARIABLE, PRODUCTION_URL
from ..engine.conversion import Conversion
from ..engine.converters import CHILD
from ..engine.process import take_input
from .exit_codes import INTERRUPTED
from .job_directory import Home, Host
from .main import run
from .shell import joined


def main(words: Sequence[str]) -> int:
    """Run the command that `words` are, and return its exit code."""
    return run(host_here(), words)


def hosted(words: Sequence[str]) -> int:
    """The same for a Blender, which tells what it knows in the first line of our standard input.

    When that closes Blender has ended, and the command is interrupted.
    """
    told = json.loads(sys.stdin.readline())
    folder, results = map(Path, told["window"])
    host = Host(
        program=told["program"],
        service=told["service"],
        api_key=told["api_key"],
        online=told["online"],
        window=Home(folder, shared=False, results_folder=results),
        converter=lambda: Conversion(told["converter"]),
    )
    try:
        threading.Thread(target=_end_with_blender, args=(take_input(),), daemon=True).start()
        return run(host, words)
    except KeyboardInterrupt:  # before or after what `run` does
        return INTERRUPTED


def _end_with_blender(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    _thread.interrupt_main()


def host_here(service: str = "", api_key: str = "") -> Host:
    """This Python. service, api_key: instead of the usual address, and of the environment's key."""
    return Host(
        program=_program(),
        service=service.strip().rstrip("/") or PRODUCTION_URL,
        api_key=api_key or os.environ.get(KEY_VARIABLE, ""),
        online=True,
        window=None,
        converter=_converter,
        key_hint="" if api_key else f"Here it comes from {KEY_VARIABLE} in the environment.",
    )


def _program() -> str:
    """How the user has started it: by the folder's path, or as a module."""
    started = sys.argv[0]
    return f"python {joined([started])}" if Path(started).is_dir() else "python -m generio_flows"


def _converter() -> Conversion:
    if importlib.util.find_spec("bpy") is None:
        raise NoChildBlender("this Python has no bpy module")
    return Conversion((sys.executable, str(CHILD)))
