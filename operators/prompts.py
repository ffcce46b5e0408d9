# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a prompt: in a wide dialog, or taken from those that were used before."""

from typing import TYPE_CHECKING

import bpy

from ..core.messages import Message
from ..i18n import VERBATIM, translated
from ..session import current
from ..session.properties import properties

LONGEST_SHOWN = 100  # characters of a prompt in a list
DIALOG = 520  # pixels at scale 1
SHORT = 40  # characters that its field shows in any script


class Prompts:
    """What a search shows: Blender does not keep these strings."""

    def __init__(self) -> None:
        self.items: list[tuple[str, str, str]] = []


def _prompts(_self: object, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    found = current().part(Prompts)
    if context is not None:
        found.items = [
            (str(number), " ".join(prompt.split())[:LONGEST_SHOWN], prompt)
            for number, prompt in enumerate(current().prompt_history(context).prompts())
        ]
    return found.items


class GENERIO_OT_choose_prompt(bpy.types.Operator):
    """Search earlier prompts and reuse one"""

    bl_idname = "generio.choose_prompt"
    bl_label = "Prompt History"
    bl_property = "prompt"

    if TYPE_CHECKING:
        prompt: str
    else:
        prompt: bpy.props.EnumProperty(
            name="Prompt",
            description="A prompt you used before",
            items=_prompts,
            translation_context=VERBATIM,
        )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not current().prompt_history(context).prompts():
            cls.poll_message_set(translated(Message("You have not used any prompt yet")))
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        panel = properties(context)
        panel.prompt = current().prompt_history(context).prompts()[int(self.prompt)]
        panel.source = "TEXT"
        if context.area is not None:
            context.area.tag_redraw()
        return {"FINISHED"}


class GENERIO_OT_edit_prompt(bpy.types.Operator):
    """Edit the prompt in a wide field"""

    bl_idname = "generio.edit_prompt"
    bl_label = "Edit Prompt"

    if TYPE_CHECKING:
        prompt: str
    else:
        prompt: bpy.props.StringProperty(
            name="Prompt", description="What to generate, in your own words", options={"TEXTEDIT_UPDATE"}
        )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.prompt = properties(context).prompt
        return context.window_manager.invoke_props_dialog(self, width=DIALOG, confirm_text="Use")

    def draw(self, context: bpy.types.Context) -> None:
        from ..panels.widgets import wrapped  # a dialog is a panel, too

        column = self.layout.column()
        column.activate_init = True
        column.prop(self, "prompt", text="", placeholder="A modern office chair")
        if len(self.prompt) > SHORT:
            width = int(DIALOG * context.preferences.system.ui_scale)
            wrapped(column, self.prompt, width)

    def execute(self, context: bpy.types.Context) -> set[str]:
        properties(context).prompt = self.prompt.strip()
        if context.area is not None:
            context.area.tag_redraw()
        return {"FINISHED"}


CLASSES = (GENERIO_OT_choose_prompt, GENERIO_OT_edit_prompt)
