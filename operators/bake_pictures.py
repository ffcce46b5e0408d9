# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at what a baked mesh looks like beside the original, in an image editor."""

from pathlib import Path
from typing import Any

import bpy

from ..core.messages import Message
from ..jobs import Problem
from ..scene import versions
from ..scene.bake import pictures
from ..scene.bake.settings import PAIR
from ..session import current
from .submit_jobs import report_problem

NO_PICTURES = Problem(
    "no_pictures",
    Message("The pictures of this bake are not there any more."),
    Message("Bake it again; baking is free."),
)


class GENERIO_OT_show_bake_pictures(bpy.types.Operator):
    """Open the pictures before and after, and how they differ, side by side in an image editor"""

    bl_idname = "generio.show_bake_pictures"
    bl_label = "Open Pictures"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        item = context.active_object
        return item is not None and item.type == "MESH" and "bake" in versions.report_of(item)

    def execute(self, context: bpy.types.Context) -> set[str]:
        token = versions.report_of(context.active_object)["bake"].get("token", "")  # type: ignore[arg-type]
        engine = current().engine
        job = engine.job(token) if engine is not None else None
        path = (
            pictures.path_of(Path(job.placement.results[0].blend), PAIR)
            if job and job.placement.results
            else None
        )
        if path is None or not path.is_file():
            return report_problem(self, NO_PICTURES)
        image = bpy.data.images.load(str(path), check_existing=True)
        if context.window is not None and not bpy.app.background:
            _show(context, image)
        return {"FINISHED"}


def _show(context: bpy.types.Context, image: bpy.types.Image) -> None:
    """Show it in an image editor that is open, or in a window of its own."""
    areas = [area for area in context.window.screen.areas if area.type == "IMAGE_EDITOR"]
    if not areas:
        bpy.ops.wm.window_new()
        areas = [context.window_manager.windows[-1].screen.areas[0]]
        areas[0].type = "IMAGE_EDITOR"
    space: Any = areas[0].spaces.active
    space.image = image


CLASSES = (GENERIO_OT_show_bake_pictures,)
