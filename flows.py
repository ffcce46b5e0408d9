# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python API, for the console, handlers, background scripts and other add-ons.

    from bl_ext.user_default.generio_flows import flows

    chair = flows.generate("A modern office chair", quality="low")
    flows.wait(chair)
    print(chair.objects)

Everything is to be called on the main thread, as all of bpy. Nothing but `wait` and `export` waits: in a
window models arrive by themselves, and `subscribe` tells when. In the background, where Blender has no
timers, they arrive while `wait` waits. Jobs are those of the panel: they are listed there, survive a restart,
and run once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import bpy

from .api import FlowsError
from .api.forms import KNOWN
from .api.parameters import POLYGON_COUNT
from .core.messages import Message
from .engine.client import EngineClient
from .jobs import STATES, Job, LedgerError, Step
from .jobs.job_folder import preview_path, report_path
from .scene.export.selection import BUDGET, COUNT, PERCENT
from .scene.game.collision import TRIANGLES
from .scene.game.export import GameExport, plan
from .scene.game.profiles import PROFILES, SHAPES
from .scene.game.subjects import FILES
from .scene.place import place
from .session import current, is_running, requests, waiting
from .session.model_report import Comparison, Figures, ModelReport, read_report
from .session.options import ONE_MODEL, BakeOptions, GenerateOptions, OptimizeOptions
from .session.requests.choice import PERCENT_NAME
from .session.requests.lod_counts import PRESETS
from .session.session import Session

__all__ = [
    "Comparison",
    "Engine",
    "Error",
    "Failed",
    "Figures",
    "Model",
    "ModelReport",
    "Quality",
    "Refused",
    "bake",
    "export",
    "generate",
    "lods",
    "models",
    "optimize",
    "run",
    "subscribe",
    "wait",
]

Quality = Literal["low", "high"]

Engine = Literal["unreal", "unity", "godot", "gltf", "glb", "fbx", "usd"]
"""What files are exported for."""

SEVERAL_JOBS = {
    "variants": "Call it once for each variant, with another seed.",
    "then_optimize": "Call optimize with its objects when it is done.",
}
"""Properties of the operators that make more than one job, and what to do instead."""


class Error(Exception):
    """What this module raises, but for KeyError and TimeoutError; the text says why, and what to do."""


class Refused(Error):
    """What was asked for was not done, and nothing was sent; the text says why, and what to do."""


class Failed(Error):
    """A model could not be made; the text says why, and what to do. `model` is the one."""

    def __init__(self, model: "Model") -> None:
        super().__init__(f"{model.name}: {model.problem}")
        self.model = model


