# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when a result is put into the scene."""

from __future__ import annotations

from pathlib import Path

from ..api import FlowsError
from ..api.errors import Remedy


class CannotPlace(FlowsError):
    """The result cannot go where it belongs."""

    remedy: Remedy = ""
    fix = "Use Import to put it at the 3D cursor."


class FilesGone(FlowsError):
    """The model was here, and is not where it was put."""

    remedy: Remedy = "recover"
    fix = "Connect the drive, or recover the model by its flow ID."

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The files of the model are not there: {folder}")


class NoFaces(FlowsError):
    """The model was made lighter than anything can be."""

    remedy: Remedy = "edit_input"
    message = "The optimized model has no faces."
    fix = "Try a higher number of triangles."


class CannotSwap(FlowsError):
    """An object cannot get its other version; it is as it was."""

    remedy: Remedy = "report"
    fix = "Nothing is lost: the file still has both versions. Report it."

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f'"{name}" was left as it is: {" ".join(reason.removeprefix("Error: ").split())}')
