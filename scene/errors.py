# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when a result is put into the scene."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import FlowsError, Remedy
from ..core.messages import Message
from ..core.text import plain_reason


class CannotPlace(FlowsError):
    """The result cannot go where it belongs."""

    remedy: Remedy = ""
    fix = Message("Use Import to put it at the 3D cursor.")


class Misfit(CannotPlace):
    """The result is no mesh that could take the place of the one that was sent; see `align`."""

    message = Message(
        "The result does not fit the mesh that was sent, however it is rotated, scaled or moved."
    )


class TooFewTriangles(CannotPlace):
    """So little is left of the mesh that nobody can say where it was; see `align`."""

    remedy: Remedy = "edit_input"
    fix = Message("Try more triangles, or use Import to put it at the 3D cursor.")

    def __init__(self, count: int) -> None:
        super().__init__(
            Message(
                "The optimized model has only {count} triangles, too few to tell where they belong.",
                count=count,
            )
        )


class FilesGone(FlowsError):
    """The model was here, and is not where it was put."""

    remedy: Remedy = "recover"
    fix = Message("Connect the drive, or recover the model by its flow ID.")

    def __init__(self, folder: Path) -> None:
        super().__init__(Message("The model's files are missing: {folder}", folder=str(folder)))


class ExtensionUnknown(FlowsError):
    """The model is whole, and this Blender cannot read it."""

    remedy: Remedy = "open_folder"
    fix = Message("Try a newer Blender: the model's file is in the job's folder.")

    def __init__(self, name: str) -> None:
        super().__init__(
            Message('The model needs the glTF extension "{name}", which this Blender cannot read.', name=name)
        )


class NoFaces(FlowsError):
    """The model was made lighter than anything can be."""

    remedy: Remedy = "edit_input"
    message = Message("The optimized model has no faces.")
    fix = Message("Try more triangles.")


class CannotSwap(FlowsError):
    """An object cannot get its other version; it is as it was."""

    remedy: Remedy = "report"
    fix = Message("Nothing is lost: the file still has both versions. Report it.")

    def __init__(self, name: str, reason: Exception) -> None:
        super().__init__(
            Message(
                '"{name}" was left as it is: {reason}',
                name=name,
                reason=plain_reason(reason),
            )
        )


OUR_NAMES = {"snapshot-": Message("the mesh"), "result-": Message("the model")}
"""What the files are called that have names of ours, which say nothing to anybody."""


class ConversionFailed(FlowsError):
    """A background Blender could not read or write the model.

    name: of the file. words: Blender's own, as they came.
    """

    remedy: Remedy = "retry"
    fix = Message("Check the file, or try again.")

    def __init__(self, name: str, words: str) -> None:
        self.words = words
        name = name.removesuffix(".json")  # an order is named after its picture
        what = next((ours for prefix, ours in OUR_NAMES.items() if name.startswith(prefix)), name)
        super().__init__(self._sentence(what, words))

    def _sentence(self, what: Message | str, words: str) -> Message:
        return Message("Blender could not convert {what}: {reason}", what=what, reason=plain_reason(words))


class BakeFailed(ConversionFailed):
    """A background Blender could not bake maps for a mesh; words: why."""

    fix = Message("Correct that, and bake again.")

    def _sentence(self, what: Message | str, words: str) -> Message:
        return Message("The lost detail could not be baked: {reason}", reason=plain_reason(words))


class ExportFailed(ConversionFailed):
    """A background Blender could not write files for a game engine; words: why."""

    def _sentence(self, what: Message | str, words: str) -> Message:
        return Message("The files could not be exported: {reason}", reason=plain_reason(words))
