# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels edit, and the view of the jobs that they draw.

Both live in the window manager: they are not part of a .blend, and undo does not touch them. The truth about
jobs is the engine's.
"""

from typing import TYPE_CHECKING, Any, cast

import bpy

from .options import OPTIONS, FollowOptions, OptimizeOptions

QUALITIES = (
    ("LOW", "Low", "Faster, and with fewer polygons"),
    ("HIGH", "High", "Finer, the service's default"),
)


class GenerioJob(bpy.types.PropertyGroup):
    """One row of the job list, as it is drawn."""

    if TYPE_CHECKING:
        token: str
        state: str
        progress: float
        elapsed: str
        remaining: str
        message: str
        fix: str
        remedy: str
        prompt: str
        summary: str
        thumbnail: str
        flow_id: str
        finished: bool
        importable: bool
    else:
        token: bpy.props.StringProperty()
        state: bpy.props.StringProperty()
        progress: bpy.props.FloatProperty(min=0.0, max=1.0)
        elapsed: bpy.props.StringProperty()
        remaining: bpy.props.StringProperty()
        message: bpy.props.StringProperty()
        fix: bpy.props.StringProperty()
        remedy: bpy.props.StringProperty()
        prompt: bpy.props.StringProperty()
        summary: bpy.props.StringProperty()
        thumbnail: bpy.props.StringProperty()
        flow_id: bpy.props.StringProperty()
        finished: bpy.props.BoolProperty()
        importable: bpy.props.BoolProperty()


class GenerioProperties(OptimizeOptions, FollowOptions, bpy.types.PropertyGroup):
    """What the panels edit."""

    if TYPE_CHECKING:
        source: str
        prompt: str
        image: str
        quality: str
        random_seed: bool
        seed: int
        texture: bool
        jobs: Any
        active_job: int
    else:
        source: bpy.props.EnumProperty(
            name="Source",
            description="What the model is made from",
            items=(("TEXT", "Text", "From a description"), ("IMAGE", "Image", "From a picture or sketch")),
        )
        prompt: bpy.props.StringProperty(
            name="Prompt", description="What you want to get, in your own words", options={"TEXTEDIT_UPDATE"}
        )
        image: bpy.props.StringProperty(
            name="Image", description="The picture or sketch to make a model from", subtype="FILE_PATH"
        )
        quality: bpy.props.EnumProperty(
            name="Quality", description="How fine the model gets", items=QUALITIES, default="HIGH"
        )
        random_seed: bpy.props.BoolProperty(
            name="Random Seed", description="Draw another seed each time", default=True
        )
        seed: bpy.props.IntProperty(
            name="Seed", description="The same seed and input give the same model again", min=0
        )
        texture: bpy.props.BoolProperty(
            name="Texture", description="Make physically based textures, too", default=True
        )
        jobs: bpy.props.CollectionProperty(type=GenerioJob)
        active_job: bpy.props.IntProperty(name="Job", description="The job whose details are shown")


def properties(context: bpy.types.Context) -> GenerioProperties:
    """What the panels edit."""
    return cast(GenerioProperties, context.window_manager.generio)  # type: ignore[attr-defined]


EDITED = (
    "source",
    "prompt",
    "image",
    "quality",
    "random_seed",
    "seed",
    "texture",
    *OPTIONS,
)
_kept: dict[str, Any] = {}


def keep(context: bpy.types.Context) -> None:
    """Remember what the user has entered, before another file is opened: all of it starts anew then."""
    panel = properties(context)
    _kept.clear()
    _kept.update({name: getattr(panel, name) for name in EDITED if panel.is_property_set(name)})


def restore(context: bpy.types.Context) -> None:
    """Enter again what was kept."""
    for name, value in _kept.items():
        setattr(properties(context), name, value)


def register() -> None:
    """Hang the properties onto the window manager."""
    bpy.types.WindowManager.generio = bpy.props.PointerProperty(type=GenerioProperties)  # type: ignore[attr-defined]


def unregister() -> None:
    """Take them off again."""
    del bpy.types.WindowManager.generio  # type: ignore[attr-defined]


CLASSES = (GenerioJob, GenerioProperties)
