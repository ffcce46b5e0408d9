# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's page in Blender's preferences."""

import bpy

from ..core.messages import Message
from ..core.urls import KEY_VARIABLE
from ..i18n import translated
from ..session.preferences import ADDON, Preferences, key_from_environment
from .connection import draw_findings


class GenerioPreferences(Preferences, bpy.types.AddonPreferences):
    """What the user sets once."""

    bl_idname = ADDON

    def draw(self, context: bpy.types.Context) -> None:
        """Key first: without it nothing works."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        if key_from_environment():
            row = layout.row()
            row.enabled = False
            row.prop(
                self, "api_key", placeholder=translated(Message("Set by {variable}", variable=KEY_VARIABLE))
            )
            source = Message("The key comes from {variable} in the environment", variable=KEY_VARIABLE)
            layout.label(text=translated(source), translate=False, icon="INFO")
        else:
            layout.prop(self, "session_key" if self.session_only else "api_key")
            layout.prop(self, "session_only")
            row = layout.row()
            row.alignment = "RIGHT"
            row.operator("wm.url_open", text="Get a Key", icon="URL").url = "https://account.generio.ai"
        layout.prop(self, "service_url")
        layout.prop(self, "concurrent_jobs")
        layout.prop(self, "ask_above")
        layout.prop(self, "patience")
        layout.prop(self, "folder")
        layout.prop(self, "results_limit")
        layout.prop(self, "finish_jobs")
        layout.prop(self, "delete_flows")
        layout.prop(self, "longest_side")
        header, body = layout.panel("GENERIO_PT_new_models")
        header.label(text="New Models")
        if body is not None:
            for name in ("model_height", "use_unit_scale", "collection", "shading", "author"):
                body.prop(self, name)
        layout.prop(self, "when_done")
        layout.prop(self, "log_level")
        row = layout.row(align=True)
        row.operator("generio.show_text", text="Guide", icon="HELP").text = "GUIDE"
        row.operator("generio.show_text", text="What's New", icon="INFO").text = "NEWS"
        row.operator("generio.report_bug", icon="URL")
        draw_findings(layout, context, context.region.width)


CLASSES = (GenerioPreferences,)
