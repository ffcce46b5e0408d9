# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of placed models: they come as files from the folder of results, and end up packed.

Only baked maps become files beside the .blend where the artist's own pictures are, see `keeps_files`.

To append a .blend with three packed 4K pictures takes longer than a frame of the window; to pack one of them
does not, and takes a third as long where there is memory for it. So the child leaves them beside its .blend
(see `make_blend.save_beside`), and whoever places a model has them packed one at a time. A custom property
of the picture says that it is to be packed, so undo, redo and saving lose nothing.
"""

from __future__ import annotations

import filecmp
import re
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

import bpy

from ...core.file_names import fitting
from ...core.files import atomic_path
from ..markers import BESIDE, UNPACKED
from .memory import Reserve

TEXTURES = "textures"
"""The folder beside a .blend to which Blender unpacks pictures."""


def unpacked() -> list[bpy.types.Image]:
    """The images that are still to be packed."""
    return [image for image in bpy.data.images if UNPACKED in image and image.is_editable]


def is_there(image: bpy.types.Image) -> bool:
    """Whether the file of a loose picture exists."""
    return Path(image.filepath).exists()


def _put_beside(source: Path, name: str) -> Path:
    """Copy a picture into the folder that Blender unpacks textures to; nothing there is overwritten."""
    folder = Path(bpy.data.filepath).parent / TEXTURES
    folder.mkdir(exist_ok=True)
    plain = re.sub(r"\.\d{3,}$", "", name)  # a map that was baked before may still have the name
    stem = fitting(re.sub(r"[^-. \w]+", "_", plain))
    for number in count(1):
        target = folder / f"{stem}{f'_{number}' if number > 1 else ''}{source.suffix}"
        if not target.exists():
            with atomic_path(target) as part:
                shutil.copyfile(source, part)
        if filecmp.cmp(source, target, shallow=False):  # as after undo and redo
            return target
    raise AssertionError


class Packer:
    """Packs one image at a time, for which `reserve` makes memory ready first."""

    def __init__(self, reserve: Reserve) -> None:
        self._reserve = reserve

    def pack_next(self) -> bool:
        """Pack one image, if there is one and its memory is ready; returns whether to come again."""
        found = unpacked()
        if not found:
            self._reserve.release()  # somebody else has packed or removed the one for which it was
            return False
        path = Path(found[0].filepath)
        if not self._reserve.is_for(str(path)):
            self._reserve.prepare(str(path), [path.stat().st_size] if path.exists() else [])
        elif not self._reserve.prepare_more():
            with self._reserve.handed_over():
                _pack(found[0])
            return len(found) > 1
        return True


def pack_all() -> None:
    """Pack every loose picture now."""
    for image in unpacked():
        _pack(image)


def pack_from(folder: Path) -> None:
    """Pack the loose pictures that lie in `folder`."""
    for image in unpacked():
        if Path(image.filepath).is_relative_to(folder):
            _pack(image)


def keeps_files() -> bool:
    """Whether pictures that are made for the open file belong beside it, as the user's own are.

    That is so where it is saved, Blender is not told to pack by itself, and other pictures are files.
    """
    if not bpy.data.filepath or bpy.data.use_autopack:
        return False
    return any(
        image.source == "FILE" and image.filepath and image.packed_file is None and UNPACKED not in image
        for image in bpy.data.images
        if image.library is None
    )


def _pack(image: bpy.types.Image) -> None:
    del image[UNPACKED]
    is_beside = image.pop(BESIDE, None) is not None
    if not is_there(image):
        return  # somebody emptied the folder of results: Blender shows it as missing
    if is_beside and bpy.data.filepath:
        with suppress(OSError):  # nothing can be written there, and in the file it is as safe
            image.filepath_raw = bpy.path.relpath(str(_put_beside(Path(image.filepath), image.name)))
            return
    image.pack()
    # As the importer leaves it: where it once lay is nobody's business. The raw path reloads nothing.
    image.filepath_raw = ""
    for packed in image.packed_files:
        packed.filepath = ""
