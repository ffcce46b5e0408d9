# SPDX-License-Identifier: GPL-3.0-or-later
"""`blender --command generio …`: the command line, as Blender offers it to extensions.

The command runs in plain Python, in a process of its own, because it needs threads, which Blender does not
support. That process reads the settings of this Blender from its standard input, and ends when that closes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import bpy

from ..core.interpreters import is_isolated
from ..engine.process import environment, python_command
from ..scene.background.here import converter_command
from ..session import preferences
from ..session.preferences import engine_settings
from .shell import quoted_program

NAME = "generio"

HOSTED = "--hosted"
"""The argument before those of a command that reads its host from standard input."""

OWN_GROUP: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
"""A process group of its own, so that Ctrl-C does not arrive twice, which would end the process at once."""

_handle: object = None


def execute(words: list[str]) -> int:
    """Run the command with the arguments after its name; Blender calls this. Returns the exit code."""
    with (
        subprocess.Popen(  # noqa: S603 - our own code, by Blender's own Python
            [*python_command(sys.executable, bpy.app.binary_path, is_isolated()), HOSTED, *words],
            stdin=subprocess.PIPE,
            env=environment(os.environ, is_isolated()),
            text=True,
            encoding="ascii",
            **OWN_GROUP,
        ) as process,
        _forwarding_signals(process),
    ):
        assert process.stdin is not None
        with suppress(OSError):  # The process has ended already.
            process.stdin.write(json.dumps(host_data(bpy.context)) + "\n")
            process.stdin.flush()
        return process.wait()


@contextmanager
def _forwarding_signals(process: subprocess.Popen[str]) -> Iterator[None]:
    """Forward Ctrl-C, and SIGTERM from a cluster, to the process meanwhile."""

    def forward(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    def ignore(_number: int, _frame: FrameType | None) -> None:
        """Do nothing: Windows sends Ctrl-C to all processes of the console itself."""

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [
        signal.signal(number, forward if OWN_GROUP or number != signal.SIGINT else ignore)
        for number in numbers
    ]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def host_data(context: bpy.types.Context) -> dict[str, Any]:
    """Return the settings of this Blender for `standalone.hosted`."""
    settings = engine_settings(context)
    return {
        "program": f"{_blender()} {'--online-mode ' if _is_online_forced() else ''}--command {NAME}",
        "service": settings.base_url,
        "api_key": settings.api_key,
        "online": settings.online,
        "window": [str(preferences.user_folder(context)), str(settings.folder)],
        "converter": [*converter_command()],
    }


def _blender() -> str:
    """Return how to start this Blender; on Windows and macOS shells do not find it by its name."""
    path = bpy.app.binary_path
    return "blender" if shutil.which("blender") or not path else quoted_program(path)


def _is_online_forced() -> bool:
    """Whether --online-mode was given; a command that resumes this one needs it, too."""
    return bpy.app.online_access and bpy.app.online_access_override


def register() -> None:
    """Register the command."""
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, execute)


def unregister() -> None:
    """Unregister the command."""
    global _handle
    bpy.utils.unregister_cli_command(_handle)
    _handle = None
