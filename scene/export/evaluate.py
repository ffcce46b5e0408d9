# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be sent of meshes: themselves, or what modifiers make of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, cast

import bpy

from ..meshes import triangle_count
from ..modifiers import NEVER_APPLIED, applicable
from ..versions import original_of, showing

SIMULATIONS = frozenset({"CLOTH", "DYNAMIC_PAINT", "FLUID", "SOFT_BODY"})
"""Modifiers whose shape on a frame comes from those before."""

SIMULATION_NODES = frozenset({"GeometryNodeBake", "GeometryNodeSimulationOutput"})
"""Nodes of which the same is true."""

OF_NO_SHAPE = frozenset({"COLLISION", "PARTICLE_SYSTEM"})
"""Modifiers of LEFT that leave the mesh as it is."""


class Batch(NamedTuple):
    """One mesh that is to be sent, for the objects that get the result.

    applied: whether it is what their modifiers make; then it lives only for a while. first: where the objects
    have been optimized, and can be reverted, what was sent at first; it may live only for a while, too.
    """

    mesh: bpy.types.Mesh
    objects: list[bpy.types.Object]
    applied: bool
    first: bpy.types.Mesh | None = None

    @property
    def triangles(self) -> int:
        """How many triangles are sent."""
        return triangle_count(self.mesh)

    @property
    def first_triangles(self) -> int:
        """How many there were before it was ever optimized."""
        return triangle_count(self.first or self.mesh)

    def modifiers(self) -> tuple[tuple[str, ...], ...]:
        """The names of the modifiers of each of the objects that are in the mesh."""
        return tuple(
            tuple(modifier.name for modifier in applicable(item)) if self.applied else ()
            for item in self.objects
        )


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
    made: list[bpy.types.Mesh] = []

    def first(item: bpy.types.Object) -> bpy.types.Mesh | None:
        return _first(context, item, apply, made)

    try:
        if not apply:
            yield [Batch(mesh, items, False, first(items[0])) for mesh, items in groups.items()]
            return
        found: list[Batch] = []
        for mesh, chosen in groups.items():
            if not any(map(applicable, chosen)):
                found.append(Batch(mesh, chosen, False, first(chosen[0])))
                continue
            rest = [item for item in showing(mesh) if item not in chosen] if everywhere else []
            by_digest: dict[bytes, Batch] = {}
            with _shaped(context, [(item, mesh) for item in (*chosen, *rest)]) as shaped:
                for item, copy in shaped:
                    result = _mesh_from(context, copy)
                    digest = mesh_digest(result)
                    if digest in by_digest or item not in chosen:
                        bpy.data.meshes.remove(result)
                    else:
                        made.append(result)
                        by_digest[digest] = Batch(result, [], True)
                    if digest in by_digest:
                        by_digest[digest].objects.append(item)
            found += [batch._replace(first=first(batch.objects[0])) for batch in by_digest.values()]
        yield found
    finally:
        bpy.data.batch_remove(made)


@contextmanager
def shown_as(
    context: bpy.types.Context, item: bpy.types.Object, mesh: bpy.types.Mesh
) -> Iterator[bpy.types.Mesh]:
    """What the modifiers of `item` that can be applied make of `mesh`; lives only for a while."""
    with _shaped(context, [(item, mesh)]) as ((_, copy),):
        made = _mesh_from(context, copy)
    try:
        yield made
    finally:
        bpy.data.meshes.remove(made)


def _first(
    context: bpy.types.Context, item: bpy.types.Object, apply: bool, made: list[bpy.types.Mesh]
) -> bpy.types.Mesh | None:
    """What was sent of `item` before it was ever optimized, while that is kept; else None.

    apply: whether its modifiers are to be in it; those that were applied are. What has to be made for that is
    put into `made`.
    """
    original = original_of(item)
    if original is None:
        return None
    source, mesh = original
    if not ((apply or source != item) and applicable(source)):
        return mesh
    with _shaped(context, [(source, mesh)]) as ((_, copy),):
        made.append(_mesh_from(context, copy))
    return made[-1]


