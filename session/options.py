# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be chosen, in the panel as well as by scripts: the same properties for both."""

from typing import TYPE_CHECKING, Any

import bpy

from ..api.parameters import GENERATORS, POLYGON_COUNT, parameters_of
from ..core.destination import MAP_SIZES, MOST_LEVELS
from ..core.messages import Message
from ..scene.export.selection import COUNT, MODIFIERS, PERCENT, RESULTS, TARGETS
from ..scene.export.texture_limit import SIDES
from ..scene.restore.restore import COLORS, NORMALS
from .parameter_properties import panel_properties_of, properties_of, property_of

WHERE = (
    ("CURSOR", "3D Cursor", "At the 3D cursor"),
    ("SURFACE", "Surface", "On the surface below the 3D cursor"),
    ("BOX", "Fit to Object", "Fitted into the bounds of the active object, even if it moves meanwhile"),
)
MOST_VARIANTS = 8

AS_NEEDED = "AS_NEEDED"

TEXTURE_LIMITS = (
    (
        AS_NEEDED,
        "As Needed",
        "Smaller copies are sent only if the textures are too large for the result to be opened",
    ),
    *(
        (str(side), f"{side:,}", "Textures whose longest side has more pixels are sent as smaller copies")
        for side in SIDES
    ),
)


BAKE_SIZES = tuple((str(side), f"{side:,}", "Width and height of each map in pixels") for side in MAP_SIZES)

BAKE_NORMALS = (
    ("OPENGL", "OpenGL", "Green points up, as in Blender, glTF, Unity and Godot"),
    ("DIRECTX", "DirectX", "Green points down, as in Unreal Engine"),
)

BAKE_COLORS = (
    (
        "AS_NEEDED",
        "As Needed",
        "Base color, roughness, metallic, emission and alpha are baked where the textures or vertex colors "
        "of the original no longer fit the optimized mesh",
    ),
    ("ALWAYS", "Always", "Everything that is textured in the materials of the original is baked"),
    ("NEVER", "Never", "The materials keep their textures"),
)

BAKE_DEPTHS = (
    ("8", "8 Bit", "PNG files with 8 bits per channel"),
    ("FLOAT", "Float", "OpenEXR files, for very smooth surfaces"),
)


class BakeOptions:
    """Mixin: these properties."""

    if TYPE_CHECKING:
        bake_size: str
        bake_normals: str
        bake_occlusion: bool
        bake_orm: bool
        bake_colors: str
        bake_depth: str
        bake_margin: int
    else:
        bake_size: bpy.props.EnumProperty(
            name="Size", description="How large the baked maps are", items=BAKE_SIZES, default="2048"
        )
        bake_normals: bpy.props.EnumProperty(
            name="Normals", description="Which way green points in the normal map", items=BAKE_NORMALS
        )
        bake_occlusion: bpy.props.BoolProperty(
            name="Ambient Occlusion", description="Also bake an ambient occlusion map"
        )
        bake_orm: bpy.props.BoolProperty(
            name="ORM Texture",
            description="Bake occlusion, roughness and metallic into one texture, as glTF expects",
        )
        bake_colors: bpy.props.EnumProperty(
            name="Surface",
            description="Whether the look of the original's materials is baked",
            items=BAKE_COLORS,
        )
        bake_depth: bpy.props.EnumProperty(
            name="Depth", description="How precise the values of the maps are", items=BAKE_DEPTHS
        )
        bake_margin: bpy.props.IntProperty(
            name="Margin",
            description="How far the maps extend beyond the borders of UV islands",
            default=16,
            min=0,
            max=64,
            subtype="PIXEL",
        )


