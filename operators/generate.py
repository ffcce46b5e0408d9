# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate a model from a prompt or from a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import bridge
from ..api import (
    IMAGE_TO_MODEL,
    SENDABLE,
    TEXT_TO_MODEL,
    AmbiguousPrompt,
    EmptyPrompt,
    InputRefused,
    UnreadableFile,
    detect_image,
)
from ..jobs import Job, with_follower
from ..options import Choice, FollowOptions
from ..properties import QUALITIES, properties
from ..scene import place
from .handover import HandOver


class Generate(FollowOptions, HandOver):
    """What both generators share. Parameters that nobody touched are not sent: the service has defaults."""

    if TYPE_CHECKING:
        quality: str
        seed: int
        texture: bool
    else:
        quality: bpy.props.EnumProperty(
            name="Quality", description="How fine the model gets", items=QUALITIES, default="HIGH"
        )
        seed: bpy.props.IntProperty(
            name="Seed",
            description="The same seed and input give the same model again; -1 draws one",
            default=-1,
            min=-1,
        )
        texture: bpy.props.BoolProperty(
            name="Texture", description="Make physically based textures, too", default=True
        )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = bridge.why_not(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._generate(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._generate(context, modal=False)

    def _generate(self, context: bpy.types.Context, modal: bool) -> set[str]:
        try:
            job = self.request(context)
        except InputRefused as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        choice = Choice(self, properties(context))
        jobs = [with_follower(job, choice.then_count) if choice.then_optimize else job]
        return self.hand_over(context, jobs, modal)

    def request(self, context: bpy.types.Context) -> Job:
        """The job that the properties describe. Raises InputRefused."""
        raise NotImplementedError

    def parameters(self, context: bpy.types.Context) -> dict[str, Any]:
        """As the API names them: this operator's own where they are given, else the panel's where touched."""
        panel = properties(context)
        parameters: dict[str, Any] = {}
        for name in ("quality", "texture"):
            for owner in (self.properties, panel):
                if owner.is_property_set(name):
                    value = getattr(owner, name)
                    parameters[name] = value.lower() if isinstance(value, str) else value
                    break
        if self.properties.is_property_set("seed"):
            parameters["seed"] = self.seed
        elif not panel.random_seed:
            parameters["seed"] = panel.seed
        return parameters


class GENERIO_OT_generate_from_prompt(Generate, bpy.types.Operator):
    """Make a model from the words of the prompt"""

    bl_idname = "generio.generate_from_prompt"
    bl_label = "Generate Model"

    if TYPE_CHECKING:
        prompt: str
    else:
        prompt: bpy.props.StringProperty(name="Prompt", description="What you want to get, in your own words")

    def request(self, context: bpy.types.Context) -> Job:
        prompt = (
            self.prompt if self.properties.is_property_set("prompt") else properties(context).prompt
        ).strip()
        if not prompt:
            raise EmptyPrompt
        if prompt.lower().startswith("data:"):
            raise AmbiguousPrompt
        return Job(
            service=bridge.settings(context).base_url,
            template=TEXT_TO_MODEL,
            name=place.shortened(prompt),
            prompt=prompt,
            parameters=self.parameters(context),
            destination=place.here(context, place.CURSOR),
        )


class GENERIO_OT_generate_from_image(Generate, bpy.types.Operator):
    """Make a model from a picture or sketch"""

    bl_idname = "generio.generate_from_image"
    bl_label = "Generate Model"

    if TYPE_CHECKING:
        filepath: str
    else:
        filepath: bpy.props.StringProperty(
            name="Image", description="The picture or sketch", subtype="FILE_PATH"
        )

    def request(self, context: bpy.types.Context) -> Job:
        chosen = self.filepath if self.properties.is_property_set("filepath") else properties(context).image
        if not chosen:
            raise UnreadableFile("No image is chosen.", "Choose an image file.")
        path = Path(bpy.path.abspath(chosen)).resolve()
        mime = detect_image(path)
        sendable = mime in SENDABLE
        return Job(
            service=bridge.settings(context).base_url,
            template=IMAGE_TO_MODEL,
            name=place.shortened(path.stem),
            input_path=str(path) if sendable else "",
            input_mime=mime if sendable and mime else "",
            source="" if sendable else str(path),  # what Blender can read, it makes a PNG of
            parameters=self.parameters(context),
            destination=place.here(context, place.CURSOR),
        )


CLASSES = (GENERIO_OT_generate_from_prompt, GENERIO_OT_generate_from_image)
