# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be chosen for optimizing, in the panel as well as by scripts that call the operators."""

from typing import TYPE_CHECKING, Any

import bpy

from ..scene.export.selection import BUDGET, MODIFIERS, RESULTS, TARGETS, Target
from ..scene.export.texture_limit import SIDES
from ..scene.restore.restore import COLORS, NORMALS

AS_NEEDED = "AS_NEEDED"

TEXTURE_LIMITS = (
    (
        AS_NEEDED,
        "As Needed",
        "Smaller copies are sent only where no model with textures this large could come back",
    ),
    *(
        (str(side), f"{side:,}", "Textures whose longest side has more pixels are sent as smaller copies")
        for side in SIDES
    ),
)


class OptimizeOptions:
    """Mixin: these properties."""

    if TYPE_CHECKING:
        target: str
        polygon_count: int
        percent: float
        placement: str
        modifier_mode: str
        texture_limit: str
        carry_colors: bool
        carry_normals: bool
    else:
        target: bpy.props.EnumProperty(
            name="Reduce To", description="How far to reduce the meshes", items=TARGETS, default=BUDGET
        )
        polygon_count: bpy.props.IntProperty(
            name="Triangles",
            description="Number of triangles for each mesh, or for all together. The service's "
            "default is 100,000",
            default=100_000,
            min=1,
            soft_min=100,
            max=100_000_000,
        )
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
            name="Result", description="Where the optimized meshes go", items=RESULTS
        )
        modifier_mode: bpy.props.EnumProperty(
            name="Modifiers", description="What happens to the modifiers of the objects", items=MODIFIERS
        )
        texture_limit: bpy.props.EnumProperty(
            name="Texture Limit",
            description="How large the textures are that are sent. The materials of the file keep theirs",
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
        then_count: int
    else:
        then_optimize: bpy.props.BoolProperty(
            name="Then Optimize",
            description="Optimize the finished model with a second job before it is added to the scene",
            options={"SKIP_SAVE"},
        )
        then_count: bpy.props.IntProperty(
            name="Triangles",
            description="Number of triangles of the optimized model. The service's default is 100,000",
            default=10_000,
            min=1,
            soft_min=100,
            max=100_000_000,
            options={"SKIP_SAVE"},
        )


OPTIONS = (*OptimizeOptions.__annotations__, *FollowOptions.__annotations__)


class Choice:
    """What is chosen: an operator's own values where a script gives them, else those of the panel."""

    def __init__(self, operator: Any, panel: Any) -> None:
        self._operator = operator
        self._panel = panel

    def __getattr__(self, name: str) -> Any:
        own = self._operator.properties
        given = name in own.bl_rna.properties and own.is_property_set(name)
        return getattr(self._operator if given else self._panel, name)

    @property
    def goal(self) -> Target:
        """How light meshes are to become."""
        return Target(self.target, self.polygon_count, self.percent)

    @property
    def apply(self) -> bool:
        """Whether modifiers are applied."""
        return self.modifier_mode == "APPLY"

    @property
    def texture_side(self) -> int:
        """Pixels that the longest side of a texture may have, see `textures.TextureLimit`."""
        return 0 if self.texture_limit == AS_NEEDED else int(self.texture_limit)

    @property
    def carry(self) -> list[str]:
        """What is brought over, of `losses.CARRIED`."""
        return carried(self)


def carried(options: Any) -> list[str]:
    """What `options` (OptimizeOptions or Choice) bring over, of `losses.CARRIED`."""
    chosen = {COLORS: options.carry_colors, NORMALS: options.carry_normals}
    return [what for what, wanted in chosen.items() if wanted]
