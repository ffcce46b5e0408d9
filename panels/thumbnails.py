# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures on disk, as icons that panels can draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy.utils.previews

from ..session import current

if TYPE_CHECKING:
    from bpy.utils.previews import ImagePreviewCollection


class Thumbnails:
    """The pictures that were drawn; Blender wants them back when the session ends."""

    def __init__(self) -> None:
        self._pictures: ImagePreviewCollection = bpy.utils.previews.new()
        self._versions: dict[str, str] = {}

    def icon_of(self, path: str, version: str) -> int:
        """See the function of this name."""
        if path in self._pictures and self._versions[path] != version:
            del self._pictures[path]
        if path not in self._pictures:
            self._pictures.load(path, path, "IMAGE")
            self._versions[path] = version
        return self._pictures[path].icon_id

    def close(self) -> None:
        """Free the pictures."""
        bpy.utils.previews.remove(self._pictures)


def icon_of(path: str, version: str = "") -> int:
    """The icon of the picture at `path`, for `icon_value`; 0 where there is none.

    version: another one has the picture read again, see `image_check.version_of`.
    """
    return current().part(Thumbnails).icon_of(path, version) if path else 0
