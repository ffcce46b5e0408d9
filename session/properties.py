# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels edit, and the view of the jobs that they draw.

Both live in the window manager: they are not part of a .blend, and undo does not touch them. The truth about
jobs is the engine's.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import bpy

from ..formats.image_check import ImageCheck, check_image
from ..jobs.states import State
from .options import GeneratePanelOptions, OptimizeOptions
from .preferences import RELATIVE_PATH
from .template_fields import GenerioField, form_of, make_rows

JOB_STATES = (
    ("ALL", "All", "Every job", "FILTER", 0),
    ("OPEN", "Unfinished", "Jobs that are queued, running or waiting", "PLAY", 1),
    ("READY", "To Import", "Finished jobs whose models are not in a scene yet", "IMPORT", 2),
    ("OVER", "Done", "Jobs whose models are in a scene, and canceled jobs", "CHECKMARK", 3),
    ("TROUBLE", "With Problems", "Jobs that failed or wait for you", "ERROR", 4),
    ("FAVORITE", "Favorites", "Jobs that are your favorites", "SOLO_ON", 5),
)


JOB_VIEWS = (
    ("LIST", "List", "All jobs, in a list", "LINENUMBERS_OFF", 0),
    ("GRID", "Pictures", "The pictures of finished models", "IMGDISPLAY", 1),
)


class GenerioJob(bpy.types.PropertyGroup):
    """One row of the job list, as it is drawn; what changes with time alone is in `panels.progress`."""

    if TYPE_CHECKING:
        token: str
        state: str
        message: str
        fix: str
        remedy: str
        prompt: str
        settings: str
        summary: str
        thumbnail: str
        flow_id: str
        finished: bool
        importable: bool
        placed: bool
        files_only: bool
        elsewhere: bool
        clearable: bool
        favorite: bool
    else:
        token: bpy.props.StringProperty()
        # Rows of a version before this one, which Blender keeps when the add-on is updated, may say anything.
        state: bpy.props.EnumProperty(items=[(state.value, state.value, "") for state in State])
        message: bpy.props.StringProperty()
        fix: bpy.props.StringProperty()
        remedy: bpy.props.StringProperty()
        prompt: bpy.props.StringProperty()
        settings: bpy.props.StringProperty()
        summary: bpy.props.StringProperty()
        thumbnail: bpy.props.StringProperty()
        flow_id: bpy.props.StringProperty()
        finished: bpy.props.BoolProperty()
        importable: bpy.props.BoolProperty()
        placed: bpy.props.BoolProperty()
        files_only: bpy.props.BoolProperty()
        elsewhere: bpy.props.BoolProperty()
        clearable: bpy.props.BoolProperty()
        favorite: bpy.props.BoolProperty()


def _check_image(panel: "GenerioProperties", _context: bpy.types.Context) -> None:
    """Note what kind of picture was chosen, so that drawing need not open the file.

    At once, and not in a thread: scripts go on with it, and whoever has just chosen it woke the drive.
    """
    found = check_image(image_path(panel), image_suffixes()) if panel.image else ImageCheck("")
    panel.image_version, panel.image_note, panel.image_problem = found


def image_path(panel: "GenerioProperties") -> Path:
    """Where the chosen picture lies."""
    return Path(bpy.path.abspath(panel.image))


def image_suffixes() -> Collection[str]:
    """Of the pictures that Blender can read."""
    return bpy.path.extensions_image  # type: ignore[attr-defined]


class GenerioFinding(bpy.types.PropertyGroup):
    """One line of what the connection doctor has found; see `api.doctor.Finding`."""

    if TYPE_CHECKING:
        verdict: str
        message: str
        fix: str
        remedy: str
    else:
        verdict: bpy.props.StringProperty()
        message: bpy.props.StringProperty()
        fix: bpy.props.StringProperty()
        remedy: bpy.props.StringProperty()


class GenerioFlow(bpy.types.PropertyGroup):
    """A flow of the account; `name` is its id."""

    if TYPE_CHECKING:
        template: str
        state: str
        created: str
        is_listed: bool
    else:
        template: bpy.props.StringProperty()
        state: bpy.props.StringProperty()
        created: bpy.props.StringProperty()
        is_listed: bpy.props.BoolProperty()


class GenerioTemplate(bpy.types.PropertyGroup):
    """A template that this version does not know; `name` is the service's, `form` what it asks for."""

    if TYPE_CHECKING:
        form: str
    else:
        form: bpy.props.StringProperty()


