# SPDX-License-Identifier: GPL-3.0-or-later
"""What has come into the file since a moment, and out again what nobody uses of it."""

from __future__ import annotations

from typing import Any

import bpy

KINDS = (
    "scenes",
    "objects",
    "collections",
    "meshes",
    "armatures",
    "cameras",
    "lights",
    "curves",
    "actions",
    "materials",
    "node_groups",
    "images",
    "libraries",
)
"""What can come in with a model, users before what they use."""


class NewData:
    """Knows what there was when it was made."""

    def __init__(self) -> None:
        self._before = {kind: set(getattr(bpy.data, kind)) for kind in KINDS}

    def of(self, kind: str) -> list[Any]:
        """What has come in since, of one of KINDS."""
        return [item for item in getattr(bpy.data, kind) if item not in self._before[kind]]

    def remove_unused(self) -> None:
        """Leave nothing behind that came in and that nobody uses: first objects, then what they used."""
        for kind in KINDS:
            # A library entry is never used: what came from the file has been appended.
            unused = [item for item in self.of(kind) if kind == "libraries" or item.users == 0]
            bpy.data.batch_remove(unused)
