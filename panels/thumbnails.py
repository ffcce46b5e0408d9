# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures on disk, as icons that panels can draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy.utils.previews

if TYPE_CHECKING:
    from bpy.utils.previews import ImagePreviewCollection

_pictures: ImagePreviewCollection | None = None
_versions: dict[str, str] = {}


def icon_of(path: str, version: str = "") -> int:
    """The icon of the picture at `path`, for `icon_value`; 0 where there is none.

    version: another one has the picture read again, see `properties.version_of`.
    """
    global _pictures
    if not path:
        return 0
    if _pictures is None:
        _pictures = bpy.utils.previews.new()
    if path in _pictures and _versions[path] != version:
        del _pictures[path]
    if path not in _pictures:
        _pictures.load(path, path, "IMAGE")
        _versions[path] = version
    return _pictures[path].icon_id


def unregister() -> None:
    """Free the pictures."""
    global _pictures
    if _pictures is not None:
        bpy.utils.previews.remove(_pictures)
        _pictures = None
