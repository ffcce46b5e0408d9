# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that a converter makes: a PNG of whatever Blender can read, and the thumbnail of a model."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

from ...core.messages import Message
from ...formats import exif
from .. import portrait
from .make_blend import extent

THUMBNAIL_PIXELS = 256
THUMBNAIL_SAMPLES = 4


def make_png(source: str, target: str) -> None:
    """Write the picture `source` as PNG; or, if that is an order (JSON), the `picture` that it names.

    An order names where that is `kept` as it was when it was chosen, which counts if it is there.
    An order says, too, how many pixels the `longest` side may have; a larger picture is made smaller.
    """
    longest = 0
    if source.endswith(".json"):
        order = json.loads(Path(source).read_text(encoding="utf-8"))
        source, longest = order["picture"], order["longest"]
        if (copy := Path(order["kept"])).is_file():
            source = str(copy)
    image: Any = bpy.data.images.load(source)
    width, height = image.size
    if image.type == "MULTILAYER":  # which has a size only where it is shown
        render_png(image, target)
        image = bpy.data.images.load(target)
        width, height = image.size
    if not width:
        raise RuntimeError(Message("it is not an image that Blender can read."))
    if longest and max(width, height) > longest:
        scale = longest / max(width, height)
        image.scale(max(1, round(width * scale)), max(1, round(height * scale)))
    rotate_upright(image, Path(source))
    # Of an animated GIF the first frame can only be rendered; floats are linear light, multiplied with alpha.
    if image.source == "MOVIE" or image.is_float:
        render_png(image, target)
    else:
        image.file_format = "PNG"
        image.filepath_raw = target
        image.save()
        bpy.data.images.remove(image)
    if not Path(target).is_file():
        raise RuntimeError(Message("it is not an image that Blender can write as PNG."))


def render_png(image: Any, target: str) -> None:
    """Write what one sees of the image, of several layers the first, as PNG, and remove the image."""
    scene = bpy.data.scenes.new("as it is")
    with suppress(TypeError):  # a studio's own color management may have no such view
        scene.view_settings.view_transform = "Standard"  # pyright: ignore[reportAttributeAccessIssue]
    scene.render.image_settings.file_format = "PNG"
    image.save_render(target, scene=scene)
    bpy.data.scenes.remove(scene)
    bpy.data.images.remove(image)


def rotate_upright(image: Any, source: Path) -> None:
    """Turn the picture as the camera was held: the file says so, and the PNG will not."""
    import numpy as np

    orientation = exif.orientation_of(source)
    if orientation == exif.UPRIGHT:
        return
    width, height = image.size
    pixels = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(pixels)
    rows = pixels.reshape(height, width, -1)[::-1]  # Blender has the bottom row first
    rows = exif.upright(rows, orientation)[::-1]
    image.scale(rows.shape[1], rows.shape[0])
    image.pixels.foreach_set(rows.ravel())


def draw_thumbnail(source: str, target: str) -> None:
    """Render the .blend `source` as a square PNG with a clear background, from the front right and above."""
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = inside.objects
    scene: Any = bpy.context.scene
    for item in wanted.objects:
        scene.collection.objects.link(item)
    portrait.set_up(scene, *extent(), THUMBNAIL_PIXELS, THUMBNAIL_SAMPLES)
    portrait.draw(scene, target)
