# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels of the tab share."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import blf
import bpy

from ..core.messages import Message
from ..i18n import looked_up, translated
from ..session.preferences import ADDON, unavailable_reason

WIDE = "\u2e80-\uffff"
"""Characters with no blanks between them: a line may end after any, but not before a closing mark."""

OPENING, CLOSING = "「『（【《〈〔“", "」』）】》〉〕”、。，．：；？！ー々"  # noqa: RUF001 - they are meant
ACCOUNT_URL = "https://account.generio.ai"

FONT = 0
"""Blender's interface font."""

MARGINS, ICON = 60, 22
"""Pixels at scale 1 that a label in the sidebar has beside it, and that its icon takes."""

NARROW = 260
"""Pixels at scale 1, below which a field has no room for its name beside it."""

BUTTON = 18
"""Pixels at scale 1 that a button has beside its text, and its icon."""

BOX = 20
"""Pixels at scale 1 by which there is less room in a box."""

LIST_EDGE = 26
"""Pixels at scale 1 that a row of a list has beside its contents."""

NAME_SHARE = 0.4
"""Of a row, the name of a field before it."""


class Tab:
    """Mixin: a panel in the tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "GENERIO"


class ReadyTab(Tab):
    """Mixin: a panel that is there only when everything is set up."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not unavailable_reason(context)


def preferences_button(layout: bpy.types.UILayout | None, text: str) -> None:
    """A button that opens this add-on's preferences."""
    layout.operator("preferences.addon_show", text=text, icon="PREFERENCES").module = ADDON


def account_button(layout: bpy.types.UILayout | None, text: str) -> None:
    """A button that opens the user's account in the web browser."""
    layout.operator("wm.url_open", text=text, icon="URL").url = ACCOUNT_URL


def list_button(layout: bpy.types.UILayout | None, operator: str, text: Message, width: int) -> None:
    """A button that asks the service for a list; its icon tells enough where the text has no room.

    width: of the region, pixels.
    """
    told = first_that_fits(room_in(width) - BUTTON - ICON, translated(text), "")
    layout.operator(operator, text=told, translate=False, icon="FILE_REFRESH")


def online_button(layout: bpy.types.UILayout | None) -> None:
    """A button that allows online access, or leads to where nothing forbids it."""
    if bpy.app.online_access_override:  # --offline-mode, which outweighs the preference
        quit_button(layout)
        return
    layout.operator("extensions.userpref_allow_online", text="Allow Online Access", icon="INTERNET")


def quit_button(layout: bpy.types.UILayout | None) -> None:
    """A button that ends Blender, which asks whether to save."""
    layout.operator("wm.quit_blender", text="Quit Blender", icon="QUIT")


def check_button(layout: bpy.types.UILayout | None) -> None:
    """A button that checks the connection once more."""
    layout.operator("generio.test_connection", text="Check Again", icon="FILE_REFRESH")


def fix_button(layout: bpy.types.UILayout | None, remedy: str, token: str = "") -> None:
    """The button that does what an error asks for; `remedy`: see `api.errors`, `token`: of a job, or ""."""
    match remedy:
        case "enter_key":
            preferences_button(layout, "Enter Key")
        case "check_address" | "open_preferences":
            preferences_button(layout, "Open Preferences")
            if remedy == "check_address" and not token:  # a job has Retry beside it
                check_button(layout)
        case "open_file_paths":
            layout.operator(
                "screen.userpref_show", text="File Paths", icon="PREFERENCES"
            ).section = "FILE_PATHS"
        case "open_account":
            account_button(layout, "Open Account")
        case "go_online":
            online_button(layout)
        case "open_folder":
            layout.operator("generio.show_list_folder", icon="FILE_FOLDER")
        case "show_folder":
            layout.operator("generio.show_job_folder", icon="FILE_FOLDER").token = token
        case "update":
            layout.operator(
                "screen.userpref_show", text="Show Updates", icon="PREFERENCES"
            ).section = "EXTENSIONS"
        case "restart":
            quit_button(layout)
        case "retry" if token:
            layout.operator("generio.retry_job", icon="FILE_REFRESH").token = token
        case "retry":
            check_button(layout)
        case "report" if token:
            layout.operator("generio.copy_problem", icon="COPYDOWN").token = token
        case "edit_input" | "edit_prompt" | "choose_image" if token:
            layout.operator(
                "generio.use_job_settings", text="Change Settings", icon="GREASEPENCIL"
            ).token = token
        case "edit_prompt":
            layout.operator("generio.edit_prompt", icon="GREASEPENCIL")
        case "choose_image":
            layout.operator("generio.choose_image", text="Choose Another", icon="FILE_FOLDER")
        case "add_box":
            layout.operator("generio.add_box", icon="MESH_CUBE")
        case "convert":
            layout.operator("generio.convert_left_out", icon="OUTLINER_OB_MESH")
        case "make_lods":
            layout.operator("generio.make_lods", text="Make LODs", icon="MOD_ARRAY")
        case "cancel":
            layout.operator("generio.cancel_job", icon="X").token = token
        case "import":
            layout.operator("generio.import_result", icon="IMPORT").token = token
        case "recover":
            layout.operator("generio.recover_flow", icon="IMPORT")
        case "render":
            layout.operator("render.render", text="Render Image", icon="RENDER_STILL")


