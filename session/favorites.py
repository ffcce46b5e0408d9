# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs that the user wants to keep in the list, in a file of the extension's own folder."""

from __future__ import annotations

import json
from contextlib import suppress

import bpy

from ..core.files import atomic_path
from . import current
from .preferences import user_folder


class Favorites:
    """Tokens of jobs. One that cannot be read counts as none, and one that cannot be written is let be."""

    def __init__(self) -> None:
        self._path = user_folder(bpy.context) / "favorites.json"
        self._tokens: set[str] | None = None

    def __contains__(self, token: str) -> bool:
        return token in self._known()

    def toggle(self, token: str) -> bool:
        """Keep a job, or keep it no more; returns whether it is kept now."""
        self._tokens = None  # another Blender may have written meanwhile
        tokens = self._known()
        tokens ^= {token}
        with suppress(OSError), atomic_path(self._path) as part:
            part.write_text(json.dumps(sorted(tokens)), encoding="utf-8")
        return token in tokens

    def _known(self) -> set[str]:
        if self._tokens is None:
            self._tokens = set()
            with suppress(OSError, ValueError):
                found = json.loads(self._path.read_text(encoding="utf-8"))
                self._tokens = {str(token) for token in found} if isinstance(found, list) else set()
        return self._tokens


def favorites() -> Favorites:
    """Those of this session."""
    return current().part(Favorites)
