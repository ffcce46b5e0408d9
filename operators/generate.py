# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate a model, or several variants, from a prompt or from a picture."""

import json
import os
import random
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..api import (
    IMAGE_TO_MODEL,
    SENDABLE,
    TEXT_TO_MODEL,
    InputRefused,
    NotSaved,
    UnreadableFile,
    check_prompt,
    detect_image,
    picture_size,
)
from ..core.destination import NewModel
from ..core.errors import Remedy
from ..core.messages import Message
from ..core.text import plain_reason
from ..jobs import Job, JobFolder, with_followup
from ..scene.place import boxes, place, raycast, transform
from ..scene.place.destination import ref_of
from ..session import current
from ..session.options import ONE_MODEL, Choice, FollowOptions
from ..session.preferences import RELATIVE_PATH, engine_settings, job_folder, preferences
from ..session.properties import MOST_VARIANTS, QUALITIES, WHERE, properties
from .prompts import history
from .submit_jobs import HandOver, Ready, tell_problem

LARGEST_SEED = 2**31 - 1


class NoBox(InputRefused):
    """A model is to be fitted into an object, and there is none."""

    remedy: Remedy = "add_box"
    message = Message("There is no box to fit the model into.")
    fix = Message("Select an object, or add a box.")


class LinkedScene(InputRefused):
    """Nothing can be put into the scene that is shown."""

    message = Message("The scene is linked from another file.")
    fix = Message("Go to a scene of this file first.")