def object_mode_button(layout: bpy.types.UILayout | None, context: bpy.types.Context) -> None:
    """A button that leaves the present mode, where that is in the way."""
    if context.mode != "OBJECT":
        layout.operator("object.mode_set", text="Object Mode", icon="OBJECT_DATAMODE").mode = "OBJECT"


def is_narrow(context: bpy.types.Context) -> bool:
    """Whether the sidebar has no room for two words beside each other."""
    return context.region.width < NARROW * context.preferences.system.ui_scale


def fields(layout: Any, context: bpy.types.Context) -> Any:
    """A column of fields with their names before them, or inside them where the sidebar is narrow."""
    column = layout.column()
    column.use_property_split = not is_narrow(context)
    column.use_property_decorate = False
    return column


def choice(column: Any, data: Any, name: str) -> None:
    """A drop-down in a column of `fields`; a narrow one has its name above."""
    if column.use_property_split:
        column.prop(data, name)
    else:
        column.label(text=looked_up(_described(data, name).name), translate=False)
        column.prop(data, name, text="")


def options(layout: Any, name: str) -> Any:
    """Where what is chosen seldom is drawn, or None while that is closed, as it is at first.

    layout: of a panel. name: by which Blender remembers whether it is open.
    """
    header, body = layout.panel(name, default_closed=True)
    header.label(text="Options")
    return body


def _described(owner: Any, name: str) -> Any:
    """What Blender knows of a property. owner: properties, or an operator, which has its own in a group."""
    group = owner.properties if isinstance(owner, bpy.types.Operator) else owner
    return group.bl_rna.properties[name]


def _take_font() -> float:
    """Let `blf` measure in the size that labels have; returns the interface's scale."""
    preferences = bpy.context.preferences
    scale = preferences.system.ui_scale or 1.0  # there is none in the background
    blf.size(FONT, preferences.ui_styles[0].widget.points * scale)
    return scale


def fits(text: str, room: float) -> bool:
    """Whether a text takes no more than `room`, pixels at scale 1."""
    scale = _take_font()
    return blf.dimensions(FONT, text)[0] <= room * scale


def room_in(width: int) -> float:
    """What there is for the contents of a panel, pixels at scale 1; `width`: of the region, pixels."""
    return width / (bpy.context.preferences.system.ui_scale or 1.0) - MARGINS


def first_that_fits(room: float, *texts: str) -> str:
    """The first of these texts that has room (pixels at scale 1), or the last."""
    return next((text for text in texts if fits(text, room)), texts[-1])


def buttons(layout: Any, width: int, *labels: str) -> Any:
    """Where buttons with icons go: beside each other if they fit, else one above the other.

    width: of the region, pixels. labels: of the buttons, in English.
    """
    room = room_in(width) / len(labels) - BUTTON - ICON
    is_row = all(fits(looked_up(label), room) for label in labels)
    return layout.row(align=True) if is_row else layout.column(align=True)


def values(column: Any, owner: Any, name: str, width: int) -> None:
    """The values of an enum in a column of `fields`, beside each other, with its name if that fits, too.

    Where there is none for the values alone, it is a drop-down. width: of the region, pixels.
    """
    items = _described(owner, name).enum_items
    share = room_in(width) / len(items)

    def has_room(part: float) -> bool:
        return all(fits(looked_up(item.name), share * part - BUTTON / 2) for item in items)

    if column.use_property_split and has_room(1.0 - NAME_SHARE):
        column.row().prop(owner, name, expand=True)
    elif has_room(1.0):
        row = column.row()
        row.use_property_split = False
        row.prop(owner, name, expand=True)
    else:
        choice(column, owner, name)


def wrapped(layout: bpy.types.UILayout | None, text: str, width: int, icon: Any = "NONE") -> None:
    """A text, which is not translated here, on as many lines as it needs; `width`: of the region, pixels."""
    scale = _take_font()
    below = "BLANK1" if icon != "NONE" else "NONE"
    room = width - (MARGINS + ICON * (icon != "NONE")) * scale
    column = layout.column(align=True)
    for number, line in enumerate(lines(text, room)):
        column.label(text=line, translate=False, icon=below if number else icon)


def _words(text: str) -> list[str]:
    """The parts of the text after each of which a line may end."""
    wide = any(char >= WIDE[0] for char in text)
    return _wide_word().findall(text) if wide else re.findall(r"\S+\s*", text)


@lru_cache(maxsize=1)
def _wide_word() -> re.Pattern[str]:
    """A pattern that takes milliseconds to make, and most languages do without."""
    return re.compile(rf"[{OPENING}]*(?:[{WIDE}]|[^\s{WIDE}]+)[{CLOSING}]*\s*")


def lines(text: str, room: float) -> list[str]:
    """The text in lines that are no longer than `room`, pixels in the size that the font has now.

    What is too long for a line, such as a path, is broken anywhere.
    """

    def fits(part: str) -> bool:
        return blf.dimensions(FONT, part.rstrip())[0] <= room

    found = [""]
    for part in (part for word in _words(text) for part in ([word] if fits(word) else word)):
        if found[-1] and not fits(found[-1] + part):
            found.append("")
        found[-1] += part
    return [line.rstrip() for line in found if line.strip()]
