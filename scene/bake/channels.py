# SPDX-License-Identifier: GPL-3.0-or-later
"""What materials look like, one channel at a time, as light that they give, which is baked as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import bpy

from .settings import ALPHA, BASE_COLOR, EMISSION, METALLIC, ROUGHNESS

SOCKETS = {
    BASE_COLOR: ("Base Color", "Color"),
    ROUGHNESS: ("Roughness",),
    METALLIC: ("Metallic",),
    EMISSION: ("Emission Color",),
    ALPHA: ("Alpha",),
}
"""The inputs of shaders that a channel comes from: of the Principled BSDF first, and of simpler ones."""

STRENGTH = "Emission Strength"

OUTPUTS = frozenset({"ShaderNodeOutputMaterial", "NodeGroupOutput"})
"""Nodes that what is rendered goes through at last."""

MIXERS = frozenset({"ShaderNodeMixShader", "ShaderNodeAddShader", "NodeReroute"})
"""Nodes that shaders go through."""

CLEAR = frozenset({"ShaderNodeBsdfTransparent", "ShaderNodeHoldout"})
"""Shaders that let through what is behind."""

RELIEF = frozenset({"Normal", "Displacement"})
"""Inputs of shaders and outputs that change how a face is shaded."""

PLAIN = {BASE_COLOR: 0.8, ROUGHNESS: 0.5, METALLIC: 0.0, EMISSION: 0.0, ALPHA: 1.0}
"""What has no such input, or no shader."""


class Shader(NamedTuple):
    """A shader that is seen, and the tree that it is in: the material's, or that of a group in it."""

    tree: Any
    node: Any


def shaders_of(tree: Any, is_own: bool = False) -> list[Shader]:
    """The shaders of a material that are mixed into what is rendered, also those in groups.

    is_own: whether groups are to be the material's alone from then on, so that they can be changed.
    """
    found: list[Shader] = []
    outputs = [node for node in tree.nodes if node.bl_idname in OUTPUTS]
    output = next((node for node in outputs if node.is_active_output), next(iter(outputs), None))
    waiting = _behind(output) if output is not None else []
    seen: list[Any] = []
    while waiting:
        node = waiting.pop(0)
        if node in seen:
            continue
        seen.append(node)
        if getattr(node, "node_tree", None) is not None:
            if is_own and node.node_tree.users > 1:
                node.node_tree = node.node_tree.copy()
            found += shaders_of(node.node_tree, is_own)
        elif node.bl_idname in MIXERS:
            waiting += _behind(node)
        elif "Normal" in node.inputs:
            found.append(Shader(tree, node))
    return found


def _behind(node: Any) -> list[Any]:
    """The nodes whose shaders come into `node`, but for volumes."""
    sockets = [socket for socket in node.inputs if socket.type == "SHADER" and socket.name != "Volume"]
    return [link.from_node for socket in sockets for link in socket.links]


def socket_of(shader: Any, channel: str) -> Any:
    """The input of a shader that a channel comes from, or None."""
    return next((shader.inputs[name] for name in SOCKETS[channel] if name in shader.inputs), None)


class Channels:
    """The shaders of some materials, whose channels can be shown one after the other."""

    def __init__(self, materials: Iterable[bpy.types.Material]) -> None:
        self._shaders: dict[Shader, list[Any]] = {}  # each with the sockets that it shines into
        self._plain: list[Any] = []  # trees without one
        self._trees = [material.node_tree for material in materials if material.node_tree]
        for tree in self._trees:
            found = shaders_of(tree)
            self._shaders |= {shader: _targets(shader.node) for shader in found}
            if not found:
                self._plain.append(tree)
        for shader in {shader.tree: shader for shader in self._shaders}.values():
            for node in shader.tree.nodes:
                if node.bl_idname in CLEAR:  # what is seen through has the color of what is not
                    self._shaders[shader] += _targets(node)

    def is_textured(self, channel: str) -> bool:
        """Whether a channel of any of the materials is not the same all over it."""
        sockets = [socket_of(shader.node, channel) for shader in self._shaders]
        return any(socket is not None and socket.is_linked for socket in sockets)

    def flatten(self) -> bool:
        """Take off normal maps and bumps, so that the mesh alone is shaded; whether there were any."""
        links = [
            (tree, link)
            for tree in {*self._trees, *(shader.tree for shader in self._shaders)}
            for node in tree.nodes
            for socket in node.inputs
            if socket.name in RELIEF
            for link in socket.links
        ]
        for tree, link in links:
            tree.links.remove(link)
        return bool(links)

    def show(self, channel: str) -> None:
        """Let all of the materials give the light that a channel of them is, and look like nothing else.

        Each shader gives its own, so that what mixes them mixes these.
        """
        for shader, targets in self._shaders.items():
            light = _light(shader.tree, shader.node, channel)
            for target in targets:
                shader.tree.links.new(light.outputs["Emission"], target)
        for tree in self._plain:
            output = next((node for node in tree.nodes if node.bl_idname in OUTPUTS), None)
            output = output or tree.nodes.new("ShaderNodeOutputMaterial")
            tree.links.new(_light(tree, None, channel).outputs["Emission"], output.inputs["Surface"])


def _targets(node: Any) -> list[Any]:
    """The sockets that a node is linked to."""
    return [link.to_socket for output in node.outputs for link in output.links]


def _light(tree: Any, shader: Any, channel: str) -> Any:
    """A node that gives the light that a channel of a shader is."""
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
    return light


def _is_dark(shader: Any) -> bool:
    """Whether a shader has a strength of emission, which is 0. Any other stays with the material."""
    strength = shader.inputs.get(STRENGTH) if shader is not None else None
    return strength is not None and not strength.is_linked and strength.default_value == 0.0
