# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be sent of meshes: themselves, or what modifiers make of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, cast

import bpy

from .modifiers import LEFT, applicable
from .versions import showing

SIMULATIONS = frozenset({"CLOTH", "DYNAMIC_PAINT", "FLUID", "SOFT_BODY"})
"""Modifiers whose shape on a frame comes from those before."""

SIMULATION_NODES = frozenset({"GeometryNodeBake", "GeometryNodeSimulationOutput"})
"""Nodes of which the same is true."""

OF_NO_SHAPE = frozenset({"COLLISION", "PARTICLE_SYSTEM"})
"""Modifiers of LEFT that leave the mesh as it is."""


class Batch(NamedTuple):
    """One mesh that is to be sent, for the objects that get the result.

    applied: whether it is what their modifiers make; then it lives only for a while.
    """

    mesh: bpy.types.Mesh
    objects: list[bpy.types.Object]
    applied: bool

    def modifiers(self) -> list[list[str]]:
        """The names of the modifiers of each of the objects that are in the mesh."""
        return [
            [modifier.name for modifier in applicable(item)] if self.applied else [] for item in self.objects
        ]


@contextmanager
def batches(
    context: bpy.types.Context,
    groups: Mapping[bpy.types.Mesh, list[bpy.types.Object]],
    apply: bool,
    everywhere: bool,
) -> Iterator[list[Batch]]:
    """What is to be sent of `groups`: meshes with the objects, sharing them, that were chosen.

    apply: what modifiers make, where there are any; of equal meshes one, so that an array of duplicates is
    still one mesh. everywhere: objects that were not chosen follow those that they equal.
    """
    plain = [Batch(mesh, items, False) for mesh, items in groups.items()]
    if not apply:
        yield plain
        return
    base = [batch for batch in plain if not any(map(applicable, batch.objects))]
    found: list[Batch] = []
    made: list[bpy.types.Mesh] = []
    try:
        for mesh, chosen in groups.items():
            if not any(map(applicable, chosen)):
                continue
            rest = [item for item in showing(mesh) if item not in chosen] if everywhere else []
            by_look: dict[bytes, Batch] = {}
            with _shaped(context, [*chosen, *rest]) as shaped:
                for item, copy in shaped:
                    result = _mesh_from(context, copy)
                    look = _look(result)
                    if look in by_look or item not in chosen:
                        bpy.data.meshes.remove(result)
                    else:
                        made.append(result)
                        by_look[look] = Batch(result, [], True)
                        found.append(by_look[look])
                    if look in by_look:
                        by_look[look].objects.append(item)
        yield [*base, *found]
    finally:
        bpy.data.batch_remove(made)


@contextmanager
def _shaped(
    context: bpy.types.Context, objects: Sequence[bpy.types.Object]
) -> Iterator[list[tuple[bpy.types.Object, bpy.types.Object]]]:
    """Each object with one that is evaluated as it is seen, but for the modifiers that are not applied.

    That is a copy, or the object itself where modifiers know what happened on the frames before: a copy would
    begin anew. What geometry nodes make instances of becomes faces.
    """
    scene: Any = context.scene
    realize = _realize_instances()
    collection = bpy.data.collections.new("GENERIO evaluate")
    copies: list[bpy.types.Object] = []
    shaped: list[tuple[bpy.types.Object, bpy.types.Object]] = []
    with ExitStack() as afterwards:
        afterwards.callback(bpy.data.node_groups.remove, realize)
        afterwards.callback(bpy.data.collections.remove, collection)
        afterwards.callback(lambda: bpy.data.batch_remove(copies))
        scene.collection.children.link(collection)
        for item in objects:
            if any(map(_remembers, applicable(item))) and item.visible_get():
                afterwards.enter_context(_only_applicable(item, realize))
                shaped.append((item, item))
            else:
                copies.append(_bare_copy(item, realize))
                collection.objects.link(copies[-1])
                shaped.append((item, copies[-1]))
        yield shaped


def _remembers(modifier: bpy.types.Modifier) -> bool:
    """Whether what a modifier makes follows from the frames before, of which only the object itself knows."""
    if isinstance(modifier, bpy.types.NodesModifier):
        return modifier.node_group is not None and _has_node_that_remembers(modifier.node_group)
    return modifier.type in SIMULATIONS


def _has_node_that_remembers(tree: bpy.types.NodeTree) -> bool:
    return any(
        node.bl_idname in SIMULATION_NODES
        or (getattr(node, "node_tree", None) is not None and _has_node_that_remembers(node.node_tree))  # type: ignore[attr-defined]
        for node in tree.nodes
    )


def _bare_copy(item: bpy.types.Object, realize: bpy.types.NodeTree) -> bpy.types.Object:
    """A copy of `item` without the modifiers that are not applied."""
    copy: Any = item.copy()
    for modifier in [modifier for modifier in copy.modifiers if modifier.type in LEFT]:
        copy.modifiers.remove(modifier)
    _realize(copy, realize)
    copy.hide_viewport = False
    return copy


@contextmanager
def _only_applicable(item: bpy.types.Object, realize: bpy.types.NodeTree) -> Iterator[None]:
    """Meanwhile the modifiers of `item` that are not applied are off."""
    shown = [modifier for modifier in item.modifiers if modifier.type in LEFT - OF_NO_SHAPE]
    shown = [modifier for modifier in shown if modifier.show_viewport]
    active = item.modifiers.active
    made = None
    try:
        for modifier in shown:
            modifier.show_viewport = False
        made = _realize(item, realize)
        yield
    finally:
        if made is not None:
            item.modifiers.remove(made)
        for modifier in shown:
            modifier.show_viewport = True
        if active is not None:
            item.modifiers.active = active


def _realize(item: bpy.types.Object, realize: bpy.types.NodeTree) -> bpy.types.Modifier | None:
    """Let instances become faces, where `item` may make some."""
    if not any(modifier.type == "NODES" for modifier in item.modifiers):
        return None
    made: Any = item.modifiers.new("", "NODES")
    made.node_group = realize
    return made


def _realize_instances() -> bpy.types.NodeTree:
    """Geometry nodes that make faces of instances."""
    group: Any = bpy.data.node_groups.new("GENERIO realize", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    first, realize, last = map(
        group.nodes.new, ("NodeGroupInput", "GeometryNodeRealizeInstances", "NodeGroupOutput")
    )
    group.links.new(first.outputs[0], realize.inputs[0])
    group.links.new(realize.outputs[0], last.inputs[0])
    return group


def _mesh_from(context: bpy.types.Context, item: bpy.types.Object) -> bpy.types.Mesh:
    graph = context.evaluated_depsgraph_get()
    made: Any = bpy.data.meshes.new_from_object(
        item.evaluated_get(graph), preserve_all_data_layers=True, depsgraph=graph
    )
    return cast(bpy.types.Mesh, made)


def _look(mesh: bpy.types.Mesh) -> bytes:
    """Equal for meshes that look the same."""
    import numpy as np

    digest = hashlib.blake2b()

    def add(data: Any, field: str, kind: Any, size: int) -> None:
        values = np.empty(len(data) * size, dtype=kind)
        data.foreach_get(field, values)
        digest.update(values.tobytes())

    add(mesh.vertices, "co", np.float32, 3)
    add(mesh.loops, "vertex_index", np.int32, 1)
    add(mesh.polygons, "loop_start", np.int32, 1)
    add(mesh.polygons, "material_index", np.int32, 1)
    for layer in mesh.uv_layers:
        add(layer.uv, "vector", np.float32, 2)
    digest.update(repr([material.name if material else "" for material in mesh.materials]).encode())
    return digest.digest()
