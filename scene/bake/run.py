# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot becomes a .blend with the light mesh, its maps and a report, in a background Blender."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import bpy

from ...core.memory import free_disk, free_memory
from ...core.messages import Message
from ..markers import SUBJECT, UNPACKED
from ..meshes import mesh_of, triangle_count
from ..paintings import check_painting
from ..restore import centering
from . import pictures
from .maps import Report, bake_onto
from .materials import add_maps, new_material
from .settings import LIGHT, SETTINGS, BakeSettings, unbaked


def bake(source: str, target: str, report: Report) -> None:
    """Bake what the snapshot `source` asks for; write the light mesh to `target`, maps and report beside it.

    Raises RuntimeError with a message.
    """
    try:
        _bake(source, target, report)
    except OSError:
        raise RuntimeError(
            Message("its files cannot be written: free some disk space, or choose smaller maps.")
        ) from None


def _bake(source: str, target: str, report: Report) -> None:
    """As `bake`; raises OSError of the disk, too."""
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(SUBJECT)]
    (original,) = wanted.objects
    light = original[LIGHT]
    settings = BakeSettings.from_text(original[SETTINGS])
    for image in bpy.data.images:
        check_painting(image)
    middle = centering.far_middle(mesh_of(original))
    for item in (original, light):
        if mesh_of(item).shape_keys is not None:
            item.shape_key_clear()
        centering.move(mesh_of(item), -middle)
        bpy.context.scene.collection.objects.link(item)
    check_room(settings, triangle_count(mesh_of(original)), Path(target).parent)
    # In a snapshot the light mesh has slots only; what is in them is what the original has there.
    copies = {item: _copies(mesh_of(original)) for item in (original, light)}
    made, triangles, figures = bake_onto(original, light, settings, lambda share: report(share * 0.95))
    stem = Path(target).name.partition(".")[0]
    for kind, image in made.items():
        _write(image, Path(target).with_name(f"{stem}-{kind}"), settings)
    for item, materials in copies.items():
        _show(mesh_of(item), materials)
    _show_maps(light, made, figures["uv_map"], settings)
    figures["picture_difference"] = pictures.draw(original, light, Path(target))
    centering.move(mesh_of(light), middle)
    bpy.data.libraries.write(target, {light})
    content = {"triangles": triangles, "textures": [[settings.size] * 2] * len(made), "bake": figures}
    Path(target).with_name(f"{stem}.json").write_text(json.dumps(content), encoding="utf-8")


def check_room(settings: BakeSettings, triangles: int, folder: Path) -> None:
    """Raise RuntimeError where memory or disk do not do for the maps."""
    needed, free = settings.memory(triangles), free_memory()
    if free is not None and needed > free:
        raise RuntimeError(
            Message(
                "maps of {size:,} pixels take about {needed:.1f} GB of memory, and {free:.1f} GB are free. "
                "Choose smaller maps, or close other programs.",
                size=settings.size,
                needed=needed / 1e9,
                free=free / 1e9,
            )
        )
    needed, free = settings.disk, free_disk(folder)
    if free is not None and needed > free:
        raise RuntimeError(
            Message(
                "maps of {size:,} pixels take up to {needed:.1f} GB on the disk, and {free:.1f} GB are free. "
                "Choose smaller maps, or make room.",
                size=settings.size,
                needed=needed / 1e9,
                free=free / 1e9,
            )
        )


def _write(image: Any, path: Path, settings: BakeSettings) -> None:
    """Write a map as the file that it is in from now on, to be packed where it is placed. Raises OSError."""
    image.file_format = "OPEN_EXR" if settings.is_float else "PNG"
    image.filepath_raw = str(path.with_suffix(".exr" if settings.is_float else ".png"))
    pictures.save(image)
    image[UNPACKED] = True


def _copies(mesh: bpy.types.Mesh) -> list[Any]:
    """Copies of the materials of a mesh, which what is baked does not change."""
    return [unbaked(material) and cast(Any, unbaked(material)).copy() for material in mesh.materials]


def _show(mesh: bpy.types.Mesh, materials: list[Any]) -> None:
    for index in range(len(mesh.materials)):
        mesh.materials[index] = materials[index] if index < len(materials) else None


def _show_maps(light: bpy.types.Object, made: dict[str, Any], uv_map: str, settings: BakeSettings) -> None:
    """Let the mesh look as it will, for the pictures; it has at least one material by now."""
    mesh = mesh_of(light)
    for index, material in enumerate(mesh.materials):
        shown = material or new_material("GENERIO baked")
        add_maps(shown, made, uv_map, settings.directx)
        mesh.materials[index] = shown
