"""What the add-on remembers of what was entered, and what it does not let old entries do."""

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender import scenes
from tests.blender.job_fixtures import generate, panel


@pytest.fixture
def keep(addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Lets a form of a session keep what is entered; as many as are made share a file."""
    monkeypatch.setattr(addon.session.form, "STORE_SECONDS", 0.0)
    path = tmp_path / "form.json"

    def start():
        form = addon.session.form.Form()
        return lambda: form.store(bpy.context, lambda _context: tmp_path)

    start.path = path
    return start


def forget() -> None:
    for name in [name for name in panel().bl_rna.properties.keys() if name != "rna_type"]:  # noqa: SIM118
        panel().property_unset(name)


def test_what_was_entered_is_there_after_a_restart(addon, keep):
    forget()
    look = keep()
    look()
    panel().prompt, panel().quality, panel().target = "A brass lamp", "LOW", "COUNT"
    panel().percent, panel().then_optimize, panel().seed = 25.0, True, 7
    look()
    forget()
    keep()()
    assert (panel().prompt, panel().quality, panel().target) == ("A brass lamp", "LOW", "COUNT")
    assert (panel().percent, panel().then_optimize) == (25.0, True)
    assert not panel().is_property_set("seed"), "it belongs to one request"
    assert not panel().is_property_set("texture"), "what nobody touched is the service's choice"


@pytest.mark.parametrize("content", ["", "[1]", '{"quality": "MEDIUM", "percent": "many", "gone": 1}'])
def test_a_file_that_is_damaged_or_of_another_version_is_let_be(addon, keep, content: str):
    forget()
    keep.path.write_text(content)
    keep()()
    assert (panel().quality, panel().percent) == ("HIGH", 50.0)


def test_a_file_is_written_only_when_something_else_was_entered(addon, keep):
    forget()
    look = keep()
    panel().prompt = "A chair"
    look()
    assert json.loads(keep.path.read_text())["prompt"] == "A chair"
    keep.path.unlink()
    look()
    assert not keep.path.exists()


def test_meshes_keep_half_of_their_triangles_where_nothing_else_is_chosen(addon):
    forget()
    item = scenes.ball()
    before = scenes.triangles(item)
    bpy.ops.generio.optimize_selected()
    assert 0.45 * before <= scenes.triangles(item) <= 0.5 * before


def test_a_number_that_a_script_gives_is_what_it_means(addon):
    forget()
    scenes.select(scenes.ball())
    bpy.ops.generio.optimize_selected(polygon_count=345)
    assert addon.session.current().engine.jobs()[-1].request.parameters == {"polygon_count": 345}


def test_an_old_search_does_not_hide_a_new_job(addon):
    generate("A brass lamp")
    panel().job_search = "brass"
    generate("A brass owl")
    assert panel().job_search == "brass", "it is found as it is"
    generate("A chair")
    assert panel().job_search == ""
    panel().job_states = "TROUBLE"
    generate("An owl")
    assert (panel().job_search, panel().job_states) == ("", "ALL")


def test_pictures_that_are_taken_are_named_and_numbered(addon, sandbox):
    image = bpy.data.images.new("View", 8, 8)
    image.pixels.foreach_set(np.ones(8 * 8 * 4, dtype=np.float32))
    image.pack()
    for _ in range(2):
        bpy.ops.generio.use_blender_image(image="View")
        bpy.ops.generio.generate_from_image(quality="LOW")
    assert [row.name for row in panel().jobs] == ["View 2", "View"]


def test_a_picture_of_the_user_keeps_its_whole_name(addon):
    name_of = addon.scene.export.image_capture.name_of
    assert name_of(Path("photos/shoe-abc123.png")) == "shoe-abc123"
    assert name_of(Path("pictures/View 2-abc123.png")) == "View 2"
