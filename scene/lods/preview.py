# SPDX-License-Identifier: GPL-3.0-or-later
"""A preview of levels of detail: an object that shows each level where a game engine would.

It has no mesh of its own, but geometry nodes that take the geometry of one of the levels, by the size of the
object in the picture of the scene's camera. Blender itself evaluates them whenever something moves; the
add-on has no part in that, and the file shows the same without it.

The size is the diameter of a sphere around the object as a part of the height of the picture, which is what
`MSFT_screencoverage` hints at, and close to Unity's and Unreal's measures:
    https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/MSFT_lod
    https://docs.unity3d.com/Manual/class-LODGroup.html
What a level's size is can be edited on the level, where drivers read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from .. import modifiers
from ..meshes import LEVELS, PREFIX
from ..place.collections import takes_objects

PREVIEW_OF = PREFIX + "preview_of"
"""Custom property of the preview: the text that the collection of the levels has, see `meshes.LEVELS`."""

SCREEN_SIZE = PREFIX + "screen_size"
"""Custom property of a level: it is shown where the object is smaller than this in the picture."""

DEFAULT_SIZE = PREFIX + "default_size"
"""Custom property of a level: what its size was before the user has changed it."""

HIDDEN = PREFIX + "hidden"
"""Custom property of the original: what of it the preview has hidden, of VIEWPORT and RENDER."""

VIEWPORT, RENDER = "viewport", "render"

PREVIEW_NAME = "Levels of Detail"
"""What the modifier is called."""

TELE = 1e9
"""A lens that makes everything large, so that without a camera level 0 is shown; millimeters."""

HALF_HEIGHT = (
    "height / (2 * lens) if fit == 2 else width / (2 * lens) * (y * v / (x * u) if fit == 1 or x * u > y * v "
    "else 1)"
)
"""Half the height of the picture of a camera, one unit in front of it; of simple words only, so that Blender
evaluates it without Python."""

CAMERA = {
    "height": ("camera.data.sensor_height", 24.0),
    "width": ("camera.data.sensor_width", 36.0),
    "lens": ("camera.data.lens", TELE),
    "fit": ("camera.data.sensor_fit", 0.0),  # 0: automatic, 1: horizontal, 2: vertical
    "x": ("render.resolution_x", 1.0),
    "y": ("render.resolution_y", 1.0),
    "u": ("render.pixel_aspect_x", 1.0),
    "v": ("render.pixel_aspect_y", 1.0),
}
"""What HALF_HEIGHT is made of: paths from the scene, and what they are without a camera."""


def preview_of(collection: bpy.types.Collection) -> bpy.types.Object | None:
    """The preview of the levels in a collection."""
    known = collection.get(LEVELS)
    return next((item for item in bpy.data.objects if known and item.get(PREVIEW_OF) == known), None)


def show(
    collection: bpy.types.Collection, levels: Mapping[int, bpy.types.Object], original: bpy.types.Object
) -> bpy.types.Object:
    """The preview of these levels, in the place of the original, which is hidden meanwhile; returns it.

    It is selected and active where the original was, which is neither while it is hidden.
    """
    shown = preview_of(collection)
    if shown is None:
        shown = _copy_without_mesh(original)
        shown[PREVIEW_OF] = collection[LEVELS]
        homes = [home for home in original.users_collection if takes_objects(home)]
        for home in homes or [bpy.context.scene.collection]:
            home.objects.link(shown)
        layer = bpy.context.view_layer
        is_active = layer.objects.active == original
        shown.select_set(original.select_get())
        _hide(original)
        if is_active:
            layer.objects.active = shown
    switch: Any = shown.modifiers.get(PREVIEW_NAME) or shown.modifiers.new(PREVIEW_NAME, "NODES")
    former = switch.node_group
    switch.node_group = _nodes(levels)
    if former is not None and not former.users:
        bpy.data.node_groups.remove(former)
    return shown


def hide(collection: bpy.types.Collection, original: bpy.types.Object | None) -> None:
    """Take the preview away, and show the original again."""
    shown = preview_of(collection)
    if shown is not None:
        mesh: Any = shown.data
        groups = [modifier.node_group for modifier in shown.modifiers if modifier.type == "NODES"]  # type: ignore[attr-defined]
        bpy.data.objects.remove(shown)
        bpy.data.batch_remove([mesh, *(group for group in groups if group is not None and not group.users)])
    if original is not None:
        unhide(original)


def _copy_without_mesh(original: bpy.types.Object) -> bpy.types.Object:
    """An object that stands, moves and is parented as the original is."""
    copy = modifiers.copy_of(original)
    copy.data = bpy.data.meshes.new(f"{original.name}_Preview")
    copy.name = copy.data.name
    copy.modifiers.clear()
    copy.vertex_groups.clear()
    for name in list(copy.keys()):
        del copy[name]
    return copy


def _hide(original: bpy.types.Object) -> None:
    """Hide the original, and note what of it was not hidden before."""
    noted: list[str] = []
    if not original.hide_render:
        original.hide_render = True
        noted.append(RENDER)
    if not original.hide_viewport:
        original.hide_viewport = True
        noted.append(VIEWPORT)
    original[HIDDEN] = " ".join(noted)


def unhide(original: bpy.types.Object) -> None:
    """Show an object, or a copy of it, as far as a preview has hidden it."""
    noted = original.pop(HIDDEN, "").split()
    if RENDER in noted:
        original.hide_render = False
    if VIEWPORT in noted:
        original.hide_viewport = False


# ---------------------------------------------------------------------- the nodes


def _nodes(levels: Mapping[int, bpy.types.Object]) -> bpy.types.NodeTree:
    """Geometry nodes that give the geometry of the level that belongs to the present size."""
    tree = _Tree()
    camera = tree.node("GeometryNodeInputActiveCamera")
    place = tree.node("GeometryNodeObjectInfo", Object=camera.outputs[0])
    place.transform_space = "RELATIVE"  # so that a scaled object is measured in its own units
    shapes = {number: tree.geometry_of(level) for number, level in levels.items()}
    box = tree.node("GeometryNodeBoundBox", Geometry=next(iter(shapes.values())))
    low, high = box.outputs["Min"], box.outputs["Max"]
    middle = tree.vector("SCALE", tree.vector("ADD", low, high).outputs["Vector"], Scale=0.5)
    radius = tree.math("MULTIPLY", tree.vector("DISTANCE", low, high).outputs["Value"], 0.5)
    distance = tree.vector("DISTANCE", place.outputs["Location"], middle.outputs["Vector"])
    half = tree.driven("Half Height", HALF_HEIGHT, _from_scene)
    height = tree.math("MULTIPLY", distance.outputs["Value"], half)
    # What is divided by nothing is nothing to Blender, and what the camera is in fills the picture.
    size = tree.math("DIVIDE", radius, tree.math("MAXIMUM", height, 1e-9))
    shown: Any = None
    for number, level in levels.items():
        if shown is None:
            shown = shapes[number]
            continue
        switch = tree.node("GeometryNodeSwitch")
        switch.input_type = "GEOMETRY"
        least = tree.driven(f"LOD{number}", "size", lambda driver, item=level: _from_level(driver, item))
        tree.link(tree.math("LESS_THAN", size, least), switch.inputs["Switch"])
        tree.link(shown, switch.inputs["False"])
        tree.link(shapes[number], switch.inputs["True"])
        shown = switch.outputs[0]
    tree.link(shown, tree.node("NodeGroupOutput").inputs[0])
    return tree.group


class _Tree:
    """Geometry nodes in the making."""

    def __init__(self) -> None:
        self.group: Any = bpy.data.node_groups.new("GENERIO Levels of Detail", "GeometryNodeTree")
        self.group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")

    def node(self, kind: str, **inputs: Any) -> Any:
        """A node; inputs: by name, sockets or values."""
        made = self.group.nodes.new(kind)
        made.location.x = 200.0 * len(self.group.nodes)
        for name, value in inputs.items():
            self._feed(made.inputs[name], value)
        return made

    def link(self, source: Any, target: Any) -> None:
        """Let an output go into an input."""
        self.group.links.new(source, target)

    def math(self, operation: str, first: Any, second: Any) -> Any:
        """The output of a calculation with two numbers."""
        made = self.node("ShaderNodeMath")
        made.operation = operation
        self._feed(made.inputs[0], first)
        self._feed(made.inputs[1], second)
        return made.outputs[0]

    def vector(self, operation: str, first: Any, second: Any = None, **inputs: Any) -> Any:
        """A node that calculates with vectors."""
        made = self.node("ShaderNodeVectorMath")
        made.operation = operation
        self._feed(made.inputs[0], first)
        if second is not None:
            self._feed(made.inputs[1], second)
        for name, value in inputs.items():
            self._feed(made.inputs[name], value)
        return made

    def geometry_of(self, level: bpy.types.Object) -> Any:
        """The output with the geometry of a level, in its own coordinates."""
        made = self.node("GeometryNodeObjectInfo", Object=level)
        made.label = level.name
        return made.outputs["Geometry"]

    def driven(self, name: str, expression: str, fill: Any) -> Any:
        """The output of a value with a driver; `fill` gives that its variables."""
        made = self.node("ShaderNodeValue")
        made.name = made.label = name
        driver = self.group.driver_add(f'nodes["{name}"].outputs[0].default_value').driver
        driver.type = "SCRIPTED"
        fill(driver)
        driver.expression = expression
        return made.outputs[0]

    def _feed(self, socket: Any, value: Any) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.link(value, socket)
        else:
            socket.default_value = value


def _from_scene(driver: Any) -> None:
    """Variables that are what the camera of the present scene has."""
    for name, (path, otherwise) in CAMERA.items():
        variable = driver.variables.new()
        variable.name = name
        variable.type = "CONTEXT_PROP"
        target = variable.targets[0]
        target.context_property = "ACTIVE_SCENE"
        target.data_path = path
        target.use_fallback_value = True
        target.fallback_value = otherwise


def _from_level(driver: Any, level: bpy.types.Object) -> None:
    """A variable that is the size of a level."""
    variable = driver.variables.new()
    variable.name = "size"
    variable.type = "SINGLE_PROP"
    target = variable.targets[0]
    target.id = level
    target.data_path = f'["{SCREEN_SIZE}"]'
    target.use_fallback_value = True
