# SPDX-License-Identifier: GPL-3.0-or-later
"""What this Blender does for the background ones: says how they are started, and stands in for them."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

from ...core.interpreters import background_command, is_isolated
from ..errors import ConversionFailed
from ..place.new_data import NewData
from ..place.unique_names import names_left_free
from . import child
from .make_glb import make_glb
from .make_picture import make_png


def converter_command() -> tuple[str, ...]:
    """What runs the same Blender as this one as a converter."""
    script = str(Path(child.__file__))
    binary = bpy.app.binary_path
    if not binary:
        return (sys.executable, script)
    return (*background_command(binary, is_isolated()), script)


def make_input_here(source: Path, target: Path) -> None:
    """Make what can be sent in this Blender, where no converter can be started; the window stands still.

    source, target: as for `Conversion.make_input`. Raises ConversionFailed.
    """
    arrivals = NewData()
    make = make_glb if source.suffix == ".blend" else make_png
    with names_left_free():
        try:
            make(str(source), str(target))
        except Exception as error:  # whatever Blender and its exporter may raise
            raise ConversionFailed(source.name, child.error_text(error)) from error
        finally:
            arrivals.remove_unused()