@contextmanager
def _shaped(
    context: bpy.types.Context, wanted: Sequence[tuple[bpy.types.Object, bpy.types.Mesh]]
) -> Iterator[list[tuple[bpy.types.Object, bpy.types.Object]]]:
    """Each object with one that is evaluated as it is seen, but for the modifiers that are not applied.

    wanted: the objects, each with the mesh from which its modifiers make something. What is evaluated is a
    copy, or the object itself where modifiers know what happened on the frames before: a copy would begin
    anew. What geometry nodes make instances of becomes faces.
    """
    scene: Any = context.scene
    realize = realizing_nodes()
    collection = bpy.data.collections.new("GENERIO evaluate")
    copies: list[bpy.types.Object] = []
    shaped: list[tuple[bpy.types.Object, bpy.types.Object]] = []
    with ExitStack() as afterwards:
        afterwards.callback(bpy.data.node_groups.remove, realize)
        afterwards.callback(bpy.data.collections.remove, collection)
        afterwards.callback(lambda: bpy.data.batch_remove(copies))
        scene.collection.children.link(collection)
        for item, mesh in wanted:
            if item.data == mesh and any(map(has_state, applicable(item))) and item.visible_get():
                afterwards.enter_context(_only_applicable(item, realize))
                shaped.append((item, item))
            else:
                copies.append(_copy_without_modifiers(item, mesh, realize))
                collection.objects.link(copies[-1])
                shaped.append((item, copies[-1]))
        yield shaped


def has_state(modifier: bpy.types.Modifier) -> bool:
    """Whether what a modifier makes follows from the frames before, of which only the object itself knows."""
    if isinstance(modifier, bpy.types.NodesModifier):
        return modifier.node_group is not None and _has_simulation_node(modifier.node_group)
    return modifier.type in SIMULATIONS


def _has_simulation_node(tree: bpy.types.NodeTree) -> bool:
    return any(
        node.bl_idname in SIMULATION_NODES
        or (getattr(node, "node_tree", None) is not None and _has_simulation_node(node.node_tree))  # type: ignore[attr-defined]
        for node in tree.nodes
    )


def _copy_without_modifiers(
    item: bpy.types.Object, mesh: bpy.types.Mesh, realize: bpy.types.NodeTree
) -> bpy.types.Object:
    """A copy of `item` that shows `mesh`, without the modifiers that are not applied."""
    copy: Any = item.copy()
    if copy.data != mesh:
        copy.data = mesh
    for modifier in [modifier for modifier in copy.modifiers if modifier.type in NEVER_APPLIED]:
        copy.modifiers.remove(modifier)
    realize_instances(copy, realize)
    copy.hide_viewport = False
    return copy


@contextmanager
def _only_applicable(item: bpy.types.Object, realize: bpy.types.NodeTree) -> Iterator[None]:
    """Meanwhile the modifiers of `item` that are not applied are off."""
    shown = [modifier for modifier in item.modifiers if modifier.type in NEVER_APPLIED - OF_NO_SHAPE]
    shown = [modifier for modifier in shown if modifier.show_viewport]
    active = item.modifiers.active
    made = None
    try:
        for modifier in shown:
            modifier.show_viewport = False
        made = realize_instances(item, realize)
        yield
    finally:
        if made is not None:
            item.modifiers.remove(made)
        for modifier in shown:
            modifier.show_viewport = True
        if active is not None:
            item.modifiers.active = active


def realize_instances(item: bpy.types.Object, nodes: bpy.types.NodeTree) -> bpy.types.Modifier | None:
    """Let instances become faces, where `item` may make some. nodes: `realizing_nodes`."""
    if not any(modifier.type == "NODES" for modifier in item.modifiers):
        return None
    made: Any = item.modifiers.new("", "NODES")
    made.node_group = nodes
    return made


def realizing_nodes() -> bpy.types.NodeTree:
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


def mesh_digest(mesh: bpy.types.Mesh) -> bytes:
    """A digest that is equal for meshes that look the same."""
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
