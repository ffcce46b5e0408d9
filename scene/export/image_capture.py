# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that are in Blender, taken out of it: any image, the render, the 3D view, the clipboard.

Taking is quick. Writing takes longer, so it is done in pieces, and the PNG is made in the engine process.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import InputRefused, Remedy
from ...core.file_names import fitting
from ...core.messages import Message
from ...formats.raw_pixels import RawPicture
from ..markers import UNPACKED

FOLDER = "pictures"
"""Where in the extension's own folder the pictures lie that were taken."""

_TAKEN = re.compile(r"(.+)-[0-9a-f]{6}")
"""The stem that `unique_name` gives."""


class NoPicture(InputRefused):
    """There is nothing to take."""

    remedy: Remedy = "choose_image"
    message = Message("There is no picture.")
    fix = Message("Choose another picture.")


def file_of(image: Any) -> Path | None:
    """The file that shows the same as an image, where there is one: nothing has to be written then.

    A sequence that was not shown yet is there only as the file that was chosen.
    """
    unseen = image.source == "SEQUENCE" and not image.has_data
    if not (image.source == "FILE" or unseen) or image.is_dirty or image.packed_file is not None:
        return None
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    with suppress(OSError):  # its drive may be out of reach
        return path if UNPACKED not in image and path.is_file() else None
    return None


def capture_image(image: Any) -> RawPicture:
    """The picture in any image datablock as it is now, painted or not, saved or not. Raises NoPicture."""
    if image.type == "RENDER_RESULT":
        return capture_render()
    if not image.is_dirty and image.packed_file is not None and image.source == "FILE":
        data = bytes(image.packed_file.data)
        if data.startswith(b"\x89PNG"):
            return RawPicture(data)
    width, height = image.size
    if not width or not height or (not image.has_data and not len(image.pixels)):
        raise NoPicture(
            Message('The image "{name}" has no pixels.', name=image.name),
            Message("Check that its file still exists."),
        )
    import numpy as np

    channels = image.channels
    values = np.empty(width * height * channels, dtype=np.float32)
    image.pixels.foreach_get(values)
    linear = image.is_float and image.colorspace_settings.name != "Non-Color"
    premultiplied = linear and image.alpha_mode != "CHANNEL_PACKED"
    return RawPicture.of_pixels(values.reshape(height, width, channels), linear, premultiplied)


def capture_render() -> RawPicture:
    """The last render, as the user sees it. Raises NoPicture."""
    image = next((image for image in bpy.data.images if image.type == "RENDER_RESULT"), None)
    scene = bpy.context.scene
    # What another program looks at stays until Blender ends, and deletes its own folder.
    with tempfile.TemporaryDirectory(dir=bpy.app.tempdir, ignore_cleanup_errors=True) as folder:
        if image is not None:
            # It does not find what it wrote where each view of a stereo render becomes a file of its own.
            with suppress(RuntimeError), _quick_png(scene):
                image.save_render(str(Path(folder) / "render.png"), scene=scene)
        written = sorted(Path(folder).iterdir())
        if not written:
            raise NoPicture(
                Message("There is no render yet."), Message("Render an image first (F12)."), "render"
            )
        data = written[0].read_bytes()
    return RawPicture(data)


@contextmanager
def _quick_png(scene: Any) -> Any:
    """Let renders be saved as PNG without compression, which takes ten times as long, and then as before."""
    settings = scene.render.image_settings
    # 5.0 lets pictures, layers and films have formats of their own.
    wanted = {"media_type": "IMAGE", "file_format": "PNG", "color_mode": "RGBA", "color_depth": "8"}
    wanted = {name: value for name, value in {**wanted, "compression": 0}.items() if hasattr(settings, name)}
    before = {name: getattr(settings, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(settings, name, value)
        yield
    finally:
        for name in before:
            setattr(settings, name, before[name])


def capture_view(context: bpy.types.Context, area: bpy.types.Area) -> RawPicture:
    """What the user sees in a 3D view, without overlays and gizmos. Raises NoPicture."""
    import gpu
    import numpy as np

    if bpy.app.background:
        raise NoPicture(Message("There is no 3D view without a window."), Message("Choose a file."))
    space: Any = area.spaces.active
    region = next(region for region in area.regions if region.type == "WINDOW")
    width, height = region.width, region.height
    screen: Any = gpu.types.GPUOffScreen(width, height)
    shown = space.overlay.show_overlays, space.show_gizmo
    space.overlay.show_overlays = space.show_gizmo = False
    try:
        view = space.region_3d
        screen.draw_view3d(
            context.scene,
            context.view_layer,
            space,
            region,
            view.view_matrix,
            view.window_matrix,
            do_color_management=True,
        )
        with screen.bind():
            buffer: Any = gpu.state.active_framebuffer_get().read_color(0, 0, width, height, 4, 0, "UBYTE")
    finally:
        space.overlay.show_overlays, space.show_gizmo = shown
        screen.free()
    buffer.dimensions = width * height * 4
    pixels = np.array(buffer, dtype=np.uint8).reshape(height, width, 4)
    pixels[..., 3] = 255
    return RawPicture.of_pixels(pixels)


def reads_clipboard() -> bool:
    """Whether Blender reads pictures from the clipboard of this system: from that of X11 it does not."""
    return sys.platform != "linux" or "WAYLAND_DISPLAY" in os.environ


def capture_clipboard(context: bpy.types.Context) -> RawPicture:
    """The picture in the system's clipboard. Raises NoPicture."""
    nothing = NoPicture(
        Message("There is no picture in the clipboard."),
        Message("Copy a picture, or save it as a file and choose that file."),
    )
    if bpy.app.background or context.area is None:
        raise nothing
    before = set(bpy.data.images)
    try:
        with image_editor(context) as editor:
            bpy.ops.image.clipboard_paste()
            pasted = editor.image
        return capture_image(pasted)
    except RuntimeError:  # Blender's poll, where there is none, or the system has no clipboard for pictures
        raise nothing from None
    finally:  # an Image Editor brings a Render Result along, too
        bpy.data.batch_remove([image for image in bpy.data.images if image not in before])


@contextmanager
def image_editor(context: bpy.types.Context) -> Iterator[Any]:
    """An Image Editor, where alone Blender pastes pictures: one that is there, or this area for a moment."""
    here: Any = context.area
    area: Any = next((area for area in context.screen.areas if area.type == "IMAGE_EDITOR"), here)
    kind = area.ui_type
    area.type = "IMAGE_EDITOR"
    editor = area.spaces.active
    shown = editor.image
    try:
        with context.temp_override(area=area, region=area.regions[-1]):
            yield editor
    finally:
        editor.image = shown
        area.ui_type = kind


def file_name(name: str) -> str:
    """What may be a file's name of the name of an image."""
    return fitting(re.sub(r"[^\w.-]+", "_", name)[:40].strip("._") or "picture")


def unique_name(name: str) -> str:
    """A name for the file of a picture that was taken, which no other one has."""
    return f"{name}-{uuid.uuid4().hex[:6]}.png"


def name_of(path: Path) -> str:
    """What a picture is called: without what makes the name of its file unique, where it was taken here."""
    taken = _TAKEN.fullmatch(path.stem) if path.parent.name == FOLDER else None
    return taken[1] if taken is not None else path.stem