@dataclass(frozen=True)
class Model:
    """A model on its way, or here: a view of one job. token: the job's, unique and stable over restarts."""

    token: str

    @property
    def job(self) -> Job:
        """All that is known about it.

        Raises KeyError where it has been removed from the list of jobs, Refused where the add-on is disabled.
        """
        job = _engine().job(self.token)
        if job is None:
            raise KeyError(self.token)
        return job

    @property
    def name(self) -> str:
        """What the panel calls it."""
        return self.job.request.name

    @property
    def state(self) -> str:
        """As the panel shows it, in English: "Queued", "Running", "Done", "Failed" …."""
        return STATES[self.job.state].label

    @property
    def progress(self) -> float | None:
        """0 to 1 of the present state, None where nobody knows."""
        return self.job.run.progress

    @property
    def done(self) -> bool:
        """Whether it stands in the scene, or its files where they were to be exported to."""
        return self.job.status.step is Step.PLACED

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself: it is done, failed, cancelled, or waits for the user."""
        return current().is_over(self.job)

    @property
    def problem(self) -> str:
        """What went wrong, or holds it up, with what to do about it; or ""."""
        problem = self.job.status.problem
        return f"{problem.message} {problem.fix}".strip() if problem else ""

    @property
    def files(self) -> list[Path]:
        """The GLB files that the service made, each checked, what else a template made, or what was exported.

        Empty until they are there, and of a bake.
        """
        made = self.job.placement
        paths = (
            *(result.glb for result in made.results),
            *made.files,
            *(file.path for file in made.delivered),
        )
        return [Path(path) for path in paths if path]

    @property
    def flow_id(self) -> str:
        """What the service calls the flow; "" before there is one."""
        return self.job.run.flow_id

    @property
    def report(self) -> ModelReport | None:
        """Figures of the model, and for an optimized mesh how it compares; None before it is there."""
        path = self._converted
        return read_report(report_path(path)) if path else None

    @property
    def thumbnail(self) -> Path | None:
        """A square PNG of the model with a clear background, drawn soon after the model came; else None.

        In the background none is drawn.
        """
        path = self._converted
        picture = preview_path(path) if path else None
        return picture if picture is not None and picture.is_file() else None

    @property
    def _converted(self) -> Path | None:
        """The .blend that the first result was converted to, whether it is still there or not."""
        return next((Path(result.blend) for result in self.job.placement.results if result.blend), None)

    @property
    def objects(self) -> list[bpy.types.Object]:
        """The objects of the open file that it has become."""
        return place.objects_of_result(self.token)

    def cancel(self) -> None:
        """Stop it, here and at the service. Raises Refused where the list of jobs cannot be written."""
        with _written():
            _engine().cancel(self.token)

    def retry(self) -> None:
        """Try a failed one again; what the service has made already is fetched, not made again.

        Raises Refused where the list of jobs cannot be written.
        """
        with _written():
            _engine().retry(self.token)


def generate(
    prompt: str = "",
    *,
    image: str | Path = "",
    quality: Quality | None = None,
    seed: int | None = None,
    texture: bool | None = None,
    **options: Any,
) -> Model:
    """Ask for a model of a prompt, or of a picture or sketch; it comes to the 3D cursor of the open file.

    quality, seed, texture: what is None is left to the panel, and where nothing was chosen there, to the
    service. options: further properties of the operators `generio.generate_from_prompt` and
    `generio.generate_from_image`, but for their input and for those that make it several jobs, which it never
    is, whatever the panel has. Returns at once. Raises Refused.
    """
    if bool(prompt) == bool(image):
        raise Refused("A model is made from either a prompt or an image.")
    given = ONE_MODEL | {"quality": quality, "seed": seed, "texture": texture} | options
    for name, fix in SEVERAL_JOBS.items():
        if given[name] != ONE_MODEL[name]:
            raise Refused(f"generate returns one model. {fix}")
    with _asking() as session:
        choice = requests.Choice.of_script(given, GenerateOptions, bpy.context)
        if image:
            jobs = requests.generate_from_image(session, bpy.context, choice, str(image))
        else:
            jobs = requests.generate_from_prompt(session, bpy.context, choice, prompt)
        (model,) = _submitted(session, jobs)
    return model


def optimize(
    objects: bpy.types.Object | Sequence[bpy.types.Object],
    *,
    ratio: float | None = None,
    triangles: int | None = None,
    budget: int | None = None,
    **options: Any,
) -> list[Model]:
    """Ask for lighter meshes for these objects.

    ratio: of the triangles that each mesh had before it was ever optimized, 0 to 1. triangles: for each.
    budget: triangles of all together, in proportion to what each has. One of them may be given; where none
    is, the panel says it. options: further properties of the operator `generio.optimize_selected`;
    `placement` says whether the objects themselves get the new meshes. Returns at once, one model for each
    mesh that gets lighter: what has no more triangles than it is to have is not sent. Raises Refused.
    """
    chosen = _several(objects)
    if not chosen:
        raise Refused("There are no objects to optimize.")
    targets = {
        "ratio": {"target": PERCENT, PERCENT_NAME: None if ratio is None else 100.0 * ratio},
        "triangles": {"target": COUNT, POLYGON_COUNT.name: triangles},
        "budget": {"target": BUDGET, POLYGON_COUNT.name: budget},
    }
    values = {"ratio": ratio, "triangles": triangles, "budget": budget}
    given = [name for name, value in values.items() if value is not None]
    if len(given) > 1:
        raise Refused(f"A mesh gets one target, not {' and '.join(given)}.")
    with _asking() as session:
        wish = {**options, **(targets[given[0]] if given else {})}
        choice = requests.Choice.of_script(wish, OptimizeOptions, bpy.context)
        jobs = requests.optimize(session, bpy.context, choice, chosen, requests.Requester(_print))
        return _submitted(session, jobs)


def bake(objects: bpy.types.Object | Sequence[bpy.types.Object], **options: Any) -> list[Model]:
    """Bake the detail that these optimized objects, or levels of detail, have lost; costs nothing.

    options: properties of the operator `generio.bake_detail`; what is not given is as the panel has it.
    Returns at once, one model for each mesh. Raises Refused.
    """
    chosen = [objects] if isinstance(objects, bpy.types.Object) else list(objects)
    if not chosen:
        raise Refused("There are no objects to bake.")
    with _asking() as session:
        choice = requests.Choice.of_script(options, BakeOptions, bpy.context)
        jobs = requests.bake(session, bpy.context, choice, chosen, requests.Requester(_print))
        return _submitted(session, jobs)


def lods(
    objects: bpy.types.Object | Sequence[bpy.types.Object],
    *,
    percents: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    show: Literal["hide", "beside", "switch"] = "hide",
    **options: Any,
) -> list[Model]:
    """Ask for levels of detail of these objects; what is there already, and not stale, is not made again.

    percents: of the original's triangles, for level 1, level 2 and so on; by default 50, 25 and 12.5. counts:
    of triangles, instead. show: whether the levels are hidden, stand beside the objects, or are shown one at
    a time, by how large the object is in the picture of the scene's camera. options: further properties of
    the operator `generio.optimize_selected`. Returns at once, one model for each level. Raises Refused.
    """
    if percents is not None and counts is not None:
        raise Refused("Levels have percents or counts, not both.")
    _check_word("show", show, ("hide", "beside", "switch"))
    with _asking() as session:
        wanted = (
            requests.by_counts(counts)
            if counts is not None
            else requests.by_percents(PRESETS["HALVES"] if percents is None else percents)
        )
        choice = requests.Choice.of_script(options, OptimizeOptions, bpy.context)
        shown: Any = show.upper()
        requester = requests.Requester(_print)
        jobs = requests.make_lods(session, bpy.context, choice, _several(objects), wanted, requester, shown)
        return _submitted(session, jobs)


def run(
    template: str,
    *,
    prompt: str = "",
    image: str | Path = "",
    mesh: bpy.types.Object | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Model:
    """Run a template of the service that has no function of its own here, with one input.

    template: its name. prompt, image, mesh: what is sent, one of them: a text, the path of a picture, or a
    mesh object with its modifiers applied. parameters: as the service names them; what is left out is left to
    the service. They are checked where the templates were listed, in the panel or by
    `bpy.ops.generio.list_templates()`, and else sent as they are.

    A model that it makes comes to the 3D cursor of the open file. What else it makes is in `files`: then the
    model is over, and never done. Returns at once. Raises Refused.
    """
    if template in KNOWN:
        raise Refused("This template has a function of its own: generate or optimize.")
    source = requests.TemplateInput(prompt, str(image), mesh)
    with _asking() as session:
        given = parameters or {}
        form = requests.form_for(bpy.context, template, given)
        (model,) = _submitted(session, requests.run_template(session, bpy.context, form, given, source))
    return model


def export(
    objects: bpy.types.Object | Sequence[bpy.types.Object],
    path: str | Path,
    engine: Engine,
    *,
    files: Literal["one", "object", "collection"] = "one",
    own_folder: bool = False,
    collision: Literal["none", "hull", "box"] = "none",
    collision_triangles: int = TRIANGLES,
    each_part: bool = False,
    embed: bool = True,
) -> list[Path]:
    """Write these models, with their levels of detail and collision shapes, for a game engine.

    path: the file, or where there are several the folder. files: whether all go into one file, where they
    stand in the scene, or each model or each collection into a file of its own; own_folder: each in a folder
    of its own. collision: the shapes to make for models that have none, for Unreal, Unity and Godot;
    collision_triangles: that a hull may have; each_part: whether each loose part gets a shape. embed: whether
    textures are in an FBX, or beside it. Waits for a second Blender to write the files, as `wait` does, and
    returns them; the operator `generio.export_for_engine` does the same without waiting in a window. Nothing
    is sent. Raises Refused, and Failed where a file cannot be written.
    """
    _check_enabled()
    _check_word("engine", engine, PROFILES)
    _check_word("files", files, [name.lower() for name, *_ in FILES])
    _check_word("collision", collision, [name.lower() for name, *_ in SHAPES])
    wish = GameExport(
        engine=engine,
        path=Path(bpy.path.abspath(str(path))),
        files=files.upper(),
        own_folder=own_folder,
        shapes=collision.upper(),
        triangles=collision_triangles,
        each_part=each_part,
        embed=embed,
    )
    with _asking() as session:
        parts = requests.export_in_parts(session, bpy.context, plan(bpy.context, _several(objects), wish))
        (model,) = _submitted(session, [job for part in parts for job in part])
    wait(model)
    return model.files


def _check_word(name: str, value: str, known: Iterable[str]) -> None:
    """Raises Refused where an argument is none of the words that it may be."""
    if value not in [*known]:
        raise Refused(f"{name} must be one of {', '.join(known)}, not {value}.")


def _several(objects: bpy.types.Object | Sequence[bpy.types.Object]) -> list[bpy.types.Object]:
    return [objects] if isinstance(objects, bpy.types.Object) else list(objects)


def models() -> list[Model]:
    """All models of the list of jobs, oldest first."""
    return [Model(job.token) for job in _engine().jobs()]


def wait(*wanted: Model, timeout: float | None = None, check: bool = True) -> None:
    """Wait until all of these are over. A window stands still meanwhile: there, rather `subscribe`.

    A listener may wait, too: it is not called meanwhile, and what is new by then is told after it.

    timeout: seconds, after which TimeoutError is raised; the jobs go on. check: raise Failed for the first
    that is not done. Raises Refused where the end would never come: in a handler that Blender calls while a
    model is placed, and when the add-on is disabled meanwhile.
    """
    _engine()
    tokens = [model.token for model in wanted]
    try:
        waiting.run_until(bpy.context, tokens, watch=lambda _: None, timeout=timeout)
    except waiting.CannotWait as error:
        raise Refused(str(error)) from None
    if check:
        for model in wanted:
            if not (model.done or model.job.has_only_files):
                raise Failed(model)


def subscribe(listener: Callable[[Model], object]) -> Callable[[], None]:
    """Have `listener` called with each model whose state or progress has changed; returns what ends that.

    It is called on the main thread and may change the scene. Disabling the add-on ends it, opening another
    file does not. Raises Refused where the add-on is disabled.
    """
    _check_enabled()

    def heard(job: Job) -> None:
        listener(Model(job.token))

    def end() -> None:
        with suppress(ValueError):
            current().listeners.remove(heard)

    current().listeners.append(heard)
    return end


def _check_enabled() -> None:
    if not is_running():
        raise Refused(
            "GENERIO Flows is disabled. Enable it in the preferences, and import this module again."
        )


def _engine() -> EngineClient:
    """The engine, by which is known how the jobs are at this moment. Raises Refused."""
    _check_enabled()
    with _written():
        session = current()
        engine = session.open_engine(bpy.context)
        if not session.is_calling_listeners:  # else a listener would see what it is told once more after this
            engine.pump()  # a script that looks again and again may do so between two ticks
    return engine


@contextmanager
def _written() -> Iterator[None]:
    """Raises Refused where the list of jobs cannot be opened or written."""
    try:
        yield
    except LedgerError as error:
        raise Refused(f"{error} {error.fix}".strip()) from None


@contextmanager
def _asking() -> Iterator[Session]:
    """The session, for a request. Raises Refused for what stands in the way."""
    _check_enabled()
    try:
        yield current()
    except FlowsError as error:
        raise Refused(str(error)) from error


def _submitted(session: Session, jobs: list[Job]) -> list[Model]:
    """The models of jobs that are handed over, without waiting for them. Raises FlowsError."""
    return [Model(job.token) for job in requests.submit(session, bpy.context, jobs)] if jobs else []


def _print(_level: str, message: Message) -> None:
    """Say on the terminal what a script may want to know."""
    print(f"GENERIO: {message}", flush=True)  # noqa: T201
