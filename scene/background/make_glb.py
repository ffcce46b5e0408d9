# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot becomes the GLB that is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core import files
from .. import exporters, markers
from ..export import texture_limit
from ..paintings import check_painting
from ..restore import centering, material_slots


def make_glb(source: str, target: str) -> None:
    """Write the bare object in the .blend `source` as GLB: its mesh, materials and textures.

    Whatever else its materials refer to is in the file, too, and not to be sent.
    """
    present = set(bpy.data.images)
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(markers.SUBJECT)]
    (item,) = wanted.objects
    for copy in (*bpy.data.materials, *bpy.data.images):
        if markers.ORIGINAL in copy:
            copy.name = copy[markers.ORIGINAL]
            if isinstance(copy, bpy.types.Image):
                check_painting(copy)
    for image in set(bpy.data.images) - present:
        if image.source == "TILED":
            image.user_remap(first_tile(image))
    if item.data.shape_keys is not None:
        item.shape_key_clear()
    centering.move(item.data, -centering.far_middle(item.data))
    for slot, name in zip(item.material_slots, material_slots.slot_names(item), strict=True):
        if name != material_slots.name_of(slot.material):
            slot.link = "OBJECT"
            slot.material = slot.material.copy() if slot.material else bpy.data.materials.new(name)
            slot.material.name = name
    if texture_limit.LIMIT in item:
        texture_limit.limit_textures(item, texture_limit.TextureLimit(*item[texture_limit.LIMIT]))
    try:
        write_glb(item, target)
    except RuntimeError:
        if not make_plain(item):
            raise
        write_glb(item, target)
        markers.plain_materials_note(Path(source)).touch()


def write_glb(item: Any, target: str) -> None:
    """Write the object as GLB, from a scene of its own: this has to work in the user's Blender, too."""
    scene = bpy.data.scenes.new(item.name)
    scene.collection.objects.link(item)
    options = exporters.known(bpy.ops.export_scene.gltf, **exporters.GLTF)
    # The exporter appends .glb to any other name.
    glb = Path(target).with_suffix(".glb.glb")
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.export_scene.gltf(filepath=str(glb), **options)
        files.replace(glb, Path(target))
    finally:
        files.delete(glb)
        bpy.data.scenes.remove(scene)


def make_plain(item: Any) -> bool:
    """Give each slot a material of the same name that has nothing in it; False where no slot has one."""
    full = [(slot, slot.material) for slot in item.material_slots if slot.material]
    plain: dict[Any, Any] = {}
    for material in dict.fromkeys(material for _, material in full):
        name, material.name = material.name, "GENERIO full"
        plain[material] = bpy.data.materials.new(name)
    for slot, material in full:
        slot.link = "OBJECT"
        slot.material = plain[material]
    return bool(full)


def first_tile(image: Any) -> Any:
    """A plain image for a tiled one: its first tile, or nothing where that is in no file.

    The exporter would make a material of each tile, and leave out the faces that lie in none. What comes back
    gets the image that it had.
    """
    name, image.name = image.name, "generio_tiled"
    path = bpy.path.abspath(image.filepath_raw, library=image.library)
    file = Path(path.replace("<UDIM>", str(image.tiles[0].number)))
    plain: Any = bpy.data.images.load(str(file)) if file.is_file() else bpy.data.images.new(name, 8, 8)
    plain.name = name
    plain.colorspace_settings.name = image.colorspace_settings.name
    return plain
