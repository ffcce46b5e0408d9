"""The Python API: every example of docs/scripting.md, and what it promises."""

import code
import importlib
import re
import time
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from PIL import Image

from tests.blender import scenes
from tests.blender.job_fixtures import held_up

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = "".join(
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("docs/scripting.md", "docs/technical-artist.md", "README.md")
)
EXAMPLES = re.findall(r"^```python\n(.*?)^```", DOCUMENTS, re.MULTILINE | re.DOTALL)


@pytest.fixture
def flows(addon) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.flows")


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_of_the_documentation_runs(addon, flows, sandbox, tmp_path: Path, example: str):
    Image.new("RGB", (32, 32), (200, 30, 30)).save(tmp_path / "shoe.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    asked = len(re.findall(r"generate\(|generate_from_\w+\(|optimize\(|lods\(", example))
    exec(compile(example, "scripting.md", "exec"), {"SERVICE": sandbox.url, "KEY": sandbox.key})
    assert all(model.done or model.job.has_only_files for model in flows.models())
    runs = sandbox.stats()["run_total"]
    assert runs == 3 if "for prompt in wanted" in example else runs >= asked


def test_there_are_examples():
    assert len(EXAMPLES) > 8


def test_generate_returns_at_once_and_wait_brings_the_model(flows, addon, sandbox):
    bpy.context.scene.cursor.location = (1.0, 2.0, 3.0)
    lamp = flows.generate("A lamp", quality="low", seed=7, texture=False)
    with held_up(addon):  # it gets no further meanwhile
        assert not lamp.done and not lamp.over and lamp.objects == [] and lamp.files == []
    flows.wait(lamp)
    (item,) = lamp.objects
    assert tuple(item.location) == (1.0, 2.0, 3.0)
    assert (item["generio_quality"], item["generio_seed"], item["generio_texture"]) == ("low", 7, False)
    assert (lamp.done, lamp.over, lamp.state, lamp.problem) == (True, True, "Done", "")
    assert lamp.files[0].suffix == ".glb"
    assert flows.models() == [lamp]


def test_several_are_made_at_the_same_time(flows, sandbox):
    models = [flows.generate(f"Lamp {number}", quality="low") for number in range(3)]
    assert not any(model.over for model in models)
    flows.wait(*models)
    assert len(bpy.data.objects) == 3
    assert sandbox.stats()["run_total"] == 3


def test_optimize_needs_no_selection_and_leaves_it_alone(flows):
    ball, other = scenes.ball("Ball"), scenes.ball("Other")
    scenes.select(other)
    before = scenes.triangles(other)
    (model,) = flows.optimize(ball, triangles=500)
    flows.wait(model)
    assert model.objects == [ball]
    assert scenes.triangles(ball) <= 500
    assert scenes.triangles(other) == before
    assert bpy.context.selected_objects == [other]


def test_a_mesh_gets_a_ratio_a_count_or_its_part_of_a_budget(flows):
    for target, size in ({"ratio": 0.25}, 240), ({"triangles": 300}, 300), ({"budget": 600}, 300):
        balls = [scenes.ball(name, 32, 16) for name in ("Left", "Right")]
        flows.wait(*flows.optimize(balls, **target))
        assert [scenes.triangles(ball) for ball in balls] == pytest.approx([size, size], rel=0.1), target
    with pytest.raises(flows.Refused, match="one target, not ratio and budget"):
        flows.optimize(balls, ratio=0.5, budget=100)
    with pytest.raises(flows.Refused, match="percent is 150"):
        flows.optimize(balls, ratio=1.5)


def test_a_report_is_typed_and_a_picture_is_named(flows, sandbox):
    ball = scenes.ball("Ball", 32, 16)
    ball.data.materials.append(scenes.textured("Skin"))
    (model,) = flows.optimize(ball, ratio=0.25)
    assert model.report is None and model.thumbnail is None
    flows.wait(model)
    report = model.report
    assert isinstance(report, flows.ModelReport)
    assert report.triangles == scenes.triangles(ball) == report.comparison.after.triangles
    assert report.comparison.before == flows.Figures(960, 482, 1, report.comparison.before.texture_bytes)
    assert report.size == pytest.approx((2.0, 2.0, 2.0), abs=0.1)
    assert 0.0 < report.comparison.deviation_mean < report.comparison.deviation_max < 0.2
    assert report.comparison.lost == ()
    assert model.flow_id in sandbox.stats()["flows"]
    lamp = flows.generate("A lamp", quality="low")
    flows.wait(lamp)
    assert lamp.report.comparison is None and lamp.report.textures
    assert lamp.thumbnail is None  # without a window none is drawn
    picture = Path(lamp.job.placement.results[0].blend).with_suffix(".png")
    Image.new("RGBA", (8, 8)).save(picture)
    assert lamp.thumbnail == picture


def test_levels_are_made_once_and_files_written(flows, sandbox, tmp_path: Path):
    rock = scenes.ball("Rock", 32, 16)
    made = flows.lods(rock, counts=[400, 100])
    flows.wait(*made)
    assert len(made) == 2
    assert sorted(model.objects[0].name for model in made) == ["Rock_LOD1", "Rock_LOD2"]
    assert flows.lods(rock, counts=[400, 100]) == []
    (path,) = flows.export(rock, tmp_path / "Rock", "unity", collision="box")
    assert path == tmp_path / "Rock.fbx" and path.stat().st_size > 1000
    for call, reason in (
        (lambda: flows.lods(rock, percents=[50], counts=[5]), "not both"),
        (lambda: flows.lods(rock, percents=[50, 120]), "not percentages"),
        (lambda: flows.lods(rock, show="never"), "show must be one of hide, beside, switch, not never"),
        (lambda: flows.export(rock, tmp_path, "quake"), "engine must be one of unreal"),
        (lambda: flows.export(rock, tmp_path, "unity", files="two"), "files must be one of one, object"),
        (lambda: flows.export([], tmp_path, "unity"), "Nothing to export"),
    ):
        with pytest.raises(flows.Refused, match=reason):
            call()
    assert sandbox.stats()["run_total"] == 2


def test_changes_are_told_until_that_is_ended(flows, sandbox):
    told: list[str] = []

    def heard(model) -> None:
        told.append(model.state)
        if told[-1] == "Running":
            model.cancel()

    end = flows.subscribe(heard)
    sandbox.order({"flow": {"outcome": "hang"}})  # else it might run between two ticks only
    flows.wait(flows.generate("A lamp", quality="low"), check=False)
    assert told[-1] == "Canceled"
    assert "Running" in told
    end()
    sandbox.clear_faults()
    end = flows.subscribe(lambda model: told.append(model.state))
    flows.wait(flows.generate("A table", quality="low"))
    assert told[-1] == "Done"
    end()
    count = len(told)
    flows.wait(flows.generate("A chair", quality="low"))
    assert len(told) == count
    end()


def test_waiting_lasts_until_the_end_has_been_told(flows, addon, sandbox, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    flows.subscribe(lambda model: told.append(model.state))
    sandbox.order({"flow": {"outcome": "fail"}})
    session = addon.session.current()
    lamp, tick = flows.generate("A lamp", quality="low"), session.tick

    def slow(context: bpy.types.Context) -> float:
        seconds = tick(context)
        while not lamp.over:  # it ends when this tick has told what it knew
            time.sleep(0.01)
        return seconds

    with monkeypatch.context() as patched:  # disabling the add-on is to find the timer that it registered
        patched.setattr(session, "tick", slow)
        flows.wait(lamp, check=False)
    assert told[-1] == "Failed"
    assert bpy.context.window_manager.generio.jobs[0].state == "failed"


def test_a_listeners_mistake_stops_nobody_else(flows, capsys):
    heard: list[object] = []

    def mistaken(_model: object) -> None:
        raise ZeroDivisionError

    flows.subscribe(mistaken)
    flows.subscribe(heard.append)
    flows.wait(flows.generate("A lamp", quality="low"))
    assert heard
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_listener_may_wait_for_one_more_model(flows, sandbox):
    first = flows.generate("First", quality="low")
    depth, deepest, told = 0, 0, []

    def heard(model) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        told.append((model.name, model.state))
        if model == first and model.done:
            flows.wait(flows.generate("Second", quality="low"))
        depth -= 1

    flows.subscribe(heard)
    flows.wait(first)
    assert [model.name for model in flows.models()] == ["First", "Second"]
    assert sandbox.stats()["run_total"] == 2
    assert deepest == 1
    assert told.count(("First", "Done")) == told.count(("Second", "Done")) == 1


def test_a_listener_sees_what_it_is_told_and_is_told_it_once(flows):
    """However long it takes, while the engine goes on."""
    told = []

    def heard(model) -> None:
        before = (model.state, model.progress, model.done)
        time.sleep(0.5)
        told.append((before, (model.state, model.progress, model.done)))

    flows.subscribe(heard)
    flows.wait(flows.generate("A lamp", quality="low"))
    assert all(before == after for before, after in told)
    assert len({*told}) == len(told)


def test_an_operator_that_a_listener_calls_waits_as_well(flows, sandbox):
    first = flows.generate("First", quality="low")

    def heard(model) -> None:
        if model == first and model.done:
            bpy.ops.generio.generate_from_prompt(prompt="Second", quality="LOW")
            assert flows.models()[-1].done

    flows.subscribe(heard)
    flows.wait(first)
    assert [(model.name, model.done) for model in flows.models()] == [("First", True), ("Second", True)]


def test_a_handler_within_a_placement_cannot_wait_and_is_told_so(flows, addon, monkeypatch):
    """Blender calls handlers of the depsgraph while a model is placed."""
    place, refusals = addon.scene.place.place.place_models, []

    def placing(*arguments):
        other = flows.generate("Other", quality="low")
        with pytest.raises(flows.Refused, match="just being placed") as refused:
            flows.wait(other)
        refusals.append(refused)
        return place(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(addon.scene.place.place, "place_models", placing)
        first = flows.generate("First", quality="low")
        while not refusals:
            addon.session.current().tick(bpy.context)
    flows.wait(*flows.models())
    assert len(refusals) == 1
    assert first.done


def test_an_ended_subscription_hears_nothing_more_of_the_same_round(flows):
    heard: list[object] = []

    def first(_model: object) -> None:
        end_of_second()
        end_of_first()

    end_of_first = flows.subscribe(first)
    end_of_second = flows.subscribe(heard.append)
    flows.wait(flows.generate("A lamp", quality="low"))
    assert heard == []


def test_disabling_the_add_on_ends_subscriptions_and_waiting(flows, addon):
    import addon_utils

    session, lamp = addon.session.current(), flows.generate("A lamp", quality="low")
    flows.subscribe(lambda _model: addon_utils.disable(addon.__name__))
    try:
        with pytest.raises(flows.Refused, match="was disabled"):
            flows.wait(lamp)
        assert session.listeners == []
        for use in (
            flows.models,
            lambda: flows.wait(lamp),
            lambda: flows.generate("A lamp"),
            lambda: flows.subscribe(print),
            lambda: lamp.state,
            lamp.cancel,
        ):
            with pytest.raises(flows.Refused, match="is disabled"):
                use()
    finally:
        addon_utils.enable(addon.__name__)
    flows.wait(lamp)


def test_refused_and_failed_are_caught_as_one(flows):
    assert issubclass(flows.Refused, flows.Error)
    assert issubclass(flows.Failed, flows.Error)


def test_handlers_may_ask_for_models(flows, tmp_path: Path):
    """Of a frame, of a file that was opened, of one that is saved: what a pipeline hangs itself onto."""
    asked: list[object] = []

    @bpy.app.handlers.persistent
    def ask(*_: object) -> None:
        asked.append(flows.generate(f"Lamp {len(asked)}", quality="low"))

    hooks = [bpy.app.handlers.frame_change_post, bpy.app.handlers.load_post, bpy.app.handlers.save_pre]
    file = str(tmp_path / "scene.blend")
    try:
        for hook in hooks:
            hook.append(ask)
        bpy.context.scene.frame_set(7)
        bpy.ops.wm.save_as_mainfile(filepath=file)
        flows.wait(*asked)
        assert [len(model.objects) for model in asked] == [1, 1]
        bpy.ops.wm.open_mainfile(filepath=file)
    finally:
        for hook in hooks:
            hook.remove(ask)
    flows.wait(asked[-1])
    assert [model.name for model in asked] == ["Lamp 0", "Lamp 1", "Lamp 2"]
    assert len(asked[-1].objects) == 1


def test_the_console_runs_it(flows, sandbox):
    """Blender's console hands each line to Python's own, as here, with bpy in its names."""
    console = code.InteractiveConsole({"bpy": bpy, "flows": flows})
    for line in (
        "lamp = flows.generate('A lamp', quality='low')",
        "flows.wait(lamp)",
        "found = lamp.objects",
    ):
        assert not console.push(line)
    assert len(console.locals["found"]) == 1


def test_what_is_refused_says_why(flows, addon, sandbox, tmp_path: Path):
    for call, reason in (
        (lambda: flows.generate(), "either a prompt or an image"),
        (lambda: flows.generate("x", image="y"), "either a prompt or an image"),
        (lambda: flows.generate("data:x"), 'A prompt cannot begin with "data:"'),
        (lambda: flows.generate(image=tmp_path / "missing.png"), "does not exist"),
        (lambda: flows.optimize([], triangles=500), "no objects"),
        (lambda: flows.generate("x", colour="red"), "colour"),
        (lambda: flows.generate("x", seed=2**31), "seed is 2,147,483,648; it must be from -1 to"),
        (lambda: flows.generate("x", seed=-2), "seed is -2"),
        (lambda: flows.optimize(bpy.data.objects.new("x", None), triangles=0), "polygon_count is 0"),
        (lambda: flows.generate("x", variants=3), "returns one model. Call it once for each variant"),
        (
            lambda: flows.generate("x", then_optimize=True),
            "returns one model. Call optimize with its objects",
        ),
    ):
        with pytest.raises(flows.Refused, match=reason):
            call()
    addon.session.preferences.preferences(bpy.context).api_key = ""
    with pytest.raises(flows.Refused, match=r"^Enter your API key"):
        flows.generate("A lamp")
    assert sandbox.stats()["flows"] == {}


def test_what_fails_says_why_and_can_be_tried_again(flows, sandbox):
    sandbox.order({"flow": {"outcome": "fail", "reason": "too dark"}, "times": 1})
    lamp = flows.generate("A lamp", quality="low")
    with pytest.raises(
        flows.Failed, match="A lamp: The service could not make the model: too dark"
    ) as failed:
        flows.wait(lamp)
    assert failed.value.model == lamp
    assert (lamp.over, lamp.done, lamp.state) == (True, False, "Failed")
    lamp.retry()
    flows.wait(lamp)
    assert lamp.done


def test_waiting_may_end_before_the_job_does(flows, sandbox):
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    lamp = flows.generate("A lamp", quality="low")
    with pytest.raises(TimeoutError):
        flows.wait(lamp, timeout=0.5)
    lamp.cancel()
    flows.wait(lamp, check=False)
    assert lamp.state == "Canceled"


def test_a_model_that_was_removed_is_gone(flows):
    lamp = flows.generate("A lamp", quality="low")
    flows.wait(lamp)
    bpy.ops.generio.remove_job(token=lamp.token)
    with pytest.raises(KeyError):
        lamp.state  # noqa: B018 - it is the look that raises


def test_a_template_without_a_function_is_run_listed_or_not(flows, sandbox):
    vase = scenes.ball("Vase", 12, 8)
    given = {"style": "blue glaze", "strength": 0.25, "palette": ["#00f"]}
    first = flows.run("model_retexture", mesh=vase, parameters=given)
    flows.wait(first)
    assert first.done and first.objects
    bpy.ops.generio.list_templates()
    with pytest.raises(flows.Refused, match="strength is 2"):
        flows.run("model_retexture", mesh=vase, parameters={**given, "strength": 2})
    with pytest.raises(flows.Refused, match="needs a mesh object"):
        flows.run("model_retexture", prompt="a vase", parameters=given)
    square = flows.run("image_generate_fromprompt", prompt="a blue square")
    flows.wait(square)
    assert [path.suffix for path in square.files] == [".png"]
    assert (square.done, square.over, square.objects) == (False, True, [])
    assert sandbox.stats()["run_total"] == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"prompt": "x", "image": "x.png"}, "needs an input"),
        ({}, "needs an input"),
        ({"prompt": "x", "parameters": {"size": object()}}, "cannot be written as JSON"),
        ({"prompt": "x", "parameters": {"size": float("nan")}}, "cannot be written as JSON"),
    ],
)
def test_what_cannot_be_run_is_refused(flows, sandbox, given, words):
    with pytest.raises(flows.Refused, match=words):
        flows.run("another_template", **given)
    with pytest.raises(flows.Refused, match="function of its own"):
        flows.run("model_optimize", prompt="x")
    assert sandbox.stats()["flows"] == {}
