# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels of the tab share."""

from __future__ import annotations

from typing import Any

import bpy

from .. import __package__ as base_package
from .. import bridge


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


def wrapped(layout: bpy.types.UILayout | None, text: str, width: int, icon: Any = "NONE") -> None:
    """A sentence on as many lines as it needs; `width`: of the region, pixels."""
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
            column.label(text=line, icon=icon if first else ("BLANK1" if icon != "NONE" else "NONE"))
            first = False
        line = word
