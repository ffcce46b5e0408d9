# SPDX-License-Identifier: GPL-3.0-or-later
"""`blender --command generio …`: the command line, as Blender offers it to extensions."""

import shutil

import bpy

from ..engine.conversion import Conversion
from ..scene.background.here import converter_command
from ..session import preferences
from ..session.preferences import engine_settings
from .job_directory import Home, Host
from .shell import program

NAME = "generio"

_handle: object = None


def execute(words: list[str]) -> int:
    """What Blender calls with the words after the command's name; returns the exit code."""
    from .main import run

    return run(host(bpy.context), words)


def host(context: bpy.types.Context) -> Host:
    """This Blender, with what its preferences say."""
    settings = engine_settings(context)
    window = Home(preferences.user_folder(context), shared=False, results_folder=settings.folder)
    return Host(
        program=f"{_blender()} {'--online-mode ' if _told_to_be_online() else ''}--command {NAME}",
        service=settings.base_url,
        api_key=settings.api_key,
        online=settings.online,
        window=window,
        converter=lambda: Conversion(converter_command()),
    )


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
