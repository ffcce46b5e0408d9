# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at an optimized object before and after, and choose."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..scene import versions
from ..scene.errors import CannotSwap
from .submit_jobs import InObjectMode, report_problem


class OnVersions(InObjectMode):
    """Mixin for operators on the selected objects that have two versions."""

    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not versions.with_versions(context.selected_objects):
            cls.poll_message_set(
                translated(Message("Select an optimized object that was neither accepted nor discarded"))
            )
            return False
        return True

    def with_each(self, context: bpy.types.Context, do: Callable[[bpy.types.Object], None]) -> set[str]:
        """Do it with one object for each mesh; what one cannot do is no reason to leave the others."""
        refused: list[CannotSwap] = []
        found = versions.with_versions(context.selected_objects)
        for item in found:
            try:
                do(item)
            except CannotSwap as problem:
                refused.append(problem)
        if refused:
            report_problem(self, refused[0])
        return {"FINISHED"} if len(refused) < len(found) else {"CANCELLED"}


class GENERIO_OT_show_version(OnVersions, bpy.types.Operator):
    """Show the selected objects before or after optimizing"""

    bl_idname = "generio.show_version"
    bl_label = "Show Version"

    if TYPE_CHECKING:
        version: str
    else:
        version: bpy.props.EnumProperty(
            name="Version",
            description="Which mesh is shown",
            items=(
                ("BEFORE", "Before", "The mesh before optimizing"),
                ("AFTER", "After", "The optimized mesh"),
                ("OTHER", "Toggle", "The mesh that is not shown now"),
            ),
            default="OTHER",
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.with_each(context, self._show)

    def _show(self, item: bpy.types.Object) -> None:
        after = versions.shows_after(item)
        if self.version == "OTHER" or after != (self.version == "AFTER"):
            versions.toggle(item)


class GENERIO_OT_accept_optimized(OnVersions, bpy.types.Operator):
    """Keep the optimized meshes of the selected objects and free the originals"""

    bl_idname = "generio.accept_optimized"
    bl_label = "Accept"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.with_each(context, versions.accept)


class GENERIO_OT_revert_optimized(OnVersions, bpy.types.Operator):
    """Restore the original meshes with their modifiers and free the optimized ones"""

    bl_idname = "generio.revert_optimized"
    bl_label = "Discard"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.with_each(context, versions.revert)


CLASSES = (GENERIO_OT_show_version, GENERIO_OT_accept_optimized, GENERIO_OT_revert_optimized)
