# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel that is there while something is missing, and then alone."""

from __future__ import annotations

import bpy

from ..core.messages import Message
from ..session.preferences import api_key, unavailable_reason
from .widgets import Tab, account_button, online_button, preferences_button, wrapped


class GENERIO_PT_setup(Tab, bpy.types.Panel):
    bl_idname = "GENERIO_PT_setup"
    bl_label = "Set Up"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(unavailable_reason(context))

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        self.layout.emboss = "NONE"
        self.layout.menu("GENERIO_MT_help", text="", icon="QUESTION")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        width = context.region.width
        if not api_key(context):
            wrapped(layout, Message("No API key yet."), width, "INFO")
            wrapped(layout, Message("A key links Blender to your account."), width, "BLANK1")
            wrapped(layout, Message("Get one, then enter it here."), width, "BLANK1")
            account_button(layout, "Get a Key")
            preferences_button(layout, "Enter Key")
        else:
            wrapped(layout, Message("Blender is offline."), width, "INTERNET_OFFLINE")
            wrapped(layout, Message("Models are made by an online service."), width, "BLANK1")
            if bpy.app.online_access_override:
                wrapped(layout, Message("Start it without --offline-mode."), width, "BLANK1")
            else:
                wrapped(layout, Message("Allow it here or in the preferences."), width, "BLANK1")
            online_button(layout)


CLASSES = (GENERIO_PT_setup,)
