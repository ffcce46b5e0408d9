"""Templates that this version does not know are listed when the user asks, and run with the form of each."""

import json
from pathlib import Path

import bpy
import pytest
from PIL import Image

from tests.blender import scenes
from tests.blender.job_fixtures import panel
from tests.sandbox import Sandbox

PAINTED, PICTURED, SKETCHED, SPOKEN = (
    "model_retexture",
    "image_generate_fromprompt",
    "model_generate_fromsketch",
    "speech_to_model",
)


def choose(name: str) -> dict[str, object]:
    """Choose a template of the list; returns the rows of its form by name."""
    names = [row.name for row in panel().templates]
    panel().active_template = names.index(name)
    return {row.name: row for row in panel().template_fields}


def sent(addon, sandbox: Sandbox) -> list[tuple[str, dict]]:
    """The template of each flow, and the parameters that came with it."""
    with addon.api.FlowsClient(sandbox.url, sandbox.key) as client:
        return [(flow.template, flow.parameters) for flow in client.flows()]


@pytest.fixture
def listed(addon, sandbox):
    assert bpy.ops.generio.list_templates() == {"FINISHED"}
    return addon


def test_what_has_a_panel_of_its_own_is_not_listed_and_the_rest_becomes_a_form(listed):
    assert [row.name for row in panel().templates] == [PAINTED, PICTURED, SKETCHED, SPOKEN]
    rows = choose(PAINTED)
    assert panel().template_source == "MODEL"
    assert rows["style"].text == ""
    assert round(rows["strength"].number, 3) == 0.6
    assert (rows["tiling"].boolean, rows["steps"].integer, rows["palette"].text) == (False, 20, "[]")
    assert rows["resolution"].choice == "CHOICE_1"
    rows = choose(PICTURED)
    assert panel().template_source == "TEXT"
    assert rows["transparent"].choice == "NONE"


def test_a_mesh_is_sent_with_what_was_touched_and_the_model_comes(listed, sandbox):
    item = scenes.ball("Vase", 12, 8)
    item.modifiers.new("Subdivision", "SUBSURF").levels = 1
    rows = choose(PAINTED)
    rows["style"].text = "blue glaze"
    rows["strength"].number = 0.3
    rows["resolution"].choice = "CHOICE_2"
    rows["palette"].text = '["#00f"]'
    assert bpy.ops.generio.run_template() == {"FINISHED"}
    (flow,) = sent(listed, sandbox)
    assert flow == (
        PAINTED,
        {"style": "blue glaze", "strength": 0.3, "resolution": 2048, "palette": ["#00f"]},
    )
    (row,) = panel().jobs
    assert row.state == "done"
    (model,) = listed.scene.place.place.objects_of_result(row.token)
    assert model is not item
    mesh = next(part for part in (model, *model.children_recursive) if part.type == "MESH").data
    assert len(mesh.polygons) > len(item.data.polygons), "as its modifiers make it"
    assert json.loads(model["generio_palette"]) == ["#00f"]


def test_files_that_are_no_model_stay_and_are_told(listed, sandbox):
    choose(PICTURED)
    panel().template_prompt = "a blue square"
    assert bpy.ops.generio.run_template() == {"FINISHED"}
    (row,) = panel().jobs
    assert (row.state, row.importable, row.remedy, row.clearable) == ("ready", False, "show_folder", False)
    assert "1 file, which is not a model" in row.message
    engine = listed.session.current().open_engine(bpy.context)
    (path,) = map(Path, engine.job(row.token).placement.files)
    assert path.parent == engine.folder(row.token)
    assert path.suffix == ".png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert sent(listed, sandbox) == [(PICTURED, {})], "what nobody touched is the service's choice"


