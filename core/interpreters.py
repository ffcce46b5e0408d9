# SPDX-License-Identifier: GPL-3.0-or-later
"""How a Python and a Blender of ours are started, so that they find what this one finds, and no more."""

from __future__ import annotations

import sys


def is_isolated() -> bool:
    """Whether our own Python leaves out what the user has installed for another one, as Blender's does.

    Not where modules of Blender are known by PYTHONPATH alone: in a folder of bpy's own, or on NixOS, whose
    Blender is started with --python-use-system-env. What we start has to find them there, too.
    """
    return bool(sys.flags.ignore_environment)


def background_command(blender: str, isolated: bool) -> tuple[str, ...]:
    """What runs a script in a Blender in the background, up to the script's path.

    blender: the binary. isolated: see `is_isolated`.
    """
    options = ("--background", "--factory-startup", "--offline-mode", "--python-exit-code", "1")
    return (blender, *options, *(() if isolated else ("--python-use-system-env",)), "--python")
