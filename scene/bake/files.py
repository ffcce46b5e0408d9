# SPDX-License-Identifier: GPL-3.0-or-later
"""Of two GLB files, a model and a lighter one, comes a third: the lighter one with what it has lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix

from ...core import files
from ..background.load_glb import load_glb
from ..meshes import triangle_count
from .maps import NO_FACES, Report, bake_onto
from .materials import add_maps, new_material
from .run import check_room
from .settings import BakeSettings


def bake(source: str, target: str, report: Report) -> None:
    """Carry out the order in the file `source` (JSON): `original` and `light` are GLBs, `size` of the maps.

    target: the GLB to write. Raises RuntimeError with a message.
    """
    order = json.loads(Path(source).read_text(encoding="utf-8"))
    lights = load_glb(order["light"])
    whole = _joined(load_glb(order["original"]), lights)
    places: dict[Any, tuple[str, Matrix]] = {}  # of each mesh the first object
    for item in lights:
        if item.type == "MESH" and len(item.data.polygons):
            places.setdefault(item.data, (item.name, item.matrix_world.copy()))
    if not places:
        raise RuntimeError(NO_FACES)
    settings = BakeSettings(size=order["size"])
    check_room(settings, triangle_count(whole), Path(target).parent)
    _unlink(lights)
    for number, (mesh, (name, place)) in enumerate(places.items()):

        def report_share(share: float, before: int = number) -> None:
            report((before + share) / len(places))

        _bake_mesh(whole, mesh, name, place, settings, report_share)
    for item in lights:
        bpy.context.scene.collection.objects.link(item)
    glb = Path(target).with_suffix(".glb.glb")  # the exporter appends .glb to any other name
    try:
        bpy.ops.export_scene.gltf(
            filepath=str(glb),
            export_format="GLB",
            use_active_scene=True,
            export_tangents=True,  # those that the normal map was baked with
        )
        files.replace(glb, Path(target))
    finally:
        files.delete(glb)


def _joined(objects: list[Any], others: list[Any]) -> Any:
    """The meshes of these objects as one, in the space of the world; only the others are left then."""
    bpy.context.view_layer.update()
    parts = [item for item in objects if item.type == "MESH" and len(item.data.polygons)]
    if not parts:
        raise RuntimeError(NO_FACES)
    for item in parts:
        if item.data.shape_keys is not None:
            item.shape_key_clear()
        shape = item.data.copy()
        shape.transform(item.matrix_world)
        item.parent, item.data = None, shape
        item.matrix_world.identity()
        item.modifiers.clear()
    with bpy.context.temp_override(object=parts[0], active_object=parts[0], selected_editable_objects=parts):
        bpy.ops.object.join()
    mesh = parts[0].data
    bpy.data.batch_remove([item for item in bpy.data.objects if item not in others])
    return mesh


def _unlink(objects: list[Any]) -> None:
    for item in objects:
        for collection in item.users_collection:
            collection.objects.unlink(item)


def _bake_mesh(
    whole: Any, mesh: Any, name: str, place: Matrix, settings: BakeSettings, report: Report
) -> None:
    """Put maps into the materials of a mesh.

    whole: the mesh to bake from, in the space of the world. name, place: of an object with `mesh`.
    """
    shape = whole.copy()
    shape.transform(place.inverted_safe())
    for index, material in enumerate(shape.materials):
        shape.materials[index] = material.copy() if material else None
    own = [*mesh.materials]
    original = bpy.data.objects.new("GENERIO original", shape)
    light = bpy.data.objects.new("GENERIO light", mesh)
    for stand_in in (original, light):
        bpy.context.scene.collection.objects.link(stand_in)
    made, _, figures = bake_onto(original, light, settings, report)
    bpy.data.batch_remove([original, light])
    for index, material in enumerate(own or [None]):
        mesh.materials[index] = copy = material.copy() if material else new_material(name)
        add_maps(copy, made, figures["uv_map"], settings.directx)
    for kind, image in made.items():
        image.pack()
        image.name = f"{name}_{kind}"
