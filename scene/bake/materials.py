# SPDX-License-Identifier: GPL-3.0-or-later
"""Baked maps come into materials: behind a UV map of their own, before the shader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from .channels import shaders_of, socket_of
from .settings import NORMAL, OCCLUSION, ORM, SURFACE

GLTF = "glTF Material Output"
"""The name of the node group in which glTF's exporter looks for occlusion, which no shader has."""

STEP, COLUMN = 280.0, 320.0
"""Between the nodes of a column, and between columns, in units of the node editor."""


def new_material(name: str) -> Any:
    """A material with the nodes that Blender gives a new one."""
    made: Any = bpy.data.materials.new(name)
    if made.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        made.use_nodes = True
    return made


def add_maps(material: Any, images: Mapping[str, Any], uv_map: str, directx: bool) -> None:
    """Put maps into a material, where they take the place of what is there.

    images: by their kinds, see `settings`. uv_map: the one that they were baked with. directx: whether green
    points down in the normal map. A normal map that was there is in the baked one already.
    """
    _use_nodes(material)
    for tree, shader in shaders_of(material.node_tree, is_own=True):
        _add_maps(tree, shader, images, uv_map, directx)


def _use_nodes(material: Any) -> None:
    """Let a material that looks by its settings, as it may before Blender 5, look the same by its nodes."""
    if bpy.app.version >= (5, 0, 0) or material.use_nodes:
        return
    material.use_nodes = True
    for _, shader in shaders_of(material.node_tree):
        values = {
            "Base Color": material.diffuse_color,
            "Roughness": material.roughness,
            "Metallic": material.metallic,
        }
        for name, value in values.items():
            if name in shader.inputs:
                shader.inputs[name].default_value = value


def _add_maps(tree: Any, shader: Any, images: Mapping[str, Any], uv_map: str, directx: bool) -> None:
    nodes, links = tree.nodes, tree.links
    left = min(node.location.x for node in nodes) - COLUMN
    place = nodes.new("ShaderNodeUVMap")
    place.uv_map = uv_map
    place.location = (left - 2 * COLUMN, shader.location.y)
    for row, (kind, image) in enumerate(images.items()):
        texture = nodes.new("ShaderNodeTexImage")
        texture.image = image
        texture.extension = "EXTEND"
        texture.location = (left - COLUMN, shader.location.y - row * STEP)
        links.new(place.outputs["UV"], texture.inputs["Vector"])
        color = texture.outputs["Color"]
        at = (left, shader.location.y - row * STEP)
        if kind == NORMAL:
            links.new(_normal(tree, color, uv_map, directx, at), shader.inputs["Normal"])
        elif kind == OCCLUSION:
            links.new(color, _occlusion(tree, shader))
        elif kind == ORM:
            parts = nodes.new("ShaderNodeSeparateColor")
            parts.location = at
            links.new(color, parts.inputs["Color"])
            links.new(parts.outputs["Red"], _occlusion(tree, shader))
            for name, channel in (("Green", "roughness"), ("Blue", "metallic")):
                if (socket := socket_of(shader, channel)) is not None:
                    links.new(parts.outputs[name], socket)
        elif kind in SURFACE and (socket := socket_of(shader, kind)) is not None:
            links.new(color, socket)


def _normal(tree: Any, color: Any, uv_map: str, directx: bool, at: Any) -> Any:
    """The output of a node that makes a normal of the color of a map."""
    node = tree.nodes.new("ShaderNodeNormalMap")
    node.uv_map = uv_map
    node.location = at
    if directx and hasattr(node, "convention"):
        node.convention = "DIRECTX"
    elif directx:  # before Blender 5.1, which knows green that points up only
        parts = tree.nodes.new("ShaderNodeSeparateColor")
        up = tree.nodes.new("ShaderNodeMath")
        whole = tree.nodes.new("ShaderNodeCombineColor")
        up.operation = "SUBTRACT"
        up.inputs[0].default_value = 1.0
        for column, part in enumerate((whole, up, parts)):
            part.location = (at[0] - (column + 1) * 160.0, at[1] - STEP / 2)
        tree.links.new(color, parts.inputs["Color"])
        tree.links.new(parts.outputs["Green"], up.inputs[1])
        for name in ("Red", "Blue"):
            tree.links.new(parts.outputs[name], whole.inputs[name])
        tree.links.new(up.outputs["Value"], whole.inputs["Green"])
        color = whole.outputs["Color"]
    tree.links.new(color, node.inputs["Color"])
    return node.outputs["Normal"]


def _occlusion(tree: Any, shader: Any) -> Any:
    """The input in which glTF's exporter looks for occlusion; made where there is none."""
    present = [
        node for node in tree.nodes if getattr(node, "node_tree", None) and node.node_tree.name == GLTF
    ]
    node = present[0] if present else None
    if node is None:
        group: Any = bpy.data.node_groups.get(GLTF)
        if group is None:
            group = bpy.data.node_groups.new(GLTF, "ShaderNodeTree")
            group.interface.new_socket("Occlusion", socket_type="NodeSocketFloat")
            group.nodes.new("NodeGroupInput")
        node = tree.nodes.new("ShaderNodeGroup")
        node.node_tree = group
        node.location = (shader.location.x, shader.location.y + STEP)
    return node.inputs["Occlusion"]
