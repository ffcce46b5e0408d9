# SPDX-License-Identifier: GPL-3.0-or-later
"""What materials look like, one channel at a time, as light that they give, which is baked as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from .settings import BASE_COLOR, EMISSION, METALLIC, ROUGHNESS

SOCKETS = {
    BASE_COLOR: ("Base Color", "Color"),
    ROUGHNESS: ("Roughness",),
    METALLIC: ("Metallic",),
    EMISSION: ("Emission Color",),
}
"""The inputs of shaders that a channel comes from: of the Principled BSDF first, and of simpler ones."""

STRENGTH = "Emission Strength"

PLAIN = {BASE_COLOR: 0.8, ROUGHNESS: 0.5, METALLIC: 0.0, EMISSION: 0.0}
"""What has no such input, or no shader."""


def output_of(tree: Any) -> Any:
    """The node of a material's tree that is rendered, or None."""
    outputs = [node for node in tree.nodes if node.bl_idname == "ShaderNodeOutputMaterial"]
    return next((node for node in outputs if node.is_active_output), next(iter(outputs), None))


def shader_of(tree: Any) -> Any:
    """The shader of a material: the nearest Principled BSDF to the output, or else another; or None."""
    output = output_of(tree)
    waiting = [output] if output is not None else []
    seen: list[Any] = []
    while waiting:
        node = waiting.pop(0)
        if node in seen:
            continue
        seen.append(node)
        if node.bl_idname == "ShaderNodeBsdfPrincipled":
            return node
        waiting += [link.from_node for socket in node.inputs for link in socket.links]
    return next((node for node in seen if "Normal" in node.inputs and "BSDF" in node.outputs), None)


def socket_of(shader: Any, channel: str) -> Any:
    """The input of a shader that a channel comes from, or None."""
    return next((shader.inputs[name] for name in SOCKETS[channel] if name in shader.inputs), None)


class Channels:
    """The shaders of some materials, whose channels can be shown one after the other."""

    def __init__(self, materials: Iterable[bpy.types.Material]) -> None:
        self._shaders = {
            material: shader_of(material.node_tree) for material in materials if material.node_tree
        }

    def is_textured(self, channel: str) -> bool:
        """Whether a channel of any of the materials is not the same all over it."""
        sockets = [socket_of(shader, channel) for shader in self._shaders.values() if shader is not None]
        return any(socket is not None and socket.is_linked for socket in sockets)

    def show(self, channel: str) -> None:
        """Let all of the materials give the light that a channel of them is, and look like nothing else."""
        for material, shader in self._shaders.items():
            _show(material.node_tree, shader, channel)


def _show(tree: Any, shader: Any, channel: str) -> None:
    output = output_of(tree) or tree.nodes.new("ShaderNodeOutputMaterial")
    light = tree.nodes.new("ShaderNodeEmission")
    socket = socket_of(shader, channel) if shader is not None else None
    is_dark = channel == EMISSION and _is_dark(shader)
    if socket is None or is_dark:
        light.inputs["Color"].default_value = (*[0.0 if is_dark else PLAIN[channel]] * 3, 1.0)
    elif socket.is_linked:
        tree.links.new(socket.links[0].from_socket, light.inputs["Color"])
    else:
        value = socket.default_value
        light.inputs["Color"].default_value = (
            (*[value] * 3, 1.0) if isinstance(value, float) else tuple(value)
        )
    tree.links.new(light.outputs["Emission"], output.inputs["Surface"])


def _is_dark(shader: Any) -> bool:
    """Whether a shader has a strength of emission, which is 0. Any other stays with the material."""
    strength = shader.inputs.get(STRENGTH) if shader is not None else None
    return strength is not None and not strength.is_linked and strength.default_value == 0.0
