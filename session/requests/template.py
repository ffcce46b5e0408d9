# SPDX-License-Identifier: GPL-3.0-or-later
"""A flow of a template that this version does not know becomes a job, whose models are new ones."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import bpy

from ...api import MOST_TEXELS, InputRefused, NotSaved, check_prompt
from ...api.descriptions import InputKind
from ...api.form_fields import Field
from ...api.forms import TemplateForm
from ...core.messages import Message
from ...core.text import plain_reason
from ...jobs import Job, Request
from ...scene.export.evaluate import batches
from ...scene.export.selection import unsuitable_reason
from ...scene.export.snapshot import write_snapshot
from ...scene.export.texture_limit import TextureLimit
from ...scene.meshes import mesh_of
from ...scene.place import place
from ..preferences import engine_settings, job_folder
from ..properties import GenerioProperties, properties
from ..session import Session
from ..template_fields import form_of
from .generate import check_scene, new_model_settings, picture_fields, with_order


class NoInput(InputRefused):
    """A template is to be run without an input, or with one that it does not take."""

    message = Message("The template needs an input.")
    fix = Message("Provide a text, a picture, or a mesh object.")


class NotRunnable(InputRefused):
    """The template asks for something that this version cannot send."""

    message = Message("This template cannot be used here.")
    fix = Message("Look for an update of this extension.")


class TemplateInput(NamedTuple):
    """The input of a template: a prompt, the path of an image, or the mesh object `item`."""

    prompt: str = ""
    image: str = ""
    item: bpy.types.Object | None = None

    @property
    def kind(self) -> InputKind | None:
        """Which of the three is given; None if none or several are."""
        given: dict[InputKind, object] = {
            "TEXT": self.prompt.strip(),
            "IMAGE": self.image,
            "MODEL": self.item,
        }
        kinds: list[InputKind] = [kind for kind, value in given.items() if value]
        return kinds[0] if len(kinds) == 1 else None


def form_for(context: bpy.types.Context, template: str, given: Mapping[str, object]) -> TemplateForm:
    """The form of a template, as it was listed; if it was not, one that accepts all values unchecked."""
    for row in properties(context).templates:
        if row.name == template:
            return form_of(row.form)
    fields = tuple(
        Field(name, "text" if isinstance(value, str) else "json", name) for name, value in given.items()
    )
    return TemplateForm(template, inputs=("TEXT", "IMAGE", "MODEL"), fields=fields)


def chosen_input(context: bpy.types.Context, panel: GenerioProperties) -> TemplateInput:
    """The input that is chosen in the panel."""
    match panel.template_source:
        case "TEXT":
            return TemplateInput(prompt=panel.template_prompt)
        case "IMAGE":
            return TemplateInput(image=panel.template_image)
        case _:
            return TemplateInput(item=chosen_mesh(context))


def chosen_mesh(context: bpy.types.Context) -> bpy.types.Object | None:
    """The mesh object that is sent: the active one, if it is selected."""
    item = context.active_object
    return item if item is not None and item.type == "MESH" and item.select_get() else None


def run_template(
    session: Session,
    context: bpy.types.Context,
    form: TemplateForm,
    given: Mapping[str, object],
    source: TemplateInput,
) -> list[Job]:
    """The job that runs a template. Raises FlowsError.

    given: values of its parameters, by name; for the others, the service's defaults apply.
    """
    check_scene(context)
    check(form, given, source)
    parameters = form.read(given)
    token = uuid.uuid4().hex
    fields: dict[str, Any]
    if source.kind == "TEXT":
        prompt = source.prompt.strip()
        check_prompt(prompt)
        fields = {"name": place.shortened(prompt), "prompt": prompt}
    elif source.kind == "IMAGE":
        fields = picture_fields(context, source.image)
    else:
        assert source.item is not None
        fields = _model_fields(session, context, source.item, token)
    destination = replace(session.document.at_cursor(context), **new_model_settings(context))
    job = Job(
        Request(
            service=engine_settings(context).base_url,
            template=form.name,
            parameters=parameters,
            destination=destination,
            **fields,
        ),
        token=token,
    )
    return [with_order(context, job)]


def check(form: TemplateForm, given: Mapping[str, object], source: TemplateInput) -> None:
    """Raise subclasses of InputRefused for faults that show without reading any file."""
    if form.obstacle:
        raise NotRunnable(form.obstacle)
    if source.kind not in form.inputs:
        raise NoInput(_WANTED[form.inputs[0]]) if len(form.inputs) == 1 else NoInput
    form.read(given)


_WANTED: dict[InputKind, Message] = {
    "TEXT": Message("The template needs a text."),
    "IMAGE": Message("The template needs a picture."),
    "MODEL": Message("The template needs a mesh object."),
}


def _model_fields(
    session: Session, context: bpy.types.Context, item: bpy.types.Object, token: str
) -> dict[str, Any]:
    """The fields of a request that sends the mesh of an object, modifiers applied. Raises FlowsError."""
    reason = unsuitable_reason(item, mesh_of(item)) if item.type == "MESH" else Message("it is not a mesh")
    if reason:
        raise NoInput(Message('"{name}" cannot be sent: {reason}.', name=item.name, reason=reason))
    # It is not named as snapshots for `optimize` are: the result is a new model, not to be aligned with it.
    path = job_folder(context, token) / f"model-{uuid.uuid4().hex}.blend"
    try:
        with batches(context, {mesh_of(item): [item]}, apply=True, everywhere=False) as (batch, *_):
            if not len(batch.mesh.polygons):
                raise NoInput(
                    Message(
                        '"{name}" cannot be sent: {reason}.',
                        name=item.name,
                        reason=Message("its modifiers make no faces"),
                    )
                )
            write_snapshot(
                item,
                path,
                evaluated=batch.mesh if batch.applied else None,
                textures=TextureLimit(0, MOST_TEXELS),
                later=session.slices.add,
            )
    except (RuntimeError, OSError) as error:
        message = Message("The selection cannot be written to disk: {reason}", reason=plain_reason(error))
        raise NotSaved.because(message, error) from error
    return {"name": place.shortened(item.name), "source": str(path)}