@pytest.mark.parametrize("sandbox", ["one-shot"], indirect=True)
def test_a_picture_that_is_called_a_parameter_travels_as_the_input(listed, sandbox, tmp_path):
    picture = tmp_path / "sketch.png"
    Image.new("RGB", (32, 32), (200, 30, 30)).save(picture)
    choose(SKETCHED)
    assert panel().template_source == "IMAGE"
    panel().template_image = str(picture)
    assert bpy.ops.generio.run_template() == {"FINISHED"}
    assert sent(listed, sandbox) == [(SKETCHED, {})]
    assert [row.state for row in panel().jobs] == ["done"]
    assert sandbox.stats()["run_total"] == 1


@pytest.mark.parametrize(
    ("template", "values", "words"),
    [
        (PAINTED, {}, "style is required"),
        (PAINTED, {"style": "x", "strength": 2.0}, "strength is 2; it must be 0 to 1"),
        (PAINTED, {"style": "x" * 201}, "style has 201 characters"),
        (PAINTED, {"style": "x", "palette": "blue"}, "palette must be JSON"),
        (PICTURED, {}, "needs a text"),
        (SKETCHED, {}, "needs a picture"),
        (SPOKEN, {}, "audio/wav"),
    ],
)
def test_what_cannot_be_sent_is_told_in_a_sentence_before_anything_is(
    listed, sandbox, template, values, words
):
    scenes.ball("Vase", 12, 8)
    rows = choose(template)
    for name, value in values.items():
        setattr(rows[name], "number" if isinstance(value, float) else "text", value)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.generio.run_template()
    assert not panel().jobs
    assert sandbox.stats()["flows"] == {}


def test_nothing_chosen_and_no_mesh_are_sentences_too(addon, sandbox):
    with pytest.raises(RuntimeError, match="No template is chosen"):
        bpy.ops.generio.run_template()
    bpy.ops.generio.list_templates()
    choose(PAINTED)["style"].text = "brick"
    with pytest.raises(RuntimeError, match="needs a mesh object"):
        bpy.ops.generio.run_template()


def test_the_same_settings_fill_the_form_again(listed, sandbox):
    choose(PICTURED)["width"].integer = 128
    panel().template_prompt = "a blue square"
    bpy.ops.generio.run_template()
    token = panel().jobs[0].token
    choose(PAINTED)
    panel().template_prompt = ""
    assert bpy.ops.generio.use_job_settings(token=token) == {"FINISHED"}
    assert panel().templates[panel().active_template].name == PICTURED
    assert (panel().template_source, panel().template_prompt) == ("TEXT", "a blue square")
    assert panel().template_fields["width"].integer == 128


def test_what_was_entered_survives_another_look_at_the_list(listed):
    choose(PICTURED)["width"].integer = 512
    bpy.ops.generio.list_templates()
    assert panel().templates[panel().active_template].name == PICTURED
    assert panel().template_fields["width"].integer == 512


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_service_without_a_list_says_so_and_the_rest_works(addon, sandbox, status):
    sandbox.order({"method": "GET", "path": "/templates", "action": "status", "status": status, "times": -1})
    with pytest.raises(RuntimeError):
        bpy.ops.generio.list_templates()
    assert addon.session.template_list.template_list().problem is not None
    assert not panel().templates


def test_a_huge_list_costs_the_window_little(addon, sandbox, monkeypatch):
    """10,000 parameters, and texts without an end; the engine cuts them down before the window has them."""
    hostile = {
        "templates": [
            {
                "name": f"t{number}",
                "description": "d\x1b\x07 " * 1000,
                "parameters": {
                    f"p{index}": {"type": "string", "description": "x" * 40} for index in range(50)
                },
            }
            for number in range(300)
        ]
        + [{"name": "wide", "parameters": {f"p{index}": "integer" for index in range(10_000)}}]
    }
    sandbox.order({"method": "GET", "path": "/templates", "action": "status", "status": 200, "body": hostile})
    assert bpy.ops.generio.list_templates() == {"FINISHED"}
    assert 0 < len(panel().templates) <= 200
    assert sum(len(row.form) for row in panel().templates) <= 1 << 20
    form = addon.session.template_fields.form_of(panel().templates[0].form)
    assert form.description.isprintable()
    panel().active_template = 1
    assert len(panel().template_fields) == 50
