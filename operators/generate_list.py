# SPDX-License-Identifier: GPL-3.0-or-later
"""Many models at once: a prompt on each line of a text, or a picture for each file of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from ..api import (
    IMAGE_TO_MODEL,
    TEXT_TO_MODEL,
    FlowsError,
    InputRefused,
    UnreadableFile,
    UnsupportedFile,
    check_prompt,
    detect_image,
)
from ..api.parameters import GENERATORS, POLYGON_COUNT, parameters_of
from ..cli.lists import UsageError, read_lines, read_list
from ..core.messages import Message, verbatim
from ..core.text import plain_reason
from ..formats.image_check import check_image
from ..i18n import translated
from ..jobs import Job
from ..session import current, requests
from ..session.options import GenerateOptions
from ..session.parameter_properties import names_of
from ..session.preferences import RELATIVE_PATH
from ..session.properties import image_suffixes, properties
from ..session.requests import Choice
from .submit_jobs import RequiresService, SubmitJobs, report_problem

DIALOG = 420  # pixels at scale 1

COLUMNS = ("prompt", "image", "optimize", *(parameter.name for parameter in parameters_of(*GENERATORS)))
"""What a list may have here; the command line knows more."""


GENERATE = names_of(GenerateOptions)
"""What can be chosen of each model."""


SENT_AS_THEY_ARE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
"""Suffixes of pictures whose first bytes tell what they are; of others only Blender knows."""


class ListedModel(NamedTuple):
    """A model, or variants of one. prompt, or image: its path. given: what else the list says of it."""

    prompt: str
    image: str
    given: dict[str, Any]


class NothingListed(InputRefused):
    """There is nothing to make models of."""

    message = Message("The list is empty.")
    fix = Message("Choose a text with a prompt on each line, or a folder with pictures.")


class BadList(InputRefused):
    """The list cannot be understood; why, is its own words."""

    message = Message("The list cannot be used.")
    fix = Message("Correct the list.")


def listed_models(kind: str, text: str, filepath: str, directory: str) -> list[ListedModel]:
    """What is to be made. kind: TEXT | FILE | FOLDER, and the one of the others that it means.

    Raises FlowsError where anything on the list could not be sent, so that all of it is, or nothing.
    """
    if kind == "TEXT":
        block: Any = bpy.data.texts.get(text)
        found = [_prompt(line.body) for line in block.lines if line.body.strip()] if block is not None else []
    elif kind == "FILE":
        found = _in_file(Path(bpy.path.abspath(filepath))) if filepath else []
    else:
        found = _in_folder(Path(bpy.path.abspath(directory))) if directory else []
    if not found:
        raise NothingListed
    for model in found:
        _check(model)
    return found


def _prompt(line: str) -> ListedModel:
    return ListedModel(line.strip(), "", {})


def _in_file(path: Path) -> list[ListedModel]:
    """A prompt a line, or the rows of a CSV or JSON Lines list. Raises BadList."""
    try:
        if path.suffix.lower() not in (".csv", ".jsonl"):
            return [_prompt(line) for line in read_lines(path)]
        rows = read_list(path)
    except UsageError as error:
        raise BadList(verbatim(str(error))) from error
    found: list[ListedModel] = []
    for row in rows:
        if unknown := sorted(row.keys() - {*COLUMNS}):
            raise BadList(
                Message('The column "{name}" works only on the command line.', name=unknown[0]),
                Message("Remove it from the list."),
            )
        given = {name: value for name, value in row.items() if name not in ("prompt", "image", "optimize")}
        if "optimize" in row:
            given |= {"then_optimize": True, "then_count": POLYGON_COUNT.read(row["optimize"], "optimize")}
        found.append(ListedModel(str(row.get("prompt", "")).strip(), str(row.get("image", "")), given))
    return found


def _in_folder(folder: Path) -> list[ListedModel]:
    """A picture for each file that Blender can read, by name. Raises UnreadableFile."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in image_suffixes())
    except OSError as error:
        raise UnreadableFile(
            Message("The folder cannot be read: {reason}", reason=plain_reason(error)),
            Message("Choose another folder."),
        ) from error
    return [
        ListedModel("", str(path), {}) for path in paths if not path.name.startswith(".") and path.is_file()
    ]


