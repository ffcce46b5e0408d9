# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot becomes a .blend with the light mesh, its maps and a report, in a background Blender."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

from ...core.messages import Message
from ..markers import ORIGINAL, SUBJECT, UNPACKED
from ..meshes import mesh_of
from ..restore import centering
from .maps import Tell, bake_onto
from .materials import add_maps, new_material
from .settings import LIGHT, SETTINGS, BakeSettings


def bake(source: str, target: str, tell: Tell) -> None:
    """Bake what the snapshot `source` asks for; write the light mesh to `target`, maps and report beside it.

    Raises RuntimeError with a message.
    """
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(SUBJECT)]
    (original,) = wanted.objects
    light = original[LIGHT]
    settings = BakeSettings.from_text(original[SETTINGS])
    _check_pictures()
    middle = centering.far_middle(mesh_of(original))
    for item in (original, light):
        if mesh_of(item).shape_keys is not None:
            item.shape_key_clear()
        centering.move(mesh_of(item), -middle)
        bpy.context.scene.collection.objects.link(item)
    made, triangles, figures = bake_onto(original, light, settings, tell)
    stem = Path(target).name.partition(".")[0]
    for kind, image in made.items():
        _write(image, Path(target).with_name(f"{stem}-{kind}"), settings)
    _show_maps(light, made, figures["uv_map"], settings)
    centering.move(mesh_of(light), middle)
    bpy.data.libraries.write(target, {light})
    report = {"triangles": triangles, "textures": [[settings.size] * 2] * len(made), "bake": figures}
    Path(target).with_name(f"{stem}.json").write_text(json.dumps(report), encoding="utf-8")


def _check_pictures() -> None:
    """Raise RuntimeError where a painting is missing that was never saved, see `write_snapshot`."""
    for image in bpy.data.images:
        if ORIGINAL in image and not Path(image.filepath).exists():
            raise RuntimeError(
                Message('the painted image "{name}" was never saved and is lost.', name=image[ORIGINAL])
            )


def _write(image: Any, path: Path, settings: BakeSettings) -> None:
    """Write a map as the file that it is in from now on, to be packed where it is placed."""
    image.file_format = "OPEN_EXR" if settings.is_float else "PNG"
    image.filepath_raw = str(path.with_suffix(".exr" if settings.is_float else ".png"))
    image.save()
    image.source = "FILE"
    image[UNPACKED] = True


def _show_maps(light: bpy.types.Object, made: dict[str, Any], uv_map: str, settings: BakeSettings) -> None:
    """Let the mesh have one material with the maps, for the picture in the job list."""
    mesh = mesh_of(light)
    material = new_material("GENERIO baked")
    add_maps(material, made, uv_map, settings.directx)
    for index in range(len(mesh.materials)):
        mesh.materials[index] = material
