"""Dialogs, menu entries and scripts that speak of one model make one; what a dialog shows is what is made."""

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest
from PIL import Image


def panel():
    return bpy.context.window_manager.generio


@pytest.fixture
def busy_panel(addon):
    """A panel in which much was chosen."""
    panel().prompt, panel().quality, panel().variants = "A brass lamp", "LOW", 4
    panel().then_optimize, panel().then_count, panel().where = True, 500, "BOX"
    return panel()


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "shoe.png"
    Image.new("RGB", (40, 30), (200, 30, 30)).save(path)
    return str(path)


def check_one() -> None:
    """One job, at the 3D cursor, with the quality of the panel."""
    (row,) = panel().jobs
    assert (row.state, row.settings) == ("done", "low quality")
    assert bpy.data.objects[row.name].location.length == 0.0


def test_add_mesh_adds_one_mesh(addon, busy_panel):
    assert bpy.ops.generio.ask_prompt(prompt="An owl") == {"FINISHED"}
    check_one()


def test_the_menu_of_objects_makes_one_model(addon, busy_panel, picture: str):
    panel().image = picture
    entries: dict[str, dict[str, Any]] = {}

    class Layout:
        def operator(self, name: str, **_options: Any) -> Any:
            settings = SimpleNamespace()
            entries[name] = vars(settings)
            return settings

        def separator(self) -> None:
            pass

    addon.panels.menus.GENERIO_MT_object.draw(SimpleNamespace(layout=Layout()), bpy.context)
    assert bpy.ops.generio.generate_from_image(**entries["generio.generate_from_image"]) == {"FINISHED"}
    check_one()


def test_a_script_that_asks_for_one_model_gets_one(addon, busy_panel):
    flows = importlib.import_module(f"{addon.__name__}.flows")
    flows.wait(flows.generate("An owl"))
    check_one()


@pytest.fixture
def dialogs(addon, monkeypatch: pytest.MonkeyPatch):
    """What each dialog of a dropped picture showed; it is confirmed at once, as it stands or after a change.

    Without a window Blender executes what is invoked, though as it invokes: with what it remembers.
    """
    drop = addon.operators.drop.GENERIO_OT_drop_image
    names = ("quality", "texture", "variants", "then_optimize")
    shown: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    execute = drop.execute

    def confirmed(self: Any, context: bpy.types.Context) -> set[str]:
        manager = SimpleNamespace(generio=panel(), invoke_props_dialog=lambda *_, **__: {"RUNNING_MODAL"})
        self.invoke(SimpleNamespace(window_manager=manager, region_data=None), None)
        for name, value in (changes.pop() if changes else {}).items():
            setattr(self, name, value)
        shown.append({name: getattr(self, name) for name in names})
        return execute(self, context)

    monkeypatch.setattr(drop, "execute", confirmed)
    return SimpleNamespace(shown=shown, changes=changes)


def dropped(picture: str) -> list[str]:
    """The settings of the jobs that a dropped picture becomes."""
    before = len(panel().jobs)
    assert bpy.ops.generio.drop_image("INVOKE_DEFAULT", True, filepath=picture) == {"FINISHED"}
    return [row.settings.partition(", seed")[0] for row in panel().jobs[: len(panel().jobs) - before]]


def test_the_dialog_of_a_dropped_picture_shows_what_the_panel_has(addon, busy_panel, dialogs, picture: str):
    busy_panel.variants = 2
    assert sorted(dropped(picture)) == ["500 triangles"] * 2 + ["low quality"] * 2
    assert dialogs.shown == [{"quality": "LOW", "texture": True, "variants": 2, "then_optimize": True}]
    dialogs.changes.append({"variants": 1, "then_optimize": False})
    assert dropped(picture) == ["low quality"]


def test_each_dropped_picture_begins_with_the_panel_again(addon, dialogs, picture: str):
    dialogs.changes.append({"quality": "LOW", "texture": False, "variants": 2, "then_optimize": True})
    dropped(picture)
    assert dropped(picture) == [""], "the service has its defaults"
    assert dialogs.shown[1] == {"quality": "HIGH", "texture": True, "variants": 1, "then_optimize": False}


def test_what_is_dropped_can_be_chosen_in_its_dialog(addon, picture: str, monkeypatch: pytest.MonkeyPatch):
    """An operator has its properties in a group of its own, where a panel's owner is one."""
    widgets = addon.panels.widgets
    drawn: list[str] = []

    class Layout:
        use_property_split = True

        def row(self) -> "Layout":
            return self

        def prop(self, owner: Any, name: str, **_options: Any) -> None:
            drawn.append(name)

        def label(self, **_options: Any) -> None:
            pass

    def execute(operator: Any, context: bpy.types.Context) -> set[str]:
        for width in (260, 20):
            widgets.values(Layout(), operator, "quality", width)
        return {"FINISHED"}

    monkeypatch.setattr(addon.operators.drop.GENERIO_OT_drop_image, "execute", execute)
    assert bpy.ops.generio.drop_image(filepath=picture) == {"FINISHED"}
    assert drawn == ["quality", "quality"]
