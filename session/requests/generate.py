# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt or a picture becomes one job, or several that are variants of it."""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...api import (
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
from ...api.parameters import SEED
from ...core.destination import NewModel
from ...core.errors import Remedy
from ...core.messages import Message
from ...core.text import plain_reason
from ...jobs import Job, JobFolder, Request, with_followup
from ...scene.export import image_capture
from ...scene.place import boxes, place, raycast, transform
from ...scene.place.destination import ref_of
from ..preferences import engine_settings, job_folder, preferences
from ..session import Session
from .bake_settings import bake_settings
from .choice import Choice
from .submission import check_available


class NoBox(InputRefused):
    """A model is to be fitted into an object, but none was chosen."""

    remedy: Remedy = "add_box"
    message = Message("There is no box to fit the model into.")
    fix = Message("Select an object, or add a box.")


class LinkedScene(InputRefused):
    """The scene that is shown cannot be changed."""

    message = Message("The scene is linked from another file.")
    fix = Message("Go to a scene of this file first.")


def generate_from_prompt(
    session: Session, context: bpy.types.Context, choice: Choice, prompt: str
) -> list[Job]:
    """The jobs that make a model, or variants of one, from a prompt. Raises FlowsError."""
    check_scene(context)
    prompt = prompt.strip()
    check_prompt(prompt)
    job = Job(
        Request(
            service=engine_settings(context).base_url,
            template=TEXT_TO_MODEL,
            name=place.shortened(prompt),
            prompt=prompt,
            parameters=choice.parameters(TEXT_TO_MODEL),
            destination=_destination(session, context, choice),
        ),
    )
    session.prompt_history(context).add(prompt)
    return _several(context, choice, job)


def generate_from_image(
    session: Session,
    context: bpy.types.Context,
    choice: Choice,
    image: str,
    stands_on: Sequence[float] | None = None,
) -> list[Job]:
    """The jobs that make a model, or variants of one, from the picture at the path `image`.

    If the service does not take such a picture, or it is larger than the preferences allow, a converter makes
    a PNG of it first. stands_on: where the base of the model goes, in world space; None = as chosen. Raises
    FlowsError.
    """
    check_scene(context)
    picture = picture_fields(context, image)
    job = Job(
        Request(
            service=engine_settings(context).base_url,
            template=IMAGE_TO_MODEL,
            parameters=choice.parameters(IMAGE_TO_MODEL),
            destination=_destination(session, context, choice, stands_on),
            **picture,
        ),
    )
    return _several(context, choice, job)


def picture_fields(context: bpy.types.Context, image: str) -> dict[str, Any]:
    """The fields of a request that sends the picture at the path `image`. Raises UnreadableFile."""
    if not image:
        raise UnreadableFile(Message("No image is chosen."), Message("Choose an image file."))
    if "\0" in image:
        raise UnreadableFile
    path = Path(os.path.realpath(bpy.path.abspath(image)))
    try:
        str(path).encode()
    except UnicodeEncodeError:  # undecodable names, as old archives leave them on Linux
        raise UnreadableFile(
            Message("The name of the file is not in UTF-8."), Message("Give it another name.")
        ) from None
    mime = detect_image(path)
    longest = preferences(context).longest_side
    too_large = longest > 0 and max(picture_size(path) or (0,)) > longest
    is_sendable = mime in SENDABLE and not too_large
    return {
        "name": place.shortened(image_capture.name_of(path)),
        "picture": str(path),
        "input_path": str(path) if is_sendable else "",
        "input_mime": mime if mime and is_sendable else "",
        "source": "" if is_sendable else str(path),
    }


def check_scene(context: bpy.types.Context) -> None:
    """Raise FlowsError where no model can be made for the scene that is shown."""
    check_available(context)
    if context.scene.library is not None:
        raise LinkedScene


def _destination(
    session: Session, context: bpy.types.Context, choice: Choice, stands_on: Sequence[float] | None = None
) -> NewModel:
    """The destination of a new model, with what the preferences say about those. Raises NoBox."""
    where = choice.where if stands_on is None else ""
    destination = session.document.at_cursor(context)
    if where == "BOX":
        box = boxes.chosen_box(context)
        if box is None:
            raise NoBox
        destination = replace(destination, box=ref_of(box))
    if where == "SURFACE":
        stands_on = raycast.below(context, context.scene.cursor.location)[:]
    if stands_on is not None:
        destination = replace(destination, location=(*stands_on,), base=True)
    return replace(destination, **new_model_settings(context))


def new_model_settings(context: bpy.types.Context) -> dict[str, Any]:
    """The preferences about new models, as fields of `NewModel`, without those at their defaults."""
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


def _several(context: bpy.types.Context, choice: Choice, job: Job) -> list[Job]:
    """The job, or as many variants of it as are chosen, ready to be submitted. Raises NotSaved."""
    jobs = [with_order(context, variant) for variant in _variants(job, choice.variants)]
    if choice.then_optimize:
        count, percent = choice.then_goal
        maps = bake_settings(context, choice).to_text() if choice.then_bake else ""
        jobs = [with_followup(each, count, percent, choice.then_lods, maps) for each in jobs]
    return jobs


def _variants(job: Job, count: int) -> list[Job]:
    """So many jobs like this one, each with a seed of its own that the job records."""
    if count == 1:
        return [job]
    # The system's random source is used, because a script may have seeded `random`.
    first = job.request.parameters.get(SEED.name, SEED.default)
    seeds = (
        random.SystemRandom().sample(range(SEED.most), count)
        if first < 0
        else [(first + number) % (SEED.most + 1) for number in range(count)]
    )
    where = job.request.destination
    assert isinstance(where, NewModel)
    return [
        job.changed(
            token=uuid.uuid4().hex,
            name=f"{job.request.name} {number}",
            parameters={**job.request.parameters, SEED.name: seed},
            destination=replace(where, group=job.token, number=number),
        )
        for number, seed in enumerate(seeds, start=1)
    ]


def with_order(context: bpy.types.Context, job: Job) -> Job:
    """The job, with an order in its own folder if a converter has to make a PNG of its picture first.

    Each variant has an order of its own, because it may be removed while the others go on. Raises NotSaved.
    """
    if not job.request.picture or not job.request.source:
        return job
    picture = Path(job.request.source)  # the name of the picture may be as long as the disk allows
    name = f"{place.shortened(picture.stem)}{picture.suffix[:10]}.json"
    order = job_folder(context, job.token) / name
    copy = JobFolder(order.parent).input_copy(job.request.picture)
    wanted = {"picture": job.request.source, "kept": str(copy), "longest": preferences(context).longest_side}
    try:
        order.parent.mkdir(parents=True, exist_ok=True)
        order.write_text(json.dumps(wanted), encoding="utf-8")
    except OSError as error:
        message = Message("The results folder cannot be written to: {reason}", reason=plain_reason(error))
        raise NotSaved.because(message, error) from error
    return job.changed(source=str(order))
