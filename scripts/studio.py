# SPDX-License-Identifier: GPL-3.0-or-later
"""A photographer's studio for models: backdrop, light, captions, camera, and a picture of all that.

Objects stand on the ground, around a meter high, and are looked at along +Y.
"""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

BACKDROP, INK = (0.56, 0.35, 0.23), (0.045, 0.022, 0.014)
SUN_SIDE = Vector((-3.0, -3.6, 4.2))


def studio(scene: bpy.types.Scene) -> bpy.types.Collection:
    """A new collection in `scene` with backdrop and lights; captions belong there, too."""
    collection = bpy.data.collections.new("Studio")
    scene.collection.children.link(collection)
    collection.objects.link(_backdrop())
    _light(collection, "Key", SUN_SIDE, 420.0, 1.6, (1.0, 0.91, 0.80))
    _light(collection, "Fill", Vector((4.5, -2.5, 2.2)), 110.0, 3.0, (0.78, 0.88, 1.0))
    _light(collection, "Rim", Vector((2.0, 4.2, 3.6)), 260.0, 1.5, (1.0, 0.86, 0.70))
    world = bpy.data.worlds.new("Studio")
    with_nodes(world)
    background = world.node_tree.nodes["Background"].inputs
    background["Color"].default_value, background["Strength"].default_value = (0.62, 0.66, 0.75, 1.0), 0.35
    scene.world = world
    return collection


def with_nodes(block: bpy.types.Material | bpy.types.World) -> None:
    """Give the block a node tree: before Blender 5.0 nodes had to be asked for."""
    if block.node_tree is None:
        block.use_nodes = True


def paint(name: str, color: tuple[float, float, float], roughness: float) -> bpy.types.Material:
    """A plain material."""
    material = bpy.data.materials.new(name)
    with_nodes(material)
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    return material


def caption(
    collection: bpy.types.Collection, text: str, place: tuple[float, float], size: float = 0.08
) -> None:
    """Lines of text that lean back on the ground; the middle of the last one is at `place`."""
    curve = bpy.data.curves.new(text.partition("\n")[0], "FONT")
    curve.body, curve.size, curve.align_x, curve.align_y = text, size, "CENTER", "BOTTOM"
    curve.materials.append(bpy.data.materials.get("Ink") or paint("Ink", INK, 0.7))
    item = bpy.data.objects.new(curve.name, curve)
    item.location, item.rotation_euler = (*place, 0.0), (0.9, 0.0, 0.0)
    collection.objects.link(item)


def camera(
    scene: bpy.types.Scene, aim: Vector, distance: float, rise: float = 0.30, lens: float = 58.0
) -> None:
    """Look at the point `aim` from in front of it and a little above."""
    data = bpy.data.cameras.new("Camera")
    data.lens = lens
    item = bpy.data.objects.new("Camera", data)
    away = Vector((0.0, -1.0, rise)).normalized()
    item.location = aim + away * distance
    item.rotation_euler = (-away).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(item)
    scene.camera = item
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                area.spaces.active.shading.type = "MATERIAL"
                area.spaces.active.region_3d.view_perspective = "CAMERA"


def render(scene: bpy.types.Scene, path: Path, size: tuple[int, int], samples: int) -> None:
    """A picture of the scene, on the processor, with what noise is left taken out."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples, scene.cycles.use_denoising = samples, True
    scene.cycles.max_bounces = 4
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def _backdrop() -> bpy.types.Object:
    """A sheet that lies on the ground and rises behind, without an edge between."""
    angle = np.linspace(0.0, np.pi / 2, 24)
    y = np.concatenate([[-12.0], 6.0 + 3.0 * np.sin(angle), [9.0]])
    z = np.concatenate([[0.0], 3.0 - 3.0 * np.cos(angle), [14.0]])
    points = [(x, *place) for place in zip(y, z, strict=True) for x in (-30.0, 30.0)]
    faces = [(at, at + 1, at + 3, at + 2) for at in range(0, len(points) - 2, 2)]
    mesh = bpy.data.meshes.new("Backdrop")
    mesh.from_pydata(points, [], faces)
    mesh.shade_smooth()
    mesh.materials.append(paint("Backdrop", BACKDROP, 0.9))
    return bpy.data.objects.new("Backdrop", mesh)


def _light(
    collection: bpy.types.Collection,
    name: str,
    place: Vector,
    energy: float,
    size: float,
    color: tuple[float, float, float],
) -> None:
    """A lamp that shines at where models stand."""
    data = bpy.data.lights.new(name, "AREA")
    data.energy, data.size, data.color = energy, size, color
    item = bpy.data.objects.new(name, data)
    item.location = place
    item.rotation_euler = (Vector((0.0, 0.0, 0.5)) - place).to_track_quat("-Z", "Y").to_euler()
    collection.objects.link(item)
