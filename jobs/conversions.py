# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs a Blender, so that the engine gets it as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Convert = Callable[[Path, Path, Callable[[], bool]], None]
"""(source, target, cancelled): makes the file `target` from `source`, both absolute; after a crash it may be
there already, whole. Raises FlowsError where `source` is at fault, NoChildBlender where no conversion can be
had on this machine, OSError of the disk, Cancelled when asked to stop."""


@dataclass
class Conversions:
    """What needs a Blender: from a .blend or a picture to the file to send, and from a GLB to a .blend.

    warm: is called shortly before either, so that a Blender can be started meanwhile; returns at once.
    """

    make_input: Convert
    convert: Convert
    warm: Callable[[], None] = lambda: None