def _show_form(panel: "GenerioProperties", _context: bpy.types.Context) -> None:
    """Let the panel have the fields of the template that was chosen, unless it has them already."""
    is_chosen = 0 <= panel.active_template < len(panel.templates)
    form_text = panel.templates[panel.active_template].form if is_chosen else ""
    if form_text == panel.shown_form:
        return
    panel.shown_form = form_text
    if not form_text:
        panel.template_fields.clear()
        return
    form = form_of(form_text)
    make_rows(panel.template_fields, form)
    if panel.template_source not in form.inputs:
        panel.template_source = form.inputs[0]


class GenerioProperties(OptimizeOptions, GeneratePanelOptions, bpy.types.PropertyGroup):
    """What the panels edit."""

    if TYPE_CHECKING:
        source: str
        prompt: str
        image: str
        image_note: str
        image_problem: str
        image_version: str
        scene_budget: int
        jobs: Any
        active_job: int
        job_view: str
        gallery_page: int
        job_search: str
        job_states: str
        flows_listed: bool
        flows: Any
        active_flow: int
        templates_listed: bool
        templates: Any
        active_template: int
        shown_form: str
        template_fields: Any
        template_source: str
        template_prompt: str
        template_image: str
        findings: Any
        checking: bool
    else:
        source: bpy.props.EnumProperty(
            name="Source",
            description="What the model is made from",
            items=(("TEXT", "Text", "From a description"), ("IMAGE", "Image", "From a picture or sketch")),
        )
        prompt: bpy.props.StringProperty(
            name="Prompt", description="What to generate, in your own words", options={"TEXTEDIT_UPDATE"}
        )
        image: bpy.props.StringProperty(
            name="Image",
            description="The picture or sketch to make a model from: PNG, JPEG, WebP, TIFF, "
            "and what else Blender can read",
            subtype="FILE_PATH",
            options=RELATIVE_PATH,
            update=_check_image,
        )
        image_note: bpy.props.StringProperty()
        image_problem: bpy.props.StringProperty()
        image_version: bpy.props.StringProperty()
        scene_budget: bpy.props.IntProperty(
            name="Budget",
            description="Number of triangles that the whole scene may have",
            default=1_000_000,
            min=1,
            soft_min=1000,
            step=10_000,
        )
        jobs: bpy.props.CollectionProperty(type=GenerioJob)
        active_job: bpy.props.IntProperty(name="Job", description="The job whose details are shown")
        flows_listed: bpy.props.BoolProperty()
        flows: bpy.props.CollectionProperty(type=GenerioFlow)
        active_flow: bpy.props.IntProperty(name="Flow", description="The flow that is chosen in the list")
        templates_listed: bpy.props.BoolProperty()
        templates: bpy.props.CollectionProperty(type=GenerioTemplate)
        active_template: bpy.props.IntProperty(
            name="Template", description="The template that is chosen in the list", update=_show_form
        )
        shown_form: bpy.props.StringProperty()
        template_fields: bpy.props.CollectionProperty(type=GenerioField)
        template_source: bpy.props.EnumProperty(
            name="Input",
            description="What is sent to the template",
            items=(
                ("TEXT", "Text", "A text"),
                ("IMAGE", "Image", "A picture file"),
                ("MODEL", "Model", "The mesh of the active object, with its modifiers applied"),
            ),
        )
        template_prompt: bpy.props.StringProperty(
            name="Text", description="What is sent, in your own words", options={"TEXTEDIT_UPDATE"}
        )
        template_image: bpy.props.StringProperty(
            name="Image", description="The picture that is sent", subtype="FILE_PATH", options=RELATIVE_PATH
        )
        findings: bpy.props.CollectionProperty(type=GenerioFinding)
        checking: bpy.props.BoolProperty()
        job_view: bpy.props.EnumProperty(name="View", description="How the jobs are shown", items=JOB_VIEWS)
        gallery_page: bpy.props.IntProperty(
            name="Page", description="Which pictures are shown", default=1, min=1
        )
        job_search: bpy.props.StringProperty(
            name="Search Jobs",
            description="Show only jobs with these words in their name, prompt or flow ID",
            options={"TEXTEDIT_UPDATE", "SKIP_SAVE"},
        )
        job_states: bpy.props.EnumProperty(
            name="Show Jobs", description="Show only jobs in this state", items=JOB_STATES
        )


def properties(context: bpy.types.Context) -> GenerioProperties:
    """What the panels edit."""
    return cast(GenerioProperties, context.window_manager.generio)  # type: ignore[attr-defined]


def register() -> None:
    """Hang the properties onto the window manager."""
    bpy.types.WindowManager.generio = bpy.props.PointerProperty(type=GenerioProperties)  # type: ignore[attr-defined]


def unregister() -> None:
    """Take them off again."""
    del bpy.types.WindowManager.generio  # type: ignore[attr-defined]


CLASSES = (GenerioJob, GenerioFinding, GenerioFlow, GenerioTemplate, GenerioField, GenerioProperties)
