# SPDX-License-Identifier: GPL-3.0-or-later
"""What only this file knows does not go into a glTF that the user exports."""

from __future__ import annotations

from typing import Any

from . import lods
from .assets import BOOKKEEPING
from .meshes import COLLISION, RESULT, TOKEN
from .place.boxes import BOX
from .place.variants import PART

OWN = frozenset({*BOOKKEEPING, *lods.OWN, COLLISION, TOKEN, RESULT, PART, BOX})
"""Custom properties that mean nothing elsewhere; what a model was made of, its prompt for instance, does."""


class glTF2ExportUserExtension:  # noqa: N801 - Blender's glTF exporter looks for this name
    """Keeps out of a glTF that the user exports with custom properties what only this file knows.

    Called by Blender's exporter for every node, mesh and scene that it writes.
    """

    def gather_node_hook(self, node: Any, *_more: Any) -> None:
        """Called with what is written of an object or a collection."""
        _strip(node)

    def gather_mesh_hook(self, mesh: Any, *_more: Any) -> None:
        """Called with what is written of a mesh."""
        _strip(mesh)

    def gather_scene_hook(self, scene: Any, *_more: Any) -> None:
        """Called with what is written of a scene."""
        _strip(scene)


def _strip(part: Any) -> None:
    extras = getattr(part, "extras", None)
    if isinstance(extras, dict):
        part.extras = {name: value for name, value in extras.items() if name not in OWN} or None
