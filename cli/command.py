# SPDX-License-Identifier: GPL-3.0-or-later
"""`blender --command generio …`: the command line, as Blender offers it to extensions.

It runs in plain Python, in a process of its own, since it has threads, and Blender supports none. That gets
what this Blender knows through its standard input, and ends when that closes.
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

from ..engine.process import environment, python_command
from ..scene.background.here import converter_command
from ..session import preferences
from ..session.preferences import engine_settings
from .shell import program

NAME = "generio"

HOSTED = "--hosted"
"""The word after which the words of a command come whose host is told through standard input."""

OWN_GROUP: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
"""So that Ctrl-C does not come twice, from the terminal and from here: then nothing is waited for."""

_handle: object = None


def execute(words: list[str]) -> int:
    """What Blender calls with the words after the command's name; returns the exit code."""
    with (
        subprocess.Popen(  # noqa: S603 - our own code, by Blender's own Python
            [*python_command(sys.executable, bpy.app.binary_path), HOSTED, *words],
            stdin=subprocess.PIPE,
            env=environment(os.environ),
            text=True,
            encoding="ascii",
            **OWN_GROUP,
        ) as process,
        _handing_on(process),
    ):
        assert process.stdin is not None
        with suppress(OSError):  # it has ended already
            process.stdin.write(json.dumps(host(bpy.context)) + "\n")
            process.stdin.flush()
        return process.wait()


@contextmanager
def _handing_on(process: subprocess.Popen[str]) -> Iterator[None]:
    """Meanwhile, hand on what ends a command: Ctrl-C, or a cluster that wants its machine back."""

    def hand_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    def leave(_number: int, _frame: FrameType | None) -> None:
        """Windows gives Ctrl-C to all processes of the console."""

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [
        signal.signal(number, hand_on if OWN_GROUP or number != signal.SIGINT else leave)
        for number in numbers
    ]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def host(context: bpy.types.Context) -> dict[str, Any]:
    """This Blender, with what its preferences say; see `standalone.hosted`."""
    settings = engine_settings(context)
    return {
        "program": f"{_blender()} {'--online-mode ' if _told_to_be_online() else ''}--command {NAME}",
        "service": settings.base_url,
        "api_key": settings.api_key,
        "online": settings.online,
        "window": [str(preferences.user_folder(context)), str(settings.folder)],
        "converter": [*converter_command()],
    }


def _blender() -> str:
    """How this Blender is started; on Windows and macOS no shell finds it by its name."""
    path = bpy.app.binary_path
    return "blender" if shutil.which("blender") or not path else program(path)


def _told_to_be_online() -> bool:
    """Whether the command says so, and not the preferences: what goes on has to say it, too."""
    return bpy.app.online_access and bpy.app.online_access_override


def register() -> None:
    """Offer the command."""
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, execute)


def unregister() -> None:
    """Take it away."""
    global _handle
    bpy.utils.unregister_cli_command(_handle)
    _handle = None