def _check(model: ListedModel) -> None:
    """Raise FlowsError for what could not be sent."""
    if model.image:
        path = Path(model.image)
        problem = check_image(path, image_suffixes()).problem
        if not problem and path.suffix.lower() in SENT_AS_THEY_ARE and detect_image(path) is None:
            problem = UnsupportedFile.message
        if problem:
            raise BadList(Message("{name}: {message}", name=path.name, message=problem))
    else:
        check_prompt(model.prompt)


def _count(operator: Any, _context: bpy.types.Context) -> None:
    """Note what is on the list that has just been chosen, so that drawing need not read it."""
    try:
        found = listed_models(operator.kind, operator.text, operator.filepath, operator.directory)
        operator.count, operator.problem = len(found), ""
    except FlowsError as error:
        operator.count, operator.problem = 0, translated(error.message)


class GENERIO_OT_generate_list(GenerateOptions, RequiresService, SubmitJobs, bpy.types.Operator):
    """Generate a model from each line of a text, or from each picture in a folder"""

    bl_idname = "generio.generate_list"
    bl_label = "Generate from List"

    if TYPE_CHECKING:
        kind: str
        text: str
        filepath: str
        directory: str
        count: int
        problem: str
    else:
        kind: bpy.props.EnumProperty(
            name="List",
            description="Where the prompts or pictures are",
            items=(
                ("TEXT", "Text", "A text in this file, with a prompt on each line"),
                ("FILE", "File", "A text file with a prompt on each line, or a CSV list with prompts"),
                ("FOLDER", "Pictures", "A folder with a picture for each model"),
            ),
            update=_count,
        )
        text: bpy.props.StringProperty(
            name="Text", description="A text in this file", options={"SKIP_SAVE"}, update=_count
        )
        filepath: bpy.props.StringProperty(
            name="File",
            description="A .txt, .csv or .jsonl file",
            subtype="FILE_PATH",
            options={"SKIP_SAVE"} | RELATIVE_PATH,
            update=_count,
        )
        directory: bpy.props.StringProperty(
            name="Folder",
            description="The folder with the pictures",
            subtype="DIR_PATH",
            options={"SKIP_SAVE"} | RELATIVE_PATH,
            update=_count,
        )
        count: bpy.props.IntProperty(options={"HIDDEN", "SKIP_SAVE"})
        problem: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.text and len(bpy.data.texts) == 1:
            self.text = bpy.data.texts[0].name
        return context.window_manager.invoke_props_dialog(self, width=DIALOG, confirm_text="Generate")

    def draw(self, context: bpy.types.Context) -> None:
        from ..panels.widgets import wrapped  # a dialog is a panel, too

        layout = self.layout
        layout.row().prop(self, "kind", expand=True)
        if self.kind == "TEXT":
            layout.prop_search(self, "text", bpy.data, "texts", text="", icon="TEXT")
        else:
            layout.prop(self, "filepath" if self.kind == "FILE" else "directory", text="")
        width = int(DIALOG * context.preferences.system.ui_scale)
        if self.problem:
            wrapped(layout, self.problem, width, "INFO")
            return
        variants = properties(context).variants
        text = Message("{count:,} models will be made, each a separate job", count=self.count * variants)
        wrapped(layout, translated(text), width, "SHADERFX")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            found = listed_models(self.kind, self.text, self.filepath, self.directory)
            choices = [self._choice(context, model) for model in found]
        except FlowsError as error:
            return report_problem(self, error)
        parts = self._jobs_of(context, found, choices)
        return self.submit_parts(context, parts, len(found), modal=self.options.is_invoke)

    def _choice(self, context: bpy.types.Context, model: ListedModel) -> Choice:
        """What is chosen for one model. Raises BadParameter."""
        own = self.properties
        chosen = {name: getattr(self, name) for name in GENERATE if own.is_property_set(name)}
        choice = Choice({**chosen, **model.given}, properties(context))
        choice.parameters(IMAGE_TO_MODEL if model.image else TEXT_TO_MODEL)
        return choice

    def _jobs_of(
        self, context: bpy.types.Context, found: list[ListedModel], choices: list[Choice]
    ) -> Iterator[list[Job]]:
        for model, choice in zip(found, choices, strict=True):
            if model.image:
                yield requests.generate_from_image(current(), context, choice, model.image)
            else:
                yield requests.generate_from_prompt(current(), context, choice, model.prompt)


CLASSES = (GENERIO_OT_generate_list,)
