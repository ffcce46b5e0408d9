# SPDX-License-Identifier: GPL-3.0-or-later
"""A GLB becomes a .blend: one to be placed, with its pictures and a report beside it, or one to open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

from ...core import files
from ...formats.blend_file import array_sizes
from .. import markers
from ..place.extras import capture_extras
from ..restore.restore import CannotRestore, restore_mesh_data
from .load_glb import EMPTY_MODEL, load_glb


def make_blend(source: str, target: str) -> None:
    """Write everything that `source` holds as a .blend, its pictures and a report (JSON) beside it."""
    scene = bpy.context.scene
    with capture_extras(scene, Path(source)) as beside:
        load_glb(source, disable_bone_shape=True)
    objects: list[Any] = list(scene.objects)
    if not objects:
        raise RuntimeError(EMPTY_MODEL)
    fitted = restore_result(Path(source), objects)
    for mesh in bpy.data.meshes:
        drop_zeros(mesh)
    name = Path(target).name.partition(".")[0]
    content = report() | fitted | {"scene": beside}
    for number, image in enumerate(bpy.data.images):
        save_beside(image, Path(target).with_name(f"{name}-{number}"))
    bpy.data.libraries.write(target, set(objects))
    content["arrays"] = array_sizes(Path(target))  # see `memory`
    Path(target).with_name(f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def make_file(source: str, target: str) -> None:
    """Write everything that `source` holds as a .blend to open: a scene with it, images packed."""
    load_glb(source)
    if not bpy.context.scene.objects:
        raise RuntimeError(EMPTY_MODEL)
    blend = str(Path(target).with_suffix(".blend"))  # Blender appends that to any other name
    bpy.ops.wm.save_as_mainfile(filepath=blend, copy=True, check_existing=False, compress=True)
    files.replace(Path(blend), Path(target))


def restore_result(source: Path, objects: list[Any]) -> dict[str, Any]:
    """Restore the mesh data of the imported `objects` from the snapshot beside `source`, if there is one.

    Returns what goes into the report: "fit", see `restore_mesh_data`, or "misfit" if the result is elsewhere
    than the mesh that was sent; then it stays as it was received.
    """
    snapshot = markers.snapshot_of(source)
    parts = [item for item in objects if item.type == "MESH" and len(item.data.polygons)]
    if snapshot is None or not parts:
        return {}
    names = {material: material.name for material in bpy.data.materials}
    try:
        fitted = {"fit": restore_mesh_data(parts, snapshot, names)}
    except CannotRestore:
        fitted = {"misfit": True}
    objects[:] = parts[:1]
    return fitted


def drop_zeros(mesh: Any) -> None:
    """Take away the attributes that mean the same if they are not there: the window waits for each byte."""
    import numpy as np

    for name in ("material_index", "sharp_edge", "sharp_face"):
        attribute = mesh.attributes.get(name)
        if attribute is not None:
            values = np.empty(len(attribute.data), bool if attribute.data_type == "BOOLEAN" else np.int32)
            attribute.data.foreach_get("value", values)
            if not values.any():
                mesh.attributes.remove(attribute)


def save_beside(image: Any, path: Path) -> None:
    """Let a packed picture be the file `path` instead, and say so."""
    if image.packed_file is not None:
        path.write_bytes(image.packed_file.data)
        image.unpack(method="REMOVE")
        image.filepath_raw = str(path)
        image[markers.UNPACKED] = True


def report() -> dict[str, Any]:
    """What stands in the scene: counts, pictures with sizes in pixels, and the extent in Blender units."""
    meshes: list[Any] = [item.data for item in bpy.context.scene.objects if item.type == "MESH"]
    pictures: list[Any] = [image for image in bpy.data.images if image.type == "IMAGE" and image.size[0]]
    low, high = extent()
    return {
        "triangles": sum(len(mesh.loops) - 2 * len(mesh.polygons) for mesh in meshes),
        "vertices": sum(len(mesh.vertices) for mesh in meshes),
        "materials": len({material for mesh in meshes for material in mesh.materials if material}),
        "textures": [[*image.size] for image in pictures],
        "uv_maps": max((len(mesh.uv_layers) for mesh in meshes), default=0),
        "size": [*(high - low)],
    }


def extent() -> tuple[Vector, Vector]:
    """Lowest and highest corner of all meshes, world space."""
    bpy.context.view_layer.update()
    corners = [
        item.matrix_world @ Vector(corner)
        for item in bpy.context.scene.objects
        if item.type == "MESH"
        for corner in item.bound_box
    ] or [Vector((0.0, 0.0, 0.0))]
    low = Vector([min(corner[axis] for corner in corners) for axis in range(3)])
    return low, Vector([max(corner[axis] for corner in corners) for axis in range(3)])
