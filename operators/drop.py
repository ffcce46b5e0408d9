# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture is dropped into the 3D view: a short dialog, and the model comes where it was dropped."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..api import IMAGE_TO_MODEL, picture_size
from ..api.parameters import parameters_of
from ..formats.image_check import version_of
from ..jobs import Job
from ..scene.export.selection import PERCENT
from ..scene.place import raycast
from ..session import current, requests
from ..session.parameter_properties import switch_of
from ..session.properties import properties
from ..session.requests import Choice
from .generate import Generate

EXTENSIONS = ".png;.jpg;.jpeg;.webp;.tif;.tiff;.bmp;.tga;.exr;.hdr;.gif;.psd;.jp2;.dds;.sgi;.rgb;.cin;.dpx"
PREVIEW = 7.0  # units of the interface
DIALOG = 260  # pixels at scale 1
PARAMETERS = [parameter for parameter in parameters_of(IMAGE_TO_MODEL) if not switch_of(parameter)]
"""All but the seed, which the panel says, or the service draws."""

FOLLOWING = ("then_target", "then_count", "then_percent", "then_lods", "then_bake")
"""What can be chosen where what is generated is optimized, too."""

SHOWN = (*(parameter.name for parameter in PARAMETERS), "variants", "then_optimize", *FOLLOWING)
"""What the dialog shows is what will be made: it begins with what is chosen in the panel."""


class GENERIO_OT_drop_image(Generate, bpy.types.Operator):
    """Generate a model from this image at the drop location"""

    bl_idname = "generio.drop_image"
    bl_label = "Generate Model from Image"

    if TYPE_CHECKING:
        filepath: str
        location: Any
    else:
        filepath: bpy.props.StringProperty(
            name="Image", description="The picture or sketch", subtype="FILE_PATH", options={"SKIP_SAVE"}
        )
        location: bpy.props.FloatVectorProperty(
            name="Location",
            description="Where the model is placed, in world space",
            subtype="TRANSLATION",
            options={"SKIP_SAVE"},
        )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        panel = properties(context)
        for name in SHOWN:
            if not self.properties.is_property_set(name) and panel.is_property_set(name):
                setattr(self, name, getattr(panel, name))
        view = context.region_data
        # There is none over the sidebar. After Blender's menu of handlers, the mouse is on the entry.
        if view is not None and not self.properties.is_property_set("location"):
            mouse = (event.mouse_region_x, event.mouse_region_y)
            self.location = raycast.under_mouse(context, context.region, view, mouse)
        return context.window_manager.invoke_props_dialog(self, width=DIALOG, confirm_text="Generate")

    def draw(self, context: bpy.types.Context) -> None:
        from ..panels.parameters import draw_parameter  # a dialog is a panel, too
        from ..panels.thumbnails import icon_of

        layout: Any = self.layout
        path = Path(self.filepath)
        size = picture_size(path)
        column = layout.column(align=True)
        if path.is_file():
            column.template_icon(icon_value=icon_of(str(path), version_of(path)), scale=PREVIEW)
        note = f"{path.name}, {size[0]} x {size[1]}" if size else path.name
        column.label(text=note, translate=False)
        layout.use_property_split = True
        layout.use_property_decorate = False
        width = int(DIALOG * context.preferences.system.ui_scale)
        for parameter in PARAMETERS:
            draw_parameter(layout, self, parameter, width)
        layout.prop(self, "variants")
        layout.prop(self, "then_optimize")
        if self.then_optimize:
            unused = "then_count" if self.then_target == PERCENT else "then_percent"
            for name in FOLLOWING:
                if name != unused:
                    layout.prop(self, name)

    def request(self, context: bpy.types.Context, choice: Choice) -> list[Job]:
        is_given = self.properties.is_property_set("location")
        stands_on = self.location if is_given else context.scene.cursor.location
        return requests.generate_from_image(current(), context, choice, self.filepath, stands_on)


class GENERIO_FH_image(bpy.types.FileHandler):
    bl_idname = "GENERIO_FH_image"
    bl_label = "GENERIO Model from Image"
    bl_import_operator = "generio.drop_image"
    bl_file_extensions = EXTENSIONS

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D" and context.mode == "OBJECT"


CLASSES = (GENERIO_OT_drop_image, GENERIO_FH_image)
