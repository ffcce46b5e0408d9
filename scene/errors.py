# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when a result is put into the scene."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import FlowsError, Remedy


class CannotPlace(FlowsError):
    """The result cannot go where it belongs."""

    remedy: Remedy = ""
    fix = "Use Import to put it at the 3D cursor."


class Misfit(CannotPlace):
    """The result is no mesh that could take the place of the one that was sent; see `align`."""

    message = "The result does not fit the mesh that was sent, however it is turned, scaled or moved."


class FilesGone(FlowsError):
    """The model was here, and is not where it was put."""

    remedy: Remedy = "recover"
    fix = "Connect the drive, or recover the model by its flow ID."

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The model's files are missing: {folder}")


class ExtensionUnknown(FlowsError):
    """The model is whole, and this Blender cannot read it."""

    remedy: Remedy = "open_folder"
    fix = "Another or a newer Blender may read it: its file is in the job's folder."

    def __init__(self, name: str) -> None:
        super().__init__(f'The model needs the glTF extension "{name}", which this Blender cannot read.')


class NoFaces(FlowsError):
    """The model was made lighter than anything can be."""

    remedy: Remedy = "edit_input"
    message = "The optimized model has no faces."
    fix = "Try more triangles."


class CannotSwap(FlowsError):
    """An object cannot get its other version; it is as it was."""

    remedy: Remedy = "report"
    fix = "Nothing is lost: the file still has both versions. Report it."

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f'"{name}" was left as it is: {" ".join(reason.removeprefix("Error: ").split())}')
