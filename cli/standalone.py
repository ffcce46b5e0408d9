# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line in plain Python: the key comes from the environment, and bpy only where it is needed."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import NoChildBlender
from ..core.urls import KEY_VARIABLE, PRODUCTION_URL
from ..engine.conversion import Conversion
from ..engine.converters import CHILD
from .job_directory import Host
from .main import run
from .shell import joined


def main(words: Sequence[str]) -> int:
    """Run the command that `words` are, and return its exit code."""
    return run(host_here(), words)


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
