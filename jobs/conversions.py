# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs a Blender, so that the engine gets it as functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import NoChildBlender

Convert = Callable[[Path, Path, Callable[[], bool]], None]
"""(source, target, cancelled): makes the file `target` from `source`, both absolute; after a crash it may be
there already, whole. Raises FlowsError where `source` is at fault, NoChildBlender where no conversion can be
had on this machine, OSError of the disk, Cancelled when asked to stop."""


Work = Callable[[Path, Path, Callable[[], bool], Callable[[float], None]], None]
"""(source, target, cancelled, report): as `Convert`; tells how much is done, 0 to 1."""


def no_work(_source: Path, _target: Path, _cancelled: object, _report: object) -> None:
    """Where no Blender works for the jobs that no service has to do with."""
    raise NoChildBlender


@dataclass
class Conversions:
    """What needs a Blender: from a .blend or a picture to the file to send, and from a GLB to a .blend.

    warm: is called shortly before either, so that a Blender can be started meanwhile; returns at once.
    bake: from a snapshot of two meshes to maps. export: from an order to files for a game engine,
    and a note about them; see `exported`.
    """

    make_input: Convert
    convert: Convert
    warm: Callable[[], None] = lambda: None
    bake: Work = no_work
    export: Work = no_work
