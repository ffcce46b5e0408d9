# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of textures: each picture has a name of its own, whatever it is called elsewhere.

Blender's exporters take the name of the file that a picture comes from; of two files in different folders
that have the same name, one would take the place of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ...core.file_names import fitting
from ..nodes import images_of


class Textures:
    """The textures of the files of an order, which may be in one folder."""

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}  # by the picture
        self._taken: set[str] = set()

    @contextmanager
    def in_files(self, objects: Iterable[bpy.types.Object], folder: Path) -> Iterator[None]:
        """For a while, the pictures of the materials of `objects` are files in `folder`, which stay."""
        changed: list[tuple[Any, str]] = []
        try:
            for image in _images(objects):
                source = Path(bpy.path.abspath(image.filepath, library=image.library))
                packed = image.packed_file
                if packed is None and not source.is_file():
                    continue
                target = folder / self._name(image, source.suffix)
                folder.mkdir(parents=True, exist_ok=True)
                target.write_bytes(packed.data if packed is not None else source.read_bytes())
                changed.append((image, image.filepath_raw))
                image.filepath_raw = str(target)
            yield
        finally:
            for image, path in changed:
                image.filepath_raw = path

    def _name(self, image: Any, suffix: str) -> str:
        """The name of a picture's file, numbered where another one has it."""
        if image not in self._names:
            suffix = suffix or (".png" if image.file_format == "PNG" else ".jpg")
            plain = re.sub(r"\.\d{3,}$", "", image.name)  # Blender's own numbers
            stem = fitting(re.sub(r"[^-. \w]+", "_", Path(plain).stem) or "texture")
            number, name = 1, f"{stem}{suffix}"
            while name.casefold() in self._taken:
                number += 1
                name = f"{stem}_{number}{suffix}"
            self._taken.add(name.casefold())
            self._names[image] = name
        return self._names[image]


def _images(objects: Iterable[bpy.types.Object]) -> list[Any]:
    """The pictures of the materials of some objects, each once, in the order of their names."""
    slots = [slot.material for item in objects for slot in item.material_slots if slot.material is not None]
    return sorted(images_of(dict.fromkeys(slots)), key=lambda image: image.name)
