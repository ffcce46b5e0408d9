# SPDX-License-Identifier: GPL-3.0-or-later
"""Models become assets of this file, or of one of the user's asset libraries."""

from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..core.messages import Message
from ..i18n import VERBATIM, translated
from ..jobs.job_folder import preview_path
from ..scene import assets
from ..scene.meshes import RESULT, TOKEN
from ..session import current
from ..session.preferences import preferences
from .submit_jobs import report_problem

_libraries: list[tuple[str, str, str]] = []  # Blender shows these strings, and keeps none of them


def picture_of(item: bpy.types.Object) -> str:
    """The path of the picture that was made of this model, or ""."""
    engine = current().engine
    job = engine.job(item.get(TOKEN, "")) if engine is not None else None
    numbered = enumerate(job.placement.results if job is not None else (), start=1)
    blend = next((result.blend for number, result in numbered if number == item.get(RESULT, 1)), "")
    picture = preview_path(Path(blend)) if blend else None
    return str(picture) if picture is not None and picture.is_file() else ""


class OnModels:
    """Mixin for operators that need selected models."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not assets.selected_models(context):
            cls.poll_message_set(translated(Message("Select a model that GENERIO made first")))  # type: ignore[attr-defined]
            return False
        return True


class GENERIO_OT_mark_asset(OnModels, bpy.types.Operator):
    """Mark the selected models as assets, with preview, description, tags and author"""

    bl_idname = "generio.mark_asset"
    bl_label = "Mark as Asset"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 - Blender's own way

    def execute(self, context: bpy.types.Context) -> set[str]:
        marked = assets.selected_models(context)
        for item in marked:
            assets.mark(item, preferences(context).author, picture_of(item))
        self.report({"INFO"}, translated(Message("Marked {count:,} as asset", count=len(marked))))
        return {"FINISHED"}


def _libraries_of_user(_self: object, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    if context is not None:
        _libraries[:] = [
            (str(number), library.name, library.path)
            for number, library in enumerate(context.preferences.filepaths.asset_libraries)
            if library.path
        ]
    return _libraries


class GENERIO_OT_save_asset(OnModels, bpy.types.Operator):
    """Save the selected models into an asset library, each in a file of its own; nothing is overwritten"""

    bl_idname = "generio.save_asset"
    bl_label = "Save to Asset Library"

    if TYPE_CHECKING:
        library: str
    else:
        library: bpy.props.EnumProperty(
            name="Library",
            description="One of your asset libraries",
            items=_libraries_of_user,
            translation_context=VERBATIM,
        )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        libraries = _libraries_of_user(self, context)
        if libraries and not self.library:
            self.library = libraries[0][0]  # the one that was chosen last is gone
        return context.window_manager.invoke_props_dialog(self, confirm_text="Save")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        if _libraries_of_user(self, context):
            layout.prop(self, "library")
        else:
            layout.label(text="There is no asset library yet.", icon="INFO")
            layout.operator("preferences.asset_library_add", text="Add Asset Library", icon="ADD")

    def execute(self, context: bpy.types.Context) -> set[str]:
        # Of a choice among nothing Blender warns.
        if not _libraries_of_user(self, context) or not self.library:
            return report_problem(
                self,
                assets.CannotSave(
                    Message("There is no asset library."), Message("Add one in Blender's preferences.")
                ),
            )
        folder = Path(context.preferences.filepaths.asset_libraries[int(self.library)].path)
        for item in assets.selected_models(context):
            try:
                path = assets.save_to_library(item, folder, preferences(context).author, picture_of(item))
            except assets.CannotSave as error:
                return report_problem(self, error)
            self.report({"INFO"}, translated(Message("Saved {name}", name=path.name)))
        for window in context.window_manager.windows:
            for area in window.screen.areas:
                if area.ui_type == "ASSETS":
                    with context.temp_override(window=window, area=area, region=area.regions[-1]):
                        if bpy.ops.asset.library_refresh.poll():  # pyright: ignore[reportCallIssue]
                            bpy.ops.asset.library_refresh()
        return {"FINISHED"}


CLASSES = (GENERIO_OT_mark_asset, GENERIO_OT_save_asset)
