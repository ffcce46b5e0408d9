# SPDX-License-Identifier: GPL-3.0-or-later
"""Where to read on, and how to tell of a bug."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..core.messages import Message
from ..core.text import plain_reason
from ..core.urls import WEBSITE
from ..i18n import translated
from ..session.preferences import user_folder
from .folders import show_folder

ROOT = Path(__file__).parents[1]

TEXTS = {"GUIDE": ROOT / "docs" / "guide.md", "NEWS": ROOT / "CHANGELOG.md"}


class GENERIO_OT_show_text(bpy.types.Operator):
    """Open this text, which came with the add-on"""

    bl_idname = "generio.show_text"
    bl_label = "Show Text"

    if TYPE_CHECKING:
        text: str
    else:
        text: bpy.props.EnumProperty(
            name="Text",
            description="Which text is shown",
            items=(
                ("GUIDE", "Guide", "What you can do, step by step"),
                ("NEWS", "What's New", "What is new in each version"),
            ),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        source = TEXTS[self.text]
        # A program that shows .txt is everywhere, and whoever changes the text changes a copy.
        copy = user_folder(context) / f"{source.stem.lower()}.txt"
        try:
            shutil.copyfile(source, copy)
        except OSError as error:
            message = Message("The text cannot be read: {reason}", reason=plain_reason(error))
            self.report({"ERROR"}, translated(message))
            return {"CANCELLED"}
        return show_folder(self, copy)


class GENERIO_OT_report_bug(bpy.types.Operator):
    """Copy what a bug report needs, without your key, and open the web page for sending it"""

    bl_idname = "generio.report_bug"
    bl_label = "Report a Bug"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.generio.copy_report()  # type: ignore[attr-defined]
        if not bpy.app.background:
            bpy.ops.wm.url_open(url=WEBSITE)
        self.report({"INFO"}, translated(Message("Copied the report; paste it into your message")))
        return {"FINISHED"}


CLASSES = (GENERIO_OT_show_text, GENERIO_OT_report_bug)
