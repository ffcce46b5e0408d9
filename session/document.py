# SPDX-License-Identifier: GPL-3.0-or-later
"""Which opening of a file this is, and what belongs into it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard

import bpy

from ..core.destination import D, Destination, InFile, NewModel, OptimizedMesh, without_uids
from ..core.files import atomic_path
from ..scene.place import destination as destinations

NAMESPACE_KEY = "generio_flows_document"
"""In Blender's namespace of drivers, which it empties when it opens a file: the opening, while the add-on is
disabled or being updated."""

LAST_SESSION = "quit.blend"
"""What Blender calls the file in which it keeps the last session."""


class Document:
    """The present opening of a file. As long as it lasts, session uids tell which datablock is which.

    id: unique for each opening; it is what `document` in a destination and `placed_in` in a job name.
    continues: the id of the last opening before Blender ended, where Recover Last Session has opened what
    that left; else "".
    """

    def __init__(self) -> None:
        self.id, self.continues = bpy.app.driver_namespace.pop(NAMESPACE_KEY, (uuid.uuid4().hex, ""))

    def store(self) -> None:
        """The add-on is about to be disabled; enabled again while this file is open, that goes on."""
        bpy.app.driver_namespace[NAMESPACE_KEY] = (self.id, self.continues)

    def renew(self, continues: str = "") -> None:
        """Another file has been opened: what was asked before belongs elsewhere."""
        self.id, self.continues = uuid.uuid4().hex, continues

    def note_end(self, note: Path) -> None:
        """Blender ends: note down which opening was the last one."""
        with suppress(OSError), atomic_path(note) as part:
            part.write_text(json.dumps([self.id]), encoding="utf-8")

    def is_of(self, destination: Destination) -> TypeGuard[InFile]:
        """Whether a destination was asked for in this opening."""
        return isinstance(destination, InFile) and destination.document == self.id

    def belongs_here(self, destination: Destination) -> TypeGuard[InFile]:
        """Whether the file that is open is the one in which the result was asked for."""
        if not isinstance(destination, InFile) or destination.placeholder_deleted:
            return False
        if self.is_of(destination) or destination.file == bpy.data.filepath != "":
            return True
        return destination.document == self.continues != ""

    def localized(self, destination: D) -> D:
        """A destination as this opening understands it: of another one only the names mean something."""
        return destination if self.is_of(destination) else without_uids(destination)

    def at_cursor(self, context: bpy.types.Context) -> NewModel:
        """The destination of a new model at the 3D cursor, as asked for in this opening."""
        return destinations.at_cursor(context, self.id)

    def for_mesh(
        self,
        context: bpy.types.Context,
        mode: str,
        target: bpy.types.Object,
        others: Sequence[bpy.types.Object] = (),
    ) -> OptimizedMesh:
        """The destination of what is made of a mesh, as asked for in this opening."""
        return destinations.for_mesh(context, self.id, mode, target, others)


def last_opening(note: Path) -> str:
    """The id of the opening that `Document.leave` has noted down, or ""."""
    with suppress(OSError, ValueError, TypeError):
        found, *_ = json.loads(note.read_text(encoding="utf-8"))
        return str(found)
    return ""