class Generate(FollowOptions, Ready, HandOver):
    """What all generators share. Parameters that nobody touched are not sent: the service has defaults.

    The panel remembers what was chosen, Blender does not (SKIP_SAVE): it would show what is not sent.
    """

    if TYPE_CHECKING:
        quality: str
        seed: int
        texture: bool
        where: str
        variants: int
    else:
        quality: bpy.props.EnumProperty(
            name="Quality",
            description="Level of detail of the model. The service's default is High",
            items=QUALITIES,
            default="HIGH",
            options={"SKIP_SAVE"},
        )
        seed: bpy.props.IntProperty(
            name="Seed",
            description="The same seed and input give the same model again. "
            "The service's default, -1, picks a random seed",
            default=-1,
            min=-1,
            options={"SKIP_SAVE"},
        )
        texture: bpy.props.BoolProperty(
            name="Texture",
            description="Also generate physically based textures. The service's default is yes",
            default=True,
            options={"SKIP_SAVE"},
        )
        where: bpy.props.EnumProperty(
            name="Location", description="Where the new model goes", items=WHERE, options={"SKIP_SAVE"}
        )
        variants: bpy.props.IntProperty(
            name="Variants",
            description="Number of models to make from the same input, each with its own seed",
            default=1,
            min=1,
            max=MOST_VARIANTS,
            options={"SKIP_SAVE"},
        )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self._generate(context, modal=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._generate(context, modal=False)

    def _generate(self, context: bpy.types.Context, modal: bool) -> set[str]:
        try:
            if context.scene.library is not None:
                raise LinkedScene
            jobs = [with_order(context, job) for job in self._several(context, self.request(context))]
        except InputRefused as error:
            return tell_problem(self, error)
        except OSError as error:
            return tell_problem(
                self,
                NotSaved.because(
                    Message("The results folder cannot be written to: {reason}", reason=plain_reason(error)),
                    error,
                ),
            )
        choice = Choice(self, properties(context))
        if choice.then_optimize:
            jobs = [with_followup(job, choice.then_count) for job in jobs]
        return self.hand_over(context, jobs, modal)

    def request(self, context: bpy.types.Context) -> Job:
        """The job that the properties describe. Raises InputRefused."""
        raise NotImplementedError

    def _several(self, context: bpy.types.Context, job: Job) -> list[Job]:
        """The variants of a job: as many jobs, each with another seed that is known."""
        count = self.chosen(context, "variants")
        if count == 1:
            return [job]
        # The system's own randomness: a script may have fixed that of `random`.
        first = job.parameters.get("seed", -1)
        seeds = (
            random.SystemRandom().sample(range(LARGEST_SEED), count)
            if first < 0
            else [(first + number) % (LARGEST_SEED + 1) for number in range(count)]
        )
        assert isinstance(job.destination, NewModel)
        destination = replace(job.destination, group=job.token)
        return [
            replace(
                job,
                token=uuid.uuid4().hex,
                name=f"{job.name} {number}",
                parameters={**job.parameters, "seed": seed},
                destination=destination,
            )
            for number, seed in enumerate(seeds, start=1)
        ]

    def chosen(self, context: bpy.types.Context, name: str) -> Any:
        """The value of this operator's own property where it is given, else the panel's."""
        owner = self if self.properties.is_property_set(name) else properties(context)
        return getattr(owner, name)

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

    def destination(self, context: bpy.types.Context) -> NewModel:
        """Where the model goes, and what the preferences say about new models. Raises NoBox."""
        where = self.chosen(context, "where")
        destination = current().document.at_cursor(context)
        if where == "BOX":
            box = boxes.chosen_box(context)
            if box is None:
                raise NoBox
            destination = replace(destination, box=ref_of(box))
        elif where == "SURFACE":
            below = raycast.below(context, context.scene.cursor.location)
            destination = replace(destination, location=(*below,), base=True)
        return replace(destination, **new_model_settings(context))


def new_model_settings(context: bpy.types.Context) -> dict[str, Any]:
    """What the preferences say about new models, as fields of `NewModel`; only what is not the default."""
    chosen = preferences(context)
    settings: dict[str, Any] = {}
    metre = transform.metre(context.scene)
    if chosen.model_height:
        settings["height"] = chosen.model_height * metre
    if chosen.use_unit_scale and metre != 1.0:
        settings["scale"] = metre
    if chosen.collection.strip():
        settings["into"] = place.shortened(chosen.collection)
    if chosen.shading != "KEEP":
        settings["shading"] = chosen.shading.lower()
    return settings


class GENERIO_OT_generate_from_prompt(Generate, bpy.types.Operator):
    """Generate a model from the prompt"""

    bl_idname = "generio.generate_from_prompt"
    bl_label = "Generate Model"

    if TYPE_CHECKING:
        prompt: str
    else:
        prompt: bpy.props.StringProperty(name="Prompt", description="What to generate, in your own words")

    def request(self, context: bpy.types.Context) -> Job:
        prompt = self.chosen(context, "prompt").strip()
        check_prompt(prompt)
        destination = self.destination(context)
        history().add(prompt)
        return Job(
            service=engine_settings(context).base_url,
            template=TEXT_TO_MODEL,
            name=place.shortened(prompt),
            prompt=prompt,
            parameters=self.parameters(context),
            destination=destination,
        )


class GENERIO_OT_ask_prompt(Ready, bpy.types.Operator):
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
        told = generate("INVOKE_DEFAULT", prompt=self.prompt, **ONE_MODEL)
        # Not that it is running: the other one is, and Blender would never free this one.
        return {"CANCELLED"} if told == {"CANCELLED"} else {"FINISHED"}


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

    def request(self, context: bpy.types.Context) -> Job:
        chosen = self.filepath if self.properties.is_property_set("filepath") else properties(context).image
        return image_job(context, chosen, self.parameters(context), self.destination(context))


def image_job(
    context: bpy.types.Context, chosen: str, parameters: dict[str, Any], destination: NewModel
) -> Job:
    """The job that makes a model from the picture at the path `chosen`.

    One that the service does not take, or that is larger than the preferences allow, is its source, see
    `with_order`. Raises InputRefused.
    """
    if not chosen:
        raise UnreadableFile(Message("No image is chosen."), Message("Choose an image file."))
    path = Path(os.path.realpath(bpy.path.abspath(chosen)))
    try:
        str(path).encode()
    except UnicodeEncodeError:  # as old archives leave it on Linux
        raise UnreadableFile(
            Message("The name of the file is not in UTF-8."), Message("Give it another name.")
        ) from None
    mime = detect_image(path)
    longest = preferences(context).longest_side
    too_large = longest > 0 and max(picture_size(path) or (0,)) > longest
    job = Job(
        service=engine_settings(context).base_url,
        template=IMAGE_TO_MODEL,
        name=place.shortened(path.stem),
        parameters=parameters,
        picture=str(path),
        destination=destination,
    )
    if mime in SENDABLE and not too_large:
        return replace(job, input_path=str(path), input_mime=mime)
    return replace(job, source=str(path))


def with_order(context: bpy.types.Context, job: Job) -> Job:
    """The job with an order in its own folder, if a child Blender is to make a PNG of its picture first.

    Variants have one each, as each may be removed while others go on. Raises OSError by the results folder.
    """
    if not job.source:
        return job
    picture = Path(job.source)  # whose name may be as long as the disk allows
    name = f"{place.shortened(picture.stem)}{picture.suffix[:10]}.json"
    order = job_folder(context, job.token) / name
    order.parent.mkdir(parents=True, exist_ok=True)
    kept = JobFolder(order.parent).input_copy(job.picture)
    wanted = {"picture": job.source, "kept": str(kept), "longest": preferences(context).longest_side}
    order.write_text(json.dumps(wanted), encoding="utf-8")
    return replace(job, source=str(order))


CLASSES = (
    GENERIO_OT_ask_prompt,
    GENERIO_OT_generate_from_prompt,
    GENERIO_OT_generate_from_image,
)
