# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line in plain Python. The key comes from the environment; bpy is loaded only if needed."""

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
from .job_directory import Host, JobDirectory
from .main import run
from .shell import join_arguments


def main(words: Sequence[str]) -> int:
    """Run the command with the arguments `words`, and return its exit code."""
    return run(local_host(), words)


def hosted(words: Sequence[str]) -> int:
    """Run a command for a Blender, which sends its settings in the first line of our standard input.

    When standard input closes, Blender has ended, and the command is interrupted. Returns the exit code.
    """
    data = json.loads(sys.stdin.readline())
    folder, results = map(Path, data["window"])
    host = Host(
        program=data["program"],
        service=data["service"],
        api_key=data["api_key"],
        online=data["online"],
        window=JobDirectory(folder, shared=False, results_folder=results),
        converter=lambda: Conversion(data["converter"]),
    )
    try:
        threading.Thread(target=_end_with_blender, args=(take_input(),), daemon=True).start()
        return run(host, words)
    except KeyboardInterrupt:  # The signal came before or after `run`.
        return INTERRUPTED


def _end_with_blender(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    _thread.interrupt_main()


def local_host(service: str = "", api_key: str = "") -> Host:
    """Return this Python as the host; `service` and `api_key` override the default and the environment."""
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
    """Return how the user has started this program: by the folder's path, or as a module."""
    started = sys.argv[0]
    return f"python {join_arguments([started])}" if Path(started).is_dir() else "python -m generio_flows"


def _converter() -> Conversion:
    if importlib.util.find_spec("bpy") is None:
        raise NoChildBlender("this Python has no bpy module")
    return Conversion((sys.executable, str(CHILD)))
