# SPDX-License-Identifier: GPL-3.0-or-later
"""What a light mesh with its maps looks like beside the original: pictures from the same camera."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from mathutils import Vector

from .. import portrait
from .settings import PAIR, PICTURES

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

PIXELS, SAMPLES = 512, 8
"""Of each picture; with as many samples both have the same noise, and differences stand out of it."""

STRONGER = 4.0
"""How much stronger than they are differences are drawn."""


def draw(original: bpy.types.Object, light: bpy.types.Object, blend: Path) -> float:
    """Draw both, how they differ, and all of that side by side, as PNG files beside `blend`.

    Both are in the scene, in the same place, as they look. Returns how much the pictures differ where
    anything is to be seen, on average, 0 to 1. Raises OSError.
    """
    import numpy as np

    scene: Any = bpy.context.scene
    low, *_, high, _ = map(Vector, original.bound_box)
    portrait.set_up(scene, low, high, PIXELS, SAMPLES)
    scene.cycles.max_bounces = 1  # how light goes on from surface to surface tells nothing here
    before, after, difference = (path_of(blend, name) for name in PICTURES)
    seen: list[Array] = []
    for item, other, path in ((original, light, before), (light, original, after)):
        item.hide_render, other.hide_render = False, True
        portrait.draw(scene, path)
        seen.append(_pixels(path))
    here, there = seen
    shown = (here[:, :, 3] > 0) | (there[:, :, 3] > 0)
    apart = np.abs(here[:, :, :3] * here[:, :, 3:] - there[:, :, :3] * there[:, :, 3:]).mean(axis=2)
    drawn = np.ones_like(here)
    drawn[:, :, :3] = np.clip(apart * STRONGER, 0.0, 1.0)[:, :, None]
    drawn[:, :, 3] = shown
    _write(drawn, difference)
    _write(np.concatenate([here, there, drawn], axis=1), path_of(blend, PAIR))
    return float(apart[shown].mean()) if shown.any() else 0.0


def path_of(blend: Path, name: str) -> Path:
    """Where a picture is; blend: of the baked mesh. name: of PICTURES, or PAIR."""
    return blend.with_name(f"{blend.name.partition('.')[0]}-{name}.png")


def save(image: Any) -> None:
    """Write an image to its file, which it is read from then. Raises OSError."""
    try:
        image.save()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    image.source = "FILE"
    image.reload()
    _check(image)


def _check(image: Any) -> None:
    """Raise OSError where the file of an image is not whole: of a full disk Blender may say nothing."""
    if not image.size[0]:
        raise OSError(image.filepath_raw)


def _pixels(path: Path) -> Array:
    import numpy as np

    image: Any = bpy.data.images.load(str(path))
    _check(image)
    width, height = image.size
    values = np.empty(width * height * 4, dtype=np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(height, width, 4)


def _write(pixels: Array, path: Path) -> None:
    height, width = pixels.shape[:2]
    image: Any = bpy.data.images.new("GENERIO picture", width, height, alpha=True)
    image.pixels.foreach_set(pixels.ravel())
    image.file_format = "PNG"
    image.filepath_raw = str(path)
    save(image)
    bpy.data.images.remove(image)
