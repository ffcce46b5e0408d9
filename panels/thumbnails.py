# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of results, as icons that panels can draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy.utils.previews

if TYPE_CHECKING:
    from bpy.utils.previews import ImagePreviewCollection

_pictures: ImagePreviewCollection | None = None


def icon_of(path: str) -> int:
    """The icon of the picture at `path`, for `icon_value`; 0 where there is none."""
    global _pictures
    if not path:
        return 0
    if _pictures is None:
        _pictures = bpy.utils.previews.new()
    if path not in _pictures:
        _pictures.load(path, path, "IMAGE")
    return _pictures[path].icon_id


def unregister() -> None:
    """Free the pictures."""
    global _pictures
    if _pictures is not None:
        bpy.utils.previews.remove(_pictures)
        _pictures = None
