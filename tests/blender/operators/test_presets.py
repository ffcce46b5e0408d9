"""Blender's preset menus: those that come with the add-on, and what users keep themselves."""

from pathlib import Path
from typing import Any

import bpy
import pytest

from tests.blender.job_fixtures import panel

ROOT = Path(__file__).parents[3] / "presets" / "generio_flows"
BUILT_IN = sorted(ROOT.glob("*/*.py"))


def choose(path: Path) -> None:
    menu = f"GENERIO_PT_{path.parent.name}_presets"
    assert bpy.ops.script.execute_preset(filepath=str(path), menu_idname=menu) == {"FINISHED"}


def lods() -> Any:
    return bpy.context.window_manager.operator_properties_last("generio.make_lods")


def test_each_menu_has_the_same_four(addon):
    for kind in ("generate", "optimize", "lods"):
        (folder,) = (each for each in bpy.utils.preset_paths(f"generio_flows/{kind}") if "generio" in each)
        assert {path.stem for path in Path(folder).glob("*.py")} == {
            "Game_Prop",
            "Mobile",
            "Web",
            "Background",
        }


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_preset_says_is_set(addon, path: Path):
    choose(path)
    owner = lods() if path.parent.name == "lods" else panel()
    text = path.read_text().splitlines()
    lines = [line.partition(".")[2] for line in text if line.startswith(("panel.", "lods."))]
    said = {name: eval(value) for name, value in (line.split(" = ") for line in lines)}
    assert said
    assert {name: getattr(owner, name) for name in said} == pytest.approx(said)


def test_settings_are_kept_as_a_preset_and_come_back(addon):
    panel().quality, panel().then_optimize, panel().then_count, panel().seed = "LOW", True, 777, 5
    assert bpy.ops.generio.add_generate_preset(name="My Own") == {"FINISHED"}
    (kept,) = Path(bpy.utils.user_resource("SCRIPTS")).glob("presets/generio_flows/generate/My_Own.py")
    assert "seed" not in kept.read_text()
    panel().quality, panel().then_optimize, panel().then_count = "HIGH", False, 5
    choose(kept)
    assert (panel().quality, panel().then_optimize, panel().then_count) == ("LOW", True, 777)
    assert bpy.ops.generio.add_generate_preset(name="My Own", remove_name=True) == {"FINISHED"}
    assert not kept.exists()


def test_levels_of_detail_have_presets_too(addon):
    lods().levels = 5
    assert bpy.ops.generio.add_lods_preset(name="Five") == {"FINISHED"}
    (kept,) = Path(bpy.utils.user_resource("SCRIPTS")).glob("presets/generio_flows/lods/Five.py")
    lods().levels = 2
    choose(kept)
    assert lods().levels == 5
