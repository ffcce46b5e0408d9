"""Whatever goes wrong, the panel has the button that mends it."""

import time
from pathlib import Path
from typing import Any, get_args

import bpy
import pytest

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
    monkeypatch.setattr(panels.jobs, "is_narrow", lambda context: context.region.width < panels.tab.NARROW)


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


def test_every_remedy_is_a_button(addon):
    for remedy in get_args(addon.api.errors.Remedy):
        layout = Layout()
        addon.panels.tab.fix_button(layout, remedy, "token")
        assert len(layout.buttons) == (remedy != ""), remedy
        assert all(map(exists, layout.buttons)), remedy


@pytest.mark.parametrize("remedy", ["open_folder", "update", "restart"])
def test_a_job_list_that_cannot_be_opened_has_two_buttons(addon, remedy: str, monkeypatch):
    told = addon.jobs.Problem("ledger", "It cannot be opened.", "Mend it.", remedy)
    addon.bridge._stop()
    monkeypatch.setattr(addon.bridge, "_notice", told)
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
    assert shown.buttons[:2] == ["generio.convert_left_out", "generio.deselect_left_out"]
    assert bpy.ops.generio.convert_left_out() == {"FINISHED"}
    assert bpy.data.objects["Text"].type == "MESH"
    assert {item.name for item in bpy.context.selected_objects} == {"Ball", "Text", "Empty"}
    assert len(ball.modifiers) == 1, "Blender converts meshes, too"
    assert bpy.ops.generio.deselect_left_out() == {"FINISHED"}
    assert {item.name for item in bpy.context.selected_objects} == {"Ball", "Text"}
    shown = drawn(addon.panels.optimize.GENERIO_PT_optimize)
    assert "generio.deselect_left_out" not in shown.buttons


def test_a_picture_that_is_none_is_said_at_once(addon, tmp_path: Path):
    panel = bpy.context.window_manager.generio
    panel.source = "IMAGE"
    notes = tmp_path / "notes.txt"
    notes.write_text("milk, bread")
    for path, reason in ((tmp_path / "gone.png", "cannot be read"), (notes, "is not supported")):
        panel.image = str(path)
        assert reason in panel.image_problem
        assert "generio.choose_image" in drawn(addon.panels.generate.GENERIO_PT_generate).buttons
    panel.image = ""
    assert panel.image_problem == ""


def test_a_model_that_waits_for_object_mode_has_a_button_for_it(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    row = bpy.context.window_manager.generio.jobs[0]
    carrier = addon.bridge.engine(bpy.context)
    carrier.hold(row.token, addon.jobs.Problem("defect", "It broke.", "Report it.", "report"))
    addon.bridge.tick()
    bpy.context.view_layer.objects.active = bpy.data.objects["A chair"]
    bpy.ops.object.mode_set(mode="EDIT")
    shown = drawn(addon.panels.jobs.GENERIO_PT_jobs)
    assert {"generio.copy_problem", "object.mode_set"} <= {*shown.buttons}
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "object.mode_set" not in drawn(addon.panels.jobs.GENERIO_PT_jobs).buttons


def row_drawn(addon, width: int) -> list[str]:
    """The texts of the first row of the list."""
    layout, panel = Layout(), bpy.context.window_manager.generio
    arguments = (Context(width), layout, panel, panel.jobs[0], 0, panel, "active_job", 0)
    addon.panels.jobs.GENERIO_UL_jobs.draw_item(None, *arguments)
    return layout.texts


def test_a_row_counts_down_and_a_narrow_one_has_room_for_the_time_only(addon, sandbox):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "status", "status": 429, "retry_after": 90})
    job = addon.jobs.Job(sandbox.url, "model_generate_fromprompt", "A chair", prompt="A chair")
    token = addon.bridge.engine(bpy.context).submit(job).token
    rows = bpy.context.window_manager.generio.jobs
    while not (rows and rows[0].state == "Waiting"):
        addon.bridge.tick()
        time.sleep(0.02)
    name, remaining = row_drawn(addon, 330)
    assert name == "A chair"
    assert remaining.startswith("again in 1:")
    name, elapsed = row_drawn(addon, 200)
    assert elapsed.startswith("0:0")
    addon.bridge.engine(bpy.context).cancel(token)


def test_buttons_belong_to_a_job_that_is_listed(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    panel, jobs = bpy.context.window_manager.generio, addon.panels.jobs.GENERIO_PT_jobs
    assert "generio.remove_job" in drawn(jobs).buttons
    panel.job_search = "owl"
    assert "generio.remove_job" not in drawn(jobs).buttons
    panel.job_search = ""
