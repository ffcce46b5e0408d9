# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes as they are seen, with their modifiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy

from ..export.evaluate import has_state, realize_instances, realizing_nodes
from ..meshes import flush_edits, mesh_of


@contextmanager
def seen_meshes(
    context: bpy.types.Context, items: Sequence[bpy.types.Object], in_triangles: bool = True
) -> Iterator[list[bpy.types.Mesh]]:
    """Yield a mesh for each of the objects, as its modifiers make it, in object space.

    in_triangles: whether its faces are triangles; normals stay as they are. Hidden objects are seen, too.
    What geometry nodes make instances of becomes faces, and a simulation is taken as it is on this frame.
    """
    flush_edits(items)
    scene: Any = context.scene
    realizing = realizing_nodes()
    collection = bpy.data.collections.new("GENERIO seen")
    copies: list[Any] = []
    shown: list[Any] = []
    made: list[bpy.types.Mesh] = []
    with ExitStack() as afterwards:
        afterwards.callback(lambda: bpy.data.batch_remove(made))
        afterwards.callback(bpy.data.node_groups.remove, realizing)
        afterwards.callback(bpy.data.collections.remove, collection)
        afterwards.callback(lambda: bpy.data.batch_remove(copies))
        scene.collection.children.link(collection)
        for item in items:
            if not in_triangles and any(map(has_state, item.modifiers)) and item.visible_get():
                afterwards.enter_context(_realized(item, realizing))  # a copy would begin anew
                shown.append(item)
                continue
            copies.append(_copy(item, in_triangles, realizing))
            collection.objects.link(copies[-1])
            shown.append(copies[-1])
        graph = context.evaluated_depsgraph_get()
        for item, there in zip(items, shown, strict=True):
            seen: Any = bpy.data.meshes.new_from_object(
                there.evaluated_get(graph), preserve_all_data_layers=True, depsgraph=graph
            )
            made.append(seen)
            for index, slot in enumerate(item.material_slots[: len(seen.materials)]):
                if slot.link == "OBJECT" and len(mesh_of(item).materials) == len(seen.materials):
                    seen.materials[index] = slot.material
        yield made


@contextmanager
def _realized(item: bpy.types.Object, nodes: bpy.types.NodeTree) -> Iterator[None]:
    """Meanwhile what an object itself makes instances of becomes faces."""
    active = item.modifiers.active
    made = realize_instances(item, nodes)
    try:
        yield
    finally:
        if made is not None:
            item.modifiers.remove(made)
        if active is not None:
            item.modifiers.active = active


def _copy(item: bpy.types.Object, in_triangles: bool, realizing: bpy.types.NodeTree) -> bpy.types.Object:
    copy: Any = item.copy()
    copy.hide_viewport = False
    copy.show_only_shape_key = False
    realize_instances(copy, realizing)
    if in_triangles:
        last: Any = copy.modifiers.new("", "TRIANGULATE")
        last.min_vertices = 4
        if hasattr(last, "keep_custom_normals"):
            last.keep_custom_normals = True
    return copy
