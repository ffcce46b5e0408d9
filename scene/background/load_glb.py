# SPDX-License-Identifier: GPL-3.0-or-later
"""A GLB comes into the file of a converter."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.messages import Message
from ..exporters import known

EMPTY_MODEL = Message("the model is empty.")


def load_glb(path: str, **options: Any) -> list[Any]:
    """Load a GLB, with its images packed; return the objects that this has added.

    options: of the importer, beside ours; those that this version does not have are left out.
    """
    present = set(bpy.data.objects)
    ours = {"import_pack_images": True, "import_scene_as_collection": False}
    bpy.ops.import_scene.gltf(filepath=path, **known(bpy.ops.import_scene.gltf, **ours, **options))
    return [item for item in bpy.data.objects if item not in present]


def load_joined(path: str) -> Any:
    """Load a GLB; return its meshes as one object at the origin. Raises RuntimeError where it has none."""
    objects = load_glb(path)
    bpy.context.view_layer.update()
    meshes = [item for item in objects if item.type == "MESH" and len(item.data.polygons)]
    if not meshes:
        raise RuntimeError(EMPTY_MODEL)
    for item in meshes:
        seen = item.matrix_world.copy()
        if item.data.users > 1:
            item.data = item.data.copy()
        item.parent = None
        item.matrix_world.identity()
        item.data.transform(seen)
        if seen.is_negative:
            item.data.flip_normals()
    first = meshes[0]
    if len(meshes) > 1:
        with bpy.context.temp_override(
            object=first, active_object=first, selected_objects=meshes, selected_editable_objects=meshes
        ):
            bpy.ops.object.join()
    return first
