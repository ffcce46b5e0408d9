"""Whatever goes wrong, the panel has the button that mends it."""

import os
import re
import shutil
import time
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import bpy
import pytest
from generio_flows.core.messages import Message
from PIL import Image

from tests.blender import scenes


class Layout:
    """Stands for a layout: notes texts and the operators of buttons."""

    def __init__(self) -> None:
        self.buttons: list[str] = []
        self.texts: list[str] = []

    def operator(self, name: str, **_options: Any) -> Any:
        self.buttons.append(name)
        return type("Properties", (), {})()

    def progress(self, text: str = "", **_options: Any) -> None:
        self.texts.append(text)

    def label(self, text: str = "", **_options: Any) -> None:
        self.texts.append(text)

    def panel(self, *_arguments: Any, **_options: Any) -> tuple["Layout", "Layout"]:
        return self, self

    def __getattr__(self, _name: str) -> Any:
        return lambda *_arguments, **_options: self


class Context:
    """Blender's context, with a sidebar."""

    def __init__(self, width: int = 330) -> None:
        self.region = type("Region", (), {"width": width})

    def __getattr__(self, name: str) -> Any:
        return getattr(bpy.context, name)


@pytest.fixture(autouse=True)
def unwrapped(addon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a window the interface has no scale, by which widths could be judged."""
    panels = addon.panels
    for module in (panels.jobs, panels.optimize, panels.generate):
        monkeypatch.setattr(module, "wrapped", lambda layout, text, *_, **_more: layout.label(text=text))
    monkeypatch.setattr(
        panels.jobs, "is_narrow", lambda context: context.region.width < panels.widgets.NARROW
    )


def drawn(panel: Any) -> Layout:
    """What a panel shows now."""
    layout = Layout()
    methods = {name: value for name, value in vars(panel).items() if callable(value)}
    stand_in = type("Panel", (), {**methods, "layout": layout})()
    panel.draw(stand_in, Context())
    return layout


def exists(name: str) -> bool:
    module, operator = name.split(".")
    return operator in dir(getattr(bpy.ops, module))


def buttons(addon, remedy: str, token: str = "") -> list[str]:
    layout = Layout()
    addon.panels.widgets.fix_button(layout, remedy, token)
    return layout.buttons


def test_every_remedy_is_a_button(addon):
    for remedy in get_args(addon.core.errors.Remedy):
        drawn = buttons(addon, remedy, "token")
        assert len(drawn) == (remedy != ""), remedy
        assert all(map(exists, drawn)), remedy


NO_BUTTON = {
    "FlowsError": "the root, which nobody raises",
    "Cancelled": "the user's own wish",
    "NotFound": "is started again by Retry, which every job that failed has beside it",
    "CannotPlace": "is mended by Import, which the job has beside it",
    "Misfit": "is mended by Import, too",
    "NoConverter": "nothing is to be done",
    "NothingToExport": "is the user's selection",
    "NoShape": "is the user's selection, too",
    "NotExported": "is another folder, which the user chooses anew",
    "NothingSent": "has that of the job list's own problem",
}
"""Errors whose fix is no remedy, and why."""


def test_every_error_has_the_button_that_its_fix_asks_for(addon):
    def below(kind: type) -> list[type]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    # Errors of the command line are printed, never drawn; another test may have loaded them.
    kinds = [kind for kind in below(addon.api.FlowsError) if ".cli." not in kind.__module__]
    without = {kind.__name__ for kind in kinds if not buttons(addon, kind.remedy, "token")}
    assert without == NO_BUTTON.keys()


@pytest.mark.parametrize(
    ("name", "button"),
    [
        ("session.requests.generate.NoBox", "generio.add_box"),
        ("api.EmptyPrompt", "generio.edit_prompt"),
        ("api.UnreadableFile", "generio.choose_image"),
        ("api.NotSaved", "preferences.addon_show"),
        ("scene.export.image_capture.NoPicture", "generio.choose_image"),
        ("scene.assets.CannotSave", "screen.userpref_show"),
    ],
)
def test_what_an_operator_refuses_has_a_button_without_a_job(addon, name: str, button: str):
    assert buttons(addon, attrgetter(name)(addon).remedy) == [button]


def test_where_the_command_line_forbids_it_nobody_is_sent_to_the_preference(addon, monkeypatch):
    setup, tab = addon.panels.setup, addon.panels.widgets
    texts: list[str] = []
    bpy_then = SimpleNamespace(app=SimpleNamespace(online_access_override=True))
    monkeypatch.setattr(setup, "bpy", bpy_then)
    monkeypatch.setattr(tab, "bpy", bpy_then)
    monkeypatch.setattr(setup, "wrapped", lambda _layout, text, *_: texts.append(text))
    assert drawn(setup.GENERIO_PT_setup).buttons == ["wm.quit_blender"]
    assert texts[-1] == "Start it without --offline-mode."
    assert buttons(addon, "go_online") == ["wm.quit_blender"]


def test_the_doctor_leads_to_the_address_and_checks_again(addon):
    assert buttons(addon, "check_address") == ["preferences.addon_show", "generio.test_connection"]


@pytest.mark.parametrize("remedy", ["open_folder", "update", "restart"])
def test_a_job_list_that_cannot_be_opened_has_two_buttons(addon, remedy: str, monkeypatch):
    told = addon.jobs.Problem("ledger", Message("It cannot be opened."), Message("Mend it."), remedy)
    addon.session.current().stop()
    monkeypatch.setattr(addon.session.current(), "notice", told)
    shown = drawn(addon.panels.jobs.GENERIO_PT_jobs)
    assert len(shown.buttons) == 2
    assert shown.buttons[1] == "generio.open_job_list"
    assert shown.texts == ["It cannot be opened.", "Mend it."]


def test_what_is_left_out_can_be_converted_or_deselected(addon):
    ball = scenes.ball()
    bpy.ops.object.text_add()
    text = bpy.context.object
    empty = bpy.data.objects.new("Empty", bpy.data.meshes.new("Empty"))
    bpy.context.scene.collection.objects.link(empty)
    scenes.select(ball, text, empty)
    ball.modifiers.new("Subdivision", "SUBSURF")
    shown = drawn(addon.panels.optimize.GENERIO_PT_optimize)
    assert shown.buttons[-2:] == ["generio.convert_left_out", "generio.deselect_left_out"], "below the others"
    assert bpy.ops.generio.convert_left_out() == {"FINISHED"}
    assert bpy.data.objects["Text"].type == "MESH"
    assert {item.name for item in bpy.context.selected_objects} == {"Ball", "Text", "Empty"}
    assert len(ball.modifiers) == 1, "Blender converts meshes, too"
    assert bpy.ops.generio.deselect_left_out() == {"FINISHED"}
    assert {item.name for item in bpy.context.selected_objects} == {"Ball", "Text"}
    shown = drawn(addon.panels.optimize.GENERIO_PT_optimize)
    assert "generio.deselect_left_out" not in shown.buttons


def test_what_has_faces_by_its_modifiers_only_can_be_converted(addon, capfd):
    """The profile of a vase, say: whoever sees faces is not told that there are none."""
    mesh = bpy.data.meshes.new("Profile")
    mesh.from_pydata([(1, 0, 0), (1.2, 0, 0.5), (0.7, 0, 1)], [(0, 1), (1, 2)], [])
    vase = bpy.data.objects.new("Vase", mesh)
    bpy.context.scene.collection.objects.link(vase)
    vase.modifiers.new("Screw", "SCREW").steps = 64
    ball = scenes.ball(segments=16, rings=8)
    scenes.select(ball, vase)
    assert "generio.convert_left_out" in drawn(addon.panels.optimize.GENERIO_PT_optimize).buttons
    options = {"target": "PERCENT", "percent": 50, "modifier_mode": "APPLY"}
    assert bpy.ops.generio.optimize_selected(**options) == {"FINISHED"}
    assert '"Vase" is left out: its faces are made by its modifiers' in capfd.readouterr().out
    assert bpy.ops.generio.convert_left_out() == {"FINISHED"}
    made = scenes.triangles(vase)
    assert made > 200
    scenes.select(vase)
    assert bpy.ops.generio.optimize_selected(**options) == {"FINISHED"}
    assert scenes.triangles(vase) <= made / 2


def test_a_picture_that_is_none_is_said_at_once(addon, tmp_path: Path):
    panel = bpy.context.window_manager.generio
    panel.source = "IMAGE"
    notes = tmp_path / "notes.txt"
    notes.write_text("milk, bread")
    for path, reason in ((tmp_path / "gone.png", "does not exist"), (notes, "Use a PNG, JPEG")):
        panel.image = str(path)
        assert reason in panel.image_problem
        assert "generio.choose_image" in drawn(addon.panels.generate.GENERIO_PT_generate).buttons
    panel.image = ""
    assert panel.image_problem == ""


def test_what_is_missing_is_said_below_the_button_that_waits_for_it(addon, tmp_path: Path):
    panel, generate = bpy.context.window_manager.generio, addon.panels.generate
    picture = tmp_path / "lamp.png"
    Image.new("RGB", (8, 8)).save(picture)
    for source, prompt, image, where, reason in (
        ("TEXT", " ", "", "CURSOR", "Describe what you want first"),
        ("TEXT", "A lamp", "", "CURSOR", ""),
        ("TEXT", "A lamp", "", "BOX", "Select the object to fit the model into, or add a box"),
        ("IMAGE", "", "", "CURSOR", "Choose a picture first"),
        ("IMAGE", "", str(tmp_path / "gone.png"), "CURSOR", "does not exist"),
        ("IMAGE", "", str(picture), "CURSOR", ""),
    ):
        panel.source, panel.prompt, panel.image, panel.where = source, prompt, image, where
        said = generate.missing(bpy.context, panel)
        assert (reason in said) if reason else not said
        told = drawn(generate.GENERIO_PT_generate).texts
        assert (said in told) if reason else "" in told, "it keeps its room"


def test_a_model_that_waits_for_object_mode_has_a_button_for_it(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    row = bpy.context.window_manager.generio.jobs[0]
    carrier = addon.session.current().open_engine(bpy.context)
    carrier.keep_for_import(
        row.token, addon.jobs.Problem("defect", Message("It broke."), Message("Report it."), "report")
    )
    addon.session.current().tick(bpy.context)
    bpy.context.view_layer.objects.active = bpy.data.objects["A chair"]
    bpy.ops.object.mode_set(mode="EDIT")
    shown = drawn(addon.panels.jobs.GENERIO_PT_jobs)
    assert {"generio.copy_problem", "object.mode_set"} <= {*shown.buttons}
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "object.mode_set" not in drawn(addon.panels.jobs.GENERIO_PT_jobs).buttons


def row_drawn(addon, width: int) -> Layout:
    """The first row of the list."""
    layout, panel = Layout(), bpy.context.window_manager.generio
    arguments = (Context(width), layout, panel, panel.jobs[0], 0, panel, "active_job", 0)
    addon.panels.jobs.GENERIO_UL_jobs.draw_item(None, *arguments)
    return layout


def test_a_row_counts_down_and_a_narrow_one_has_room_for_the_time_only(addon, sandbox):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "status", "status": 429, "retry_after": 90})
    job = addon.jobs.Job(
        addon.jobs.Request(sandbox.url, "model_generate_fromprompt", "A chair", prompt="A chair")
    )
    token = addon.session.current().open_engine(bpy.context).submit(job).token
    rows = bpy.context.window_manager.generio.jobs
    end = time.monotonic() + 60
    while not (rows and rows[0].state == "waiting"):
        assert time.monotonic() < end, "this never came"
        addon.session.current().tick(bpy.context)
        time.sleep(0.02)
    name, remaining = row_drawn(addon, 330).texts
    assert name == "A chair"
    assert remaining.startswith("retry in 1:")
    name, elapsed = row_drawn(addon, 200).texts
    assert elapsed.startswith("0:")
    addon.session.current().open_engine(bpy.context).cancel(token)


def test_buttons_belong_to_a_job_that_is_listed(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    panel, jobs = bpy.context.window_manager.generio, addon.panels.jobs.GENERIO_PT_jobs
    assert "generio.remove_job" in drawn(jobs).buttons
    panel.job_search = "owl"
    assert "generio.remove_job" not in drawn(jobs).buttons
    panel.job_search = ""


class Click:
    """Stands for an operator that was started with a click in a window."""

    options = type("Options", (), {"is_invoke": True})

    def __init__(self) -> None:
        self.reports: list[tuple[set[str], str]] = []

    def report(self, level: set[str], text: str) -> None:
        self.reports.append((level, text))


def test_whoever_clicked_gets_a_popup_with_sentence_and_button(addon, monkeypatch: pytest.MonkeyPatch):
    handover = addon.operators.submit_jobs
    popup, click = Layout(), Click()
    manager = SimpleNamespace(popup_menu=lambda draw: draw(SimpleNamespace(layout=popup), bpy.context))
    context = SimpleNamespace(window_manager=manager, preferences=bpy.context.preferences)
    window = SimpleNamespace(app=SimpleNamespace(background=False), context=context, types=bpy.types)
    monkeypatch.setattr(handover, "bpy", window)
    monkeypatch.setattr(addon.panels.widgets, "wrapped", lambda layout, text, *_: layout.label(text=text))
    assert handover.report_problem(click, addon.session.requests.generate.NoBox()) == {"CANCELLED"}
    told = ["There is no box to fit the model into.", "Select an object, or add a box."]
    assert click.reports == [({"WARNING"}, " ".join(told))], "an error would open Blender's own popup, too"
    assert popup.texts == told
    assert popup.buttons == ["generio.add_box"]


def test_the_line_in_the_status_bar_goes_from_where_it_was_written(addon, monkeypatch: pytest.MonkeyPatch):
    """Whoever looks into another workspace meanwhile leaves it on the first one."""
    handover = addon.operators.submit_jobs
    lines: dict[str, str | None] = {}

    def context(name: str) -> Any:
        workspace = SimpleNamespace(status_text_set=lambda text: lines.update({name: text}))
        manager = SimpleNamespace(
            event_timer_add=lambda *_, **__: "timer",
            event_timer_remove=lambda _: None,
            modal_handler_add=lambda _: None,
        )
        return SimpleNamespace(workspace=workspace, window_manager=manager, window="window")

    monkeypatch.setattr(handover.waiting, "can_wait", lambda: False)
    unanswered = SimpleNamespace(is_there=False)
    engine = SimpleNamespace(ask_to_submit=lambda _jobs: unanswered)
    monkeypatch.setattr(addon.session.current(), "open_engine", lambda _context: engine)
    sending = handover.SubmitJobs()
    job = addon.jobs.Job(addon.jobs.Request("", "model_generate_fromprompt", "A chair"))
    assert sending.submit_jobs(context("Layout"), [job], modal=True) == {"RUNNING_MODAL"}
    assert lines["Layout"]
    sending.cancel(context("Modeling"))
    assert lines == {"Layout": None}


@pytest.fixture
def refused(addon, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, list[str]]]:
    """What operators refuse: sentence, what to do about it, and the buttons for that."""
    told: list[tuple[str, str, list[str]]] = []

    def tell(_operator: Any, problem: Any, token: str = "") -> set[str]:
        told.append((problem.message, problem.fix, buttons(addon, problem.remedy, token)))
        return {"CANCELLED"}

    operators = addon.operators
    users = (
        operators.jobs,
        operators.on_job,
        operators.remove_jobs,
        operators.recover_flow,
        operators.submit_jobs,
        operators.lods,
    )
    for module in users:
        monkeypatch.setattr(module, "report_problem", tell)
    return told


def test_what_cannot_be_done_with_a_job_has_the_button_that_helps(addon, sandbox, refused):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 1})
    job = addon.jobs.Job(
        addon.jobs.Request(sandbox.url, "model_generate_fromprompt", "A chair", prompt="A chair")
    )
    token = addon.session.current().open_engine(bpy.context).submit(job).token
    for operator in (bpy.ops.generio.remove_job, bpy.ops.generio.import_result):
        assert operator(token=token) == {"CANCELLED"}
    assert bpy.ops.generio.retry_job(token="gone") == {"CANCELLED"}
    addon.session.current().open_engine(bpy.context).cancel(token)
    assert refused == [
        ("The job is not finished.", "Cancel it first.", ["generio.cancel_job"]),
        ("This job has no model yet.", "Wait until it is done.", []),
        (
            "This job is no longer in the list.",
            "Recover its model by the flow ID.",
            ["generio.recover_flow"],
        ),
    ]


def test_a_flow_that_cannot_be_recovered_has_the_button_that_helps(addon, refused):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    flow_id = bpy.context.window_manager.generio.jobs[0].flow_id
    for given in ("no id", flow_id):
        assert bpy.ops.generio.recover_flow(flow_id=given) == {"CANCELLED"}
    assert refused == [
        ("This is not a flow ID.", "Enter the ID that the service gave.", ["generio.recover_flow"]),
        ('The job "A chair" in the list has this flow.', "Import its model.", ["generio.import_result"]),
    ]


def test_what_cannot_be_optimized_has_the_button_that_helps(addon, refused):
    empty = bpy.data.objects.new("Empty", bpy.data.meshes.new("Empty"))
    bpy.context.scene.collection.objects.link(empty)
    scenes.select(empty)
    bpy.context.view_layer.objects.active = empty
    assert bpy.ops.generio.optimize_selected() == {"CANCELLED"}
    bpy.ops.object.text_add()
    empty.select_set(True)
    assert bpy.ops.generio.optimize_selected() == {"CANCELLED"}
    assert bpy.ops.generio.make_lods(counts="many") == {"CANCELLED"}
    reason = 'Nothing to optimize. "Empty" is left out: it has no faces.'
    assert refused[0] == (reason, "Select a mesh with faces.", [])
    assert refused[1][2] == ["generio.convert_left_out"]
    assert refused[2] == (
        "These are not triangle counts.",
        "Enter up to 8 numbers, separated by commas, such as 10000, 5000.",
        ["generio.make_lods"],
    )


def test_a_script_gets_the_error(addon):
    script = Click()
    script.options = type("Options", (), {"is_invoke": False})
    addon.operators.submit_jobs.report_problem(script, addon.api.EmptyPrompt())
    assert [level for level, _ in script.reports] == [{"ERROR"}]


class FileManager:
    """What the desktop is asked to show a folder with: it notes that, and stays open until it is closed."""

    def __init__(self, programs: Path) -> None:
        self.asked, self.closed, self.gone = (programs / name for name in ("asked", "closed", "gone"))
        for name in ("xdg-open", "open"):
            program = programs / name
            program.write_text(
                f'#!/bin/sh\nprintf %s "$1" >"{self.asked}.part"\nmv "{self.asked}.part" "{self.asked}"\n'
                f'for _ in $(seq 200); do [ -e "{self.closed}" ] || sleep 0.05; done\ntouch "{self.gone}"\n'
            )
            program.chmod(0o755)

    def folder(self) -> Path:
        """The folder that it shows, while it is still open; closes it."""
        end = time.monotonic() + 60.0
        while not self.asked.exists():
            assert time.monotonic() < end, "nothing was asked of it"
            time.sleep(0.02)
        assert not self.gone.exists(), "Blender has waited for it"
        self.closed.touch()
        return Path(self.asked.read_text())


@pytest.fixture
def file_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileManager:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return FileManager(tmp_path)


def test_the_folder_of_a_job_is_shown_without_waiting_for_that(addon, file_manager: FileManager):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    token = bpy.context.window_manager.generio.jobs[0].token
    assert bpy.ops.generio.show_job_folder(token=token) == {"FINISHED"}
    folder = file_manager.folder()
    assert folder == addon.session.preferences.job_folder(bpy.context, token)
    assert list(folder.glob("*.glb"))


def test_a_job_without_files_has_no_folder_to_show(addon, file_manager: FileManager):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    token = bpy.context.window_manager.generio.jobs[0].token
    shutil.rmtree(
        addon.session.preferences.job_folder(bpy.context, token)
    )  # the job is over: nobody lays it anew
    assert bpy.ops.generio.show_job_folder(token=token) == {"CANCELLED"}
    assert not file_manager.asked.exists()


def test_the_folder_of_the_job_list_is_shown(addon, file_manager: FileManager):
    addon.session.current().open_engine(bpy.context).jobs()
    assert bpy.ops.generio.show_list_folder() == {"FINISHED"}
    assert (file_manager.folder() / "jobs.sqlite").is_file()


def test_where_nothing_shows_folders_it_is_told_which_one_it_is(addon, tmp_path: Path, monkeypatch):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    token = bpy.context.window_manager.generio.jobs[0].token
    folder = addon.session.preferences.job_folder(bpy.context, token)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=re.escape(f"No program here can show the folder {folder}")):
        bpy.ops.generio.show_job_folder(token=token)


@pytest.mark.parametrize(
    ("remedy", "button"),
    [
        ("retry", "generio.retry_job"),
        ("report", "generio.retry_job"),
        ("edit_input", "generio.use_job_settings"),
    ],
)
def test_a_failed_row_has_the_button_that_helps(addon, remedy: str, button: str):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    row = bpy.context.window_manager.generio.jobs[0]
    row.state, row.remedy, row.placed = "failed", remedy, False
    assert row_drawn(addon, 330).buttons == [button]
