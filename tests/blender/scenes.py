"""Things to put into a scene, and ways to look at what stands there."""

from collections.abc import Iterable

import bpy
import numpy as np


def checks(name: str = "Checks", size: int = 64) -> bpy.types.Image:
    """A packed picture, so that a snapshot has pixels to carry."""
    image = bpy.data.images.new(name, size, size)
    pixels = np.ones((size, size, 4), dtype=np.float32)
    pixels[: size // 2, :, :3] = 0.2
    image.pixels.foreach_set(pixels.ravel())
    image.pack()
    return image


def textured(name: str) -> bpy.types.Material:
    """A material whose base colour comes from a picture."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        material.use_nodes = True
    tree = material.node_tree
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = checks(name)
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    return material


def ball(name: str = "Ball", segments: int = 64, rings: int = 32, **options: object) -> bpy.types.Object:
    """A UV sphere with UVs; two triangles for each of its quads."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=segments, ring_count=rings, **options)
    item = bpy.context.object
    item.name = item.data.name = name
    return item


def scatter_cubes(item: bpy.types.Object) -> bpy.types.NodeTree:
    """Let geometry nodes show a cube, as an instance, at each vertex of `item`, and nothing else."""
    group = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    start, scatter, cube, end = map(
        group.nodes.new,
        ("NodeGroupInput", "GeometryNodeInstanceOnPoints", "GeometryNodeMeshCube", "NodeGroupOutput"),
    )
    group.links.new(start.outputs[0], scatter.inputs["Points"])
    group.links.new(cube.outputs[0], scatter.inputs["Instance"])
    group.links.new(scatter.outputs[0], end.inputs[0])
    item.modifiers.new("Scatter", "NODES").node_group = group
    return group


def select(*objects: bpy.types.Object) -> None:
    bpy.context.view_layer.update()  # without it a new object does not count as visible
    for item in bpy.context.view_layer.objects:
        item.select_set(item in objects)
    bpy.context.view_layer.objects.active = objects[0] if objects else None


def triangles(item: bpy.types.Object) -> int:
    item.data.calc_loop_triangles()
    return len(item.data.loop_triangles)


def world_points(item: bpy.types.Object) -> np.ndarray:
    """The vertices in world space, N x 3."""
    points = np.empty(len(item.data.vertices) * 3, dtype=np.float32)
    item.data.vertices.foreach_get("co", points)
    matrix = np.array(item.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def bounds(items: Iterable[bpy.types.Object]) -> np.ndarray:
    """Lowest and highest corner in world space, 2 x 3."""
    points = np.concatenate([world_points(item) for item in items])
    return np.array([points.min(axis=0), points.max(axis=0)])


def base_colour_images(item: bpy.types.Object) -> list[bpy.types.Image]:
    """The pictures that the materials of `item` read."""
    return [
        node.image
        for slot in item.material_slots
        if slot.material is not None and slot.material.node_tree is not None
        for node in slot.material.node_tree.nodes
        if node.type == "TEX_IMAGE" and node.image is not None
    ]
