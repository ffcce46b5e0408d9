"""Meshes that are sent and come back, without a service."""

from collections.abc import Callable, Sequence

import bpy
import numpy as np

from tests.blender import scenes

Fit = Callable[..., dict]


def made(name: str, points: Sequence, faces: Sequence) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], faces)
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def as_it_comes(item: bpy.types.Object, ratio: float = 1.0, sheds: bool = True) -> bpy.types.Object:
    """A copy as a service may send it back: reduced, triangles, each of them alone, no groups, no names.

    sheds: less one triangle, so that something has changed.
    """
    copy = item.copy()
    copy.data = item.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    if ratio < 1:
        modifier = copy.modifiers.new("Reduce", "DECIMATE")
        modifier.ratio = ratio
        modifier.use_collapse_triangulate = True
    copy.modifiers.new("Triangles", "TRIANGULATE").quad_method = "FIXED"
    scenes.select(copy)
    bpy.ops.object.convert(target="MESH")
    copy.vertex_groups.clear()
    for number, layer in enumerate(copy.data.uv_layers):
        layer.name = f"came {number}"
    if sheds:
        drop_faces(copy, [0])
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.edge_split(type="EDGE")
    bpy.ops.object.mode_set(mode="OBJECT")
    return copy


def drop_faces(item: bpy.types.Object, numbers: Sequence[int]) -> None:
    import bmesh

    work = bmesh.new()
    work.from_mesh(item.data)
    work.faces.ensure_lookup_table()
    bmesh.ops.delete(work, geom=[work.faces[number] for number in numbers], context="FACES")
    work.to_mesh(item.data)
    work.free()


def weights(item: bpy.types.Object) -> np.ndarray:
    """Of each vertex in each group."""
    found = np.zeros((len(item.data.vertices), len(item.vertex_groups)))
    for vertex in item.data.vertices:
        for entry in vertex.groups:
            found[vertex.index, entry.group] = entry.weight
    return found


def unwrapped(name: str = "Maps") -> bpy.types.Object:
    """A ball with two UV maps, the second of which is half as large and elsewhere."""
    item = scenes.ball(name, 24, 12)
    item.data.uv_layers[0].name = "Albedo"
    second = item.data.uv_layers.new(name="Lightmap")
    values = uvs(item.data, "Albedo")
    second.uv.foreach_set("vector", (values * 0.5 + 0.25).ravel())
    second.active = True
    return item


def uvs(mesh: bpy.types.Mesh, name: str) -> np.ndarray:
    found = np.empty((len(mesh.loops), 2), dtype=np.float32)
    mesh.uv_layers[name].uv.foreach_get("vector", found.ravel())
    return found
