# SPDX-License-Identifier: GPL-3.0-or-later
"""Which opening of a file this is, and what belongs into it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import bpy

from ..scene.place import destination as destinations
from ..scene.place.destination import Destination


class Document:
    """The present opening of a file. As long as it lasts, session uids tell which datablock is which.

    id: unique for each opening; it is what `document` in a destination and `placed_in` in a job name.
    """

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex

    def renew(self) -> None:
        """Another file has been opened: what was asked before belongs elsewhere."""
        self.id = uuid.uuid4().hex

    def is_of(self, destination: Destination) -> bool:
        """Whether a destination was asked for in this opening."""
        return destination.get("document") == self.id

    def belongs_here(self, destination: Destination) -> bool:
        """Whether the file that is open is the one in which the result was asked for."""
        file = destination.get("file")
        here = self.is_of(destination) or bool(file and file == bpy.data.filepath)
        return here and not destination.get("aside")

    def localized(self, destination: Destination) -> Destination:
        """A destination as this opening understands it: of another one only the names mean something."""
        if self.is_of(destination):
            return destination
        known = {name: value for name, value in destination.items() if not name.endswith("uid")}
        if "others" in known:
            known["others"] = [[name, None] for name, _uid in known["others"]]
        return known

    def current_destination(
        self,
        context: bpy.types.Context,
        mode: str,
        target: bpy.types.Object | None = None,
        others: Sequence[bpy.types.Object] = (),
    ) -> dict[str, Any]:
        """What `destination.current_destination` gives, as asked for in this opening."""
        asked = destinations.current_destination(context, mode, target, others)
        return {**asked, "document": self.id}
