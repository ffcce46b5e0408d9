# SPDX-License-Identifier: GPL-3.0-or-later
"""Export models for game engines, and make the shapes that they collide with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import bpy

from ..core.errors import FlowsError
from ..core.messages import Message
from ..i18n import translated
from ..scene.game import collision, subjects
from ..scene.game.export import GameExport, plan
from ..scene.game.profiles import HULL_SHAPES, NO_SHAPES, PROFILES, SHAPES, UNITY_HINT
from ..session import current, requests
from .submit_jobs import InObjectMode, SubmitJobs, report_problem

SUFFIXES = ";".join(sorted({f"*{profile.suffix}" for profile in PROFILES.values()}))

ENGINES = tuple((name.upper(), profile.label, profile.description) for name, profile in PROFILES.items())


class ShapeOptions:
    """Mixin: what collision shapes are like."""

    if TYPE_CHECKING:
        triangles: int
        each_part: bool
    else:
        triangles: bpy.props.IntProperty(
            name="Triangles",
            description="The most triangles of a convex hull",
            default=collision.TRIANGLES,
            min=collision.LEAST_TRIANGLES,
            max=collision.MOST_TRIANGLES,
        )
        each_part: bpy.props.BoolProperty(
            name="Each Loose Part", description="Give each loose part of a mesh a collision shape of its own"
        )


class GENERIO_OT_export_for_engine(ShapeOptions, InObjectMode, SubmitJobs, bpy.types.Operator):
    """Export the selected models for a game engine, with their levels of detail and collision shapes"""

    bl_idname = "generio.export_for_engine"
    bl_label = "Export for Engine"
    bl_options: ClassVar[set[str]] = {"REGISTER", "PRESET"}

    if TYPE_CHECKING:
        filepath: str
        filter_glob: str
        check_existing: bool
        engine: str
        source: str
        batch_mode: str
        own_folder: bool
        shapes: str
        embed: bool
    else:
        filepath: bpy.props.StringProperty(
            name="File", description="The file, or the folder for several files", subtype="FILE_PATH"
        )
        filter_glob: bpy.props.StringProperty(default=SUFFIXES, options={"HIDDEN"})
        check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
        engine: bpy.props.EnumProperty(
            name="Engine", description="Game engine or format to export for", items=ENGINES, default="UNREAL"
        )
        source: bpy.props.EnumProperty(
            name="Models",
            description="What is exported",
            items=(
                ("SELECTION", "Selection", "The selected models"),
                ("COLLECTION", "Collection", "All models in the active collection"),
            ),
        )
        # Blender's file browser takes a property named "files" for its own, and crashes on any other kind.
        batch_mode: bpy.props.EnumProperty(
            name="Files", description="How the models are split into files", items=subjects.FILES
        )
        own_folder: bpy.props.BoolProperty(
            name="Folder for Each", description="Put each file into a separate folder"
        )
        shapes: bpy.props.EnumProperty(
            name="Collision",
            description="The collision shapes to make for models that have none",
            items=SHAPES,
            default=HULL_SHAPES,
        )
        embed: bpy.props.BoolProperty(
            name="Embed Textures",
            description="Put textures into the FBX file; otherwise they are written to a folder beside it",
            default=True,
        )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(item.type == "MESH" for item in bpy.data.objects):
            cls.poll_message_set(translated(Message("The file has no mesh")))
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            known = Path(bpy.data.filepath)
            stem = known.stem or translated(Message("Untitled"))
            self.filepath = str(known.with_name(stem)) if bpy.data.filepath else stem
        self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context: bpy.types.Context) -> bool:
        """Give the file the ending of its format; returns whether that has changed anything."""
        suffix = PROFILES[self.engine.lower()].suffix
        path = Path(self.filepath)
        if self.batch_mode != subjects.ONE_FILE or not path.name or path.suffix == suffix:
            return False
        known = {profile.suffix for profile in PROFILES.values()}
        self.filepath = str(path.with_suffix(suffix) if path.suffix in known else f"{path}{suffix}")
        return True

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        profile = PROFILES[self.engine.lower()]
        layout.prop(self, "engine")
        layout.prop(self, "source")
        layout.prop(self, "batch_mode")
        if self.batch_mode != subjects.ONE_FILE:
            layout.prop(self, "own_folder")
        if profile.hull:
            layout.prop(self, "shapes")
            if self.shapes == HULL_SHAPES:
                layout.prop(self, "triangles")
            if self.shapes != NO_SHAPES:
                layout.prop(self, "each_part")
        if profile.suffix == ".fbx":
            layout.prop(self, "embed")

    def execute(self, context: bpy.types.Context) -> set[str]:
        wish = GameExport(
            engine=self.engine.lower(),
            path=Path(bpy.path.abspath(self.filepath)),
            files=self.batch_mode,
            own_folder=self.own_folder,
            shapes=self.shapes,
            triangles=self.triangles,
            each_part=self.each_part,
            embed=self.embed,
        )
        objects = self._objects(context)
        try:
            found = plan(context, objects, wish)
        except FlowsError as error:
            return report_problem(self, error)
        if others := subjects.left_out(objects):
            names = [item.name for item in others]
            self.report({"WARNING"}, translated(Message("Left out: {names}", names=names)))
        if found.replaced:
            message = (
                Message("1 file that is there will be replaced")
                if found.replaced == 1
                else Message("{count:,} files that are there will be replaced", count=found.replaced)
            )
            self.report({"INFO"}, translated(message))
        if self.engine == "UNITY" and self.shapes != NO_SHAPES:
            self.report({"INFO"}, translated(UNITY_HINT))
        parts = requests.export_in_parts(current(), context, found)
        return self.submit_parts(context, parts, 1, modal=self.options.is_invoke)

    def progress_text(self) -> Message:
        """See `SubmitJobs`."""
        return Message("Preparing the export    Esc: Cancel")

    def _objects(self, context: bpy.types.Context) -> Sequence[bpy.types.Object]:
        if self.source == "COLLECTION":
            collection = context.collection or context.scene.collection
            return [item for item in collection.all_objects if item.visible_get()]
        return context.selected_objects


class GENERIO_OT_make_collision(ShapeOptions, InObjectMode, bpy.types.Operator):
    """Make collision shapes for game engines, as children of the selected meshes and hidden in renders"""

    bl_idname = "generio.make_collision"
    bl_label = "Make Collision Shapes"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    if TYPE_CHECKING:
        kind: str
    else:
        kind: bpy.props.EnumProperty(
            name="Shape",
            description="What kind of shape",
            items=(("NONE", "None", "Remove the shapes that are there"), *SHAPES[1:]),
            default=HULL_SHAPES,
        )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not any(item.type == "MESH" for item in context.selected_objects):
            cls.poll_message_set(translated(Message("Select a mesh object first")))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        items = subjects.exportable(context.selected_objects)
        try:
            if not items:
                raise collision.NoShape
            for item in items:
                if self.kind == NO_SHAPES:
                    collision.remove_shapes(item)
                else:
                    collision.make_shapes(context, item, self.kind, self.triangles, self.each_part)
        except FlowsError as error:
            return report_problem(self, error)
        return {"FINISHED"}


CLASSES = (GENERIO_OT_export_for_engine, GENERIO_OT_make_collision)