class OptimizeOptions(BakeOptions):
    """Mixin: these properties, and those of what is baked afterwards."""

    if TYPE_CHECKING:
        bake: bool
        target: str
        polygon_count: int
        percent: float
        placement: str
        modifier_mode: str
        texture_limit: str
        carry_colors: bool
        carry_normals: bool
    else:
        bake: bpy.props.BoolProperty(
            name="Then Bake",
            description="Then bake the lost detail into maps on this computer, free of charge",
        )
        target: bpy.props.EnumProperty(
            name="Reduce To", description="How far to reduce the meshes", items=TARGETS, default=PERCENT
        )
        polygon_count: property_of(POLYGON_COUNT, options=set())
        percent: bpy.props.FloatProperty(
            name="Percent",
            description="Share of its triangles that each mesh keeps",
            default=50.0,
            min=0.01,
            soft_min=1.0,
            max=100.0,
            precision=0,
            subtype="PERCENTAGE",
        )
        placement: bpy.props.EnumProperty(
            name="Result", description="Which objects get the optimized meshes", items=RESULTS
        )
        modifier_mode: bpy.props.EnumProperty(
            name="Modifiers", description="What happens to the modifiers of the objects", items=MODIFIERS
        )
        texture_limit: bpy.props.EnumProperty(
            name="Texture Limit",
            description="Size of the textures that are sent. The materials in the file keep theirs",
            items=TEXTURE_LIMITS,
        )
        carry_colors: bpy.props.BoolProperty(
            name="Color Attributes",
            description="Transfer color attributes to the optimized meshes",
            default=True,
        )
        carry_normals: bpy.props.BoolProperty(
            name="Custom Normals",
            description="Transfer custom normals to keep the current shading of the meshes",
        )


ONE_MODEL = {"variants": 1, "then_optimize": False, "where": "CURSOR"}
"""Properties of the generators, for menus and scripts that speak of one model, whatever the panel has."""


class FollowOptions:
    """Mixin: whether what is generated is optimized, too.

    In operators Blender would remember and show these values, though only what was chosen is sent: SKIP_SAVE.
    """

    if TYPE_CHECKING:
        then_optimize: bool
        then_target: str
        then_count: int
        then_percent: float
        then_lods: int
        then_bake: bool
    else:
        then_optimize: bpy.props.BoolProperty(
            name="Then Optimize",
            description="Optimize the finished model with a second job",
            options={"SKIP_SAVE"},
        )
        then_target: bpy.props.EnumProperty(
            name="Reduce To",
            description="How far to reduce the model",
            items=(
                (COUNT, "Count", "The model gets this number of triangles"),
                (PERCENT, "Percent", "The model keeps this share of its triangles"),
            ),
            options={"SKIP_SAVE"},
        )
        then_percent: bpy.props.FloatProperty(
            name="Percent",
            description="Share of its triangles that the model keeps",
            default=10.0,
            min=0.01,
            soft_min=1.0,
            max=100.0,
            precision=0,
            subtype="PERCENTAGE",
            options={"SKIP_SAVE"},
        )
        then_lods: bpy.props.IntProperty(
            name="LODs",
            description="Number of levels of detail to make from the optimized model, each half as heavy "
            "as the one before. Each is a separate job",
            default=0,
            min=0,
            max=MOST_LEVELS,
            options={"SKIP_SAVE"},
        )
        then_bake: bpy.props.BoolProperty(
            name="Bake Lost Detail",
            description="Bake the detail that the optimized model has lost into maps, using the "
            "settings of Then Bake",
            options={"SKIP_SAVE"},
        )
        then_count: property_of(
            POLYGON_COUNT,
            description=Message(
                "Number of triangles of the optimized model. The service's default is 100,000"
            ),
            default=10_000,
        )


class NewModelOptions(FollowOptions):
    """Mixin: where new models go, how many there are, and whether they are optimized."""

    if TYPE_CHECKING:
        where: str
        variants: int
    else:
        where: bpy.props.EnumProperty(
            name="Location", description="Where the new model is placed", items=WHERE, options={"SKIP_SAVE"}
        )
        variants: bpy.props.IntProperty(
            name="Variants",
            description="Number of models to make from the same input, each with its own seed; they "
            "are placed side by side",
            default=1,
            min=1,
            max=MOST_VARIANTS,
            options={"SKIP_SAVE"},
        )


class GenerateOptions(NewModelOptions):
    """Mixin: these, and the parameters of the generators; a property for each, as scripts give them."""

    __annotations__ = properties_of(parameters_of(*GENERATORS))


class GeneratePanelOptions(NewModelOptions):
    """Mixin: the same, as users enter them."""

    __annotations__ = panel_properties_of(parameters_of(*GENERATORS))


def carried(options: Any) -> list[str]:
    """What `options` (OptimizeOptions or Choice) bring over, of `losses.CARRIED`."""
    chosen = {COLORS: options.carry_colors, NORMALS: options.carry_normals}
    return [what for what, wanted in chosen.items() if wanted]
