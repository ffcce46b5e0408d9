# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate a model, or several variants, from a prompt or from a picture."""

from typing import TYPE_CHECKING

import bpy

from ..api import FlowsError
from ..jobs import Job
from ..session import current, requests
from ..session.options import ONE_MODEL, GenerateOptions
from ..session.preferences import RELATIVE_PATH
from ..session.properties import properties
from ..session.requests import Choice
from .submit_jobs import RequiresService, SubmitJobs, clicked_once, report_problem


class Generate(GenerateOptions, RequiresService, SubmitJobs):
    """What all generators share."""

    @clicked_once
    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._generate(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._generate(context, modal=False)

    def _generate(self, context: bpy.types.Context, modal: bool) -> set[str]:
        try:
            jobs = self.request(context, Choice.of_operator(self, context))
        except FlowsError as error:
            return report_problem(self, error)
        return self.submit_jobs(context, jobs, modal)

    def request(self, context: bpy.types.Context, choice: Choice) -> list[Job]:
        """The jobs that are asked for. Raises FlowsError."""
        raise NotImplementedError


class GENERIO_OT_generate_from_prompt(Generate, bpy.types.Operator):
    """Generate a model from the prompt"""

    bl_idname = "generio.generate_from_prompt"
    bl_label = "Generate Model"

    if TYPE_CHECKING:
        prompt: str
    else:
        prompt: bpy.props.StringProperty(name="Prompt", description="What to generate, in your own words")

    def request(self, context: bpy.types.Context, choice: Choice) -> list[Job]:
        return requests.generate_from_prompt(current(), context, choice, choice.prompt)


class GENERIO_OT_ask_prompt(RequiresService, bpy.types.Operator):
    """Enter a prompt and generate a model from it"""

    bl_idname = "generio.ask_prompt"
    bl_label = "GENERIO Model"

    if TYPE_CHECKING:
        prompt: str
    else:
        prompt: bpy.props.StringProperty(name="Prompt", description="What to generate, in your own words")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.prompt = properties(context).prompt
        return context.window_manager.invoke_props_dialog(self, width=400, confirm_text="Generate")

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.activate_init = True
        column.prop(self, "prompt", text="", placeholder="A modern office chair")

    def execute(self, context: bpy.types.Context) -> set[str]:
        properties(context).prompt = self.prompt
        generate = bpy.ops.generio.generate_from_prompt  # type: ignore[attr-defined]
        result = generate("INVOKE_DEFAULT", prompt=self.prompt, **ONE_MODEL)
        # Not that it is running: the other one is, and Blender would never free this one.
        return {"CANCELLED"} if result == {"CANCELLED"} else {"FINISHED"}


class GENERIO_OT_generate_from_image(Generate, bpy.types.Operator):
    """Generate a model from an image or sketch"""

    bl_idname = "generio.generate_from_image"
    bl_label = "Generate Model"

    if TYPE_CHECKING:
        filepath: str
    else:
        filepath: bpy.props.StringProperty(
            name="Image",
            description="The picture or sketch",
            subtype="FILE_PATH",
            options=RELATIVE_PATH,
        )

    def request(self, context: bpy.types.Context, choice: Choice) -> list[Job]:
        image = self.filepath if self.properties.is_property_set("filepath") else choice.image
        return requests.generate_from_image(current(), context, choice, image)


CLASSES = (
    GENERIO_OT_ask_prompt,
    GENERIO_OT_generate_from_prompt,
    GENERIO_OT_generate_from_image,
)
