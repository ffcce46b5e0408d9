"""Meshes with fine detail, and what is left of them when they have been optimized."""

import json

import bpy
import numpy as np

from tests.blender import scenes


def sculpt(name: str = "Vase", uv: bool = True) -> bpy.types.Object:
    """A ball with fine bumps, smooth, of some 12,000 triangles."""
    item = scenes.ball(name, 96, 64)
    for vertex in item.data.vertices:
        x, y, z = vertex.co
        vertex.co *= 1.0 + 0.02 * np.sin(14 * x) * np.sin(14 * y) * np.cos(14 * z)
    item.data.shade_smooth()
    if not uv:
        while item.data.uv_layers:
            item.data.uv_layers.remove(item.data.uv_layers[0])
    return item


def lightened(item: bpy.types.Object, ratio: float = 0.1) -> bpy.types.Mesh:
    """What Blender's own decimation makes of it."""
    modifier = item.modifiers.new("Decimate", "DECIMATE")
    modifier.ratio = ratio
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(
        item.evaluated_get(graph), preserve_all_data_layers=True, depsgraph=graph
    )
    item.modifiers.clear()
    return mesh


def optimized(addon, item: bpy.types.Object, ratio: float = 0.1) -> bpy.types.Object:
    """`item`, as if the service had made it lighter; what it was is kept."""
    versions = addon.scene.versions
    light = lightened(item, ratio)
    counts = [
        {
            "triangles": addon.scene.meshes.triangle_count(mesh),
            "vertices": len(mesh.vertices),
            "materials": 1,
            "texture_bytes": 0,
            "file_bytes": 0,
        }
        for mesh in (item.data, light)
    ]
    report = {"before": counts[0], "after": counts[1], "deviation": {"mean": 0.0, "max": 0.0}}
    light[versions.REPORT] = json.dumps({**report, "drift": 0.0, "lost": []})
    versions.install([item], light, None)
    return item
