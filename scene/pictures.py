"""Pictures to send: those of a type that the service does not take are converted to PNG by Blender."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..api import SENDABLE, UnsupportedFile, detect_image


def sendable_picture(path: Path, folder: Path) -> tuple[Path, str]:
    """The picture to send for the file `path`, and its MIME type: the file itself, or a PNG in `folder`.

    Raises UnreadableFile where there is no such file or it is empty, UnsupportedFile where it is no picture
    that Blender can read.
    """
    mime = detect_image(path)
    if mime in SENDABLE:
        return path, mime
    image = bpy.data.images.load(str(path))
    try:
        if not image.has_data and (image.size[0] == 0 or image.size[1] == 0):
            raise UnsupportedFile(path.name)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / "input.png"
        image.file_format = "PNG"
        image.filepath_raw = str(target)
        image.save()
        return target, "image/png"
    except RuntimeError as error:
        raise UnsupportedFile(path.name) from error
    finally:
        bpy.data.images.remove(image)
