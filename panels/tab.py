# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels of the tab share."""

from __future__ import annotations

from typing import Any

import bpy

from .. import __package__ as base_package
from .. import bridge

ACCOUNT_URL = "https://account.generio.ai"


class Tab:
    """Mixin: a panel in the tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "GENERIO"


class ReadyTab(Tab):
    """Mixin: a panel that is there only when everything is set up."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not bridge.why_not(context)


def preferences_button(layout: bpy.types.UILayout | None, text: str) -> None:
    """A button that opens this add-on's preferences."""
    layout.operator("preferences.addon_show", text=text, icon="PREFERENCES").module = base_package


def account_button(layout: bpy.types.UILayout | None, text: str) -> None:
    """A button that opens the user's account in the web browser."""
    layout.operator("wm.url_open", text=text, icon="URL").url = ACCOUNT_URL


def online_button(layout: bpy.types.UILayout | None) -> None:
    """A button that allows online access."""
    layout.operator("extensions.userpref_allow_online", text="Allow Online Access", icon="INTERNET")


def fix_button(layout: bpy.types.UILayout | None, remedy: str, token: str = "") -> None:
    """The button that does what an error asks for; `remedy`: see `api.errors`, `token`: of a job, or ""."""
    match remedy:
        case "enter_key":
            preferences_button(layout, "Enter Key")
        case "check_address" | "open_preferences":
            preferences_button(layout, "Open Preferences")
        case "open_account":
            account_button(layout, "Open Account")
        case "go_online":
            online_button(layout)
        case "retry" if token:
            layout.operator("generio.retry_job", icon="FILE_REFRESH").token = token
        case "edit_input" if token:
            layout.operator(
                "generio.use_job_settings", text="Change Settings", icon="GREASEPENCIL"
            ).token = token


def wrapped(layout: bpy.types.UILayout | None, text: str, width: int, icon: Any = "NONE") -> None:
    """A sentence on as many lines as it needs; `width`: of the region, pixels."""
    text = bpy.app.translations.pgettext_iface(text)
    # Blender's interface font is about 7 pixels wide a character at scale 1.
    scale = bpy.context.preferences.system.ui_scale
    characters = max(12, int((width - 50 * scale) / (6.6 * scale)))
    column = layout.column(align=True)
    line = ""
    first = True
    for word in [*text.split(), ""]:
        if word and len(line) + len(word) < characters:
            line = f"{line} {word}".strip()
            continue
        if line:
            icon_here = icon if first else ("BLANK1" if icon != "NONE" else "NONE")
            column.label(text=line, translate=False, icon=icon_here)
            first = False
        line = word
