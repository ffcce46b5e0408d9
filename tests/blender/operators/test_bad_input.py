"""Bad input ends in a sentence that says what to do, sends nothing that could cost, and loses nothing."""

import importlib
import os
from pathlib import Path

import bpy
import pytest
from PIL import Image

from tests.blender import scenes
from tests.systems import needs_bytes, needs_links


def assert_nothing_ran(sandbox) -> None:
    assert sandbox.stats()["run_total"] == 0


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("", "The prompt is empty"),
        ("  \n ", "The prompt is empty"),
        ("data:image/png;base64,AAAA", 'cannot begin with "data:"'),
    ],
)
def test_a_prompt_that_cannot_be_sent(addon, sandbox, prompt: str, sentence: str):
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.generio.generate_from_prompt(prompt=prompt)
    assert_nothing_ran(sandbox)


def test_a_picture_that_is_not_there(addon, sandbox, tmp_path: Path):
    with pytest.raises(RuntimeError, match=r"gone\.png"):
        bpy.ops.generio.generate_from_image(filepath=str(tmp_path / "gone.png"))
    with pytest.raises(RuntimeError, match="Choose an image"):
        bpy.ops.generio.generate_from_image()
    assert_nothing_ran(sandbox)


@needs_bytes
def test_a_file_whose_name_is_no_text(addon, sandbox, tmp_path: Path):
    """As old archives leave it."""
    path = tmp_path / os.fsdecode(b"st\xfchl.png")
    with pytest.raises(RuntimeError, match=r"not in UTF-8. Give it another name"):
        bpy.ops.generio.generate_from_image(filepath=str(path))
    assert_nothing_ran(sandbox)


@needs_links
def test_a_file_that_leads_to_itself(addon, tmp_path: Path):
    path = tmp_path / "loop.png"
    path.symlink_to(path)
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.generio.generate_from_image(filepath=str(path))


def test_a_file_name_as_long_as_the_disk_allows(addon, tmp_path: Path):
    path = tmp_path / ("ü" * 125 + ".bmp")
    Image.new("RGB", (30, 20)).save(path)
    assert bpy.ops.generio.generate_from_image(filepath=str(path), quality="LOW") == {"FINISHED"}


def test_a_scene_of_another_file_takes_no_model(addon, sandbox, tmp_path: Path):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    token = bpy.context.window_manager.generio.jobs[0].token
    file = tmp_path / "stage.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file), copy=True)
    with bpy.data.libraries.load(str(file), link=True) as (there, into):
        into.scenes = there.scenes
    bpy.context.window.scene = into.scenes[0]
    assert bpy.context.scene.library is not None
    with pytest.raises(RuntimeError, match="The scene is linked from another file"):
        bpy.ops.generio.generate_from_prompt(prompt="A lamp", quality="LOW")
    with pytest.raises(RuntimeError, match="The scene is linked from another file"):
        bpy.ops.generio.add_box()
    with pytest.raises(RuntimeError, match="The scene is linked from another file"):
        bpy.ops.generio.import_result(token=token)
    assert sandbox.stats()["run_total"] == 1


@pytest.mark.parametrize("content", [b"", b"this is no picture"])
def test_a_file_that_is_no_picture(addon, sandbox, tmp_path: Path, content: bytes):
    path = tmp_path / "note.png"
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"note\.png"):
        bpy.ops.generio.generate_from_image(filepath=str(path))
    assert_nothing_ran(sandbox)
    assert len(bpy.data.images) == 0


def test_a_picture_is_judged_by_its_content(addon, tmp_path: Path):
    path = tmp_path / "really-a.png"
    Image.new("RGB", (16, 16), (0, 200, 0)).save(path, format="BMP")
    assert bpy.ops.generio.generate_from_image(filepath=str(path), quality="LOW") == {"FINISHED"}


def test_buttons_say_why_they_are_greyed_out(addon, sandbox):
    with pytest.raises(RuntimeError, match="Select a mesh object first"):
        bpy.ops.generio.optimize_selected()
    addon.session.preferences.preferences(bpy.context).api_key = ""
    with pytest.raises(RuntimeError, match="Enter your API key in the preferences first"):
        bpy.ops.generio.generate_from_prompt(prompt="A chair")
    addon.session.preferences.preferences(bpy.context).api_key = "key"
    addon.session.preferences.preferences(bpy.context).service_url = "https://flows.example"
    with pytest.raises(RuntimeError, match="Blender is offline"):
        bpy.ops.generio.generate_from_prompt(prompt="A chair")
    assert_nothing_ran(sandbox)


def test_the_environment_wins_over_the_preferences(addon, sandbox, monkeypatch: pytest.MonkeyPatch):
    addon.session.preferences.preferences(bpy.context).api_key = "wrong"
    monkeypatch.setenv("GENERIO_API_KEY", sandbox.key)
    assert bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW") == {"FINISHED"}


def test_meshes_that_cannot_be_sent(addon, sandbox):
    empty = bpy.data.objects.new("Empty Mesh", bpy.data.meshes.new("Empty Mesh"))
    bpy.context.collection.objects.link(empty)
    scenes.select(empty)
    with pytest.raises(RuntimeError, match="has no faces"):
        bpy.ops.generio.optimize_selected()
    item = scenes.ball()
    scenes.select(empty, item)
    assert bpy.ops.generio.optimize_selected(polygon_count=500) == {"FINISHED"}
    assert scenes.triangles(item) <= 500


def test_what_is_light_enough_is_sent_to_have_its_modifiers_applied(addon, sandbox):
    item = scenes.ball(segments=16, rings=8)
    item.modifiers.new("Twice", "ARRAY").count = 2
    before = scenes.triangles(item)
    scenes.select(item)
    asked = {"polygon_count": 1_000_000, "target": "COUNT"}
    assert bpy.ops.generio.optimize_selected(**asked) == {"CANCELLED"}
    assert bpy.ops.generio.optimize_selected(modifier_mode="APPLY", **asked) == {"FINISHED"}
    assert scenes.triangles(item) == 2 * before
    assert not item.modifiers


@pytest.mark.parametrize("more", [0, 1_000_000])
def test_what_is_light_enough_is_not_sent_by_a_script_either(
    addon, sandbox, capfd: pytest.CaptureFixture[str], more: int
):
    item, heavy = scenes.ball(segments=16, rings=8), scenes.ball()
    before = scenes.triangles(item)
    scenes.select(item)
    count = before + more
    assert bpy.ops.generio.optimize_selected(polygon_count=count, target="COUNT") == {"CANCELLED"}
    assert not sandbox.stats()["flows"]
    assert f"no more than the {count:,} asked for" in capfd.readouterr().out
    assert importlib.import_module(f"{addon.__name__}.flows").optimize(item, triangles=count) == []
    scenes.select(item, heavy)
    assert bpy.ops.generio.optimize_selected(polygon_count=before, target="COUNT") == {"FINISHED"}
    assert len(sandbox.stats()["flows"]) == 1, "the others are sent"
    assert scenes.triangles(item) == before >= scenes.triangles(heavy)


def test_a_wrong_key_waits_and_goes_on_with_the_right_one(addon, sandbox):
    preferences = addon.session.preferences.preferences(bpy.context)
    preferences.api_key = "wrong"
    with pytest.raises(RuntimeError, match="rejected the API key"):
        bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    (row,) = bpy.context.window_manager.generio.jobs
    assert (row.state, row.remedy) == ("waiting", "enter_key")
    preferences.api_key = sandbox.key
    addon.session.waiting.run_until(bpy.context, [row.token])
    assert "A chair" in bpy.data.objects
    assert sandbox.stats()["run_total"] == 1


def test_an_unreachable_host_waits(addon, sandbox):
    preferences = addon.session.preferences.preferences(bpy.context)
    url = preferences.service_url
    preferences.service_url = "http://127.0.0.1:9"
    carrier = addon.session.current().open_engine(bpy.context)
    seen: list[str] = []

    def watch(job) -> None:
        seen.append(job.state)
        if job.state == "waiting":
            carrier.cancel(job.token)

    job = carrier.submit(_chair(addon))
    addon.session.waiting.run_until(bpy.context, [job.token], watch)
    assert "waiting" in seen
    assert carrier.job(job.token).state == "cancelled"
    preferences.service_url = url


def _chair(addon):
    return addon.jobs.Job(
        addon.jobs.Request(
            service="http://127.0.0.1:9",
            template="model_generate_fromprompt",
            name="A chair",
            prompt="A chair",
            destination=addon.session.current().document.at_cursor(bpy.context),
        ),
    )


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ({"outcome": "fail", "reason": "the mesh is too thin"}, "the mesh is too thin"),
        ({"outcome": "fail_silently"}, "gave no reason"),
        ({"outcome": "asset_error", "reason": "no shape found"}, "no shape found"),
        ({"outcome": "not_a_glb"}, "not a GLB"),
        ({"outcome": "truncated_glb"}, "cut off"),
        ({"outcome": "external_uri"}, "needs the file"),
        ({"outcome": "vanish"}, "deleted at the service"),
    ],
)
def test_what_the_service_may_do_wrong(addon, sandbox, outcome: dict[str, str], sentence: str):
    sandbox.order({"flow": outcome, "times": -1})
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    (row,) = bpy.context.window_manager.generio.jobs
    assert row.state == "failed"
    assert sentence in row.message
    assert row.fix
    assert len(bpy.data.objects) == 0


@pytest.mark.parametrize("outcome", [{"outcome": "unknown_state"}, {"outcome": "slow_outputs"}])
def test_what_the_service_may_do_differently(addon, sandbox, outcome: dict[str, str]):
    sandbox.order({"flow": outcome})
    assert bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW") == {"FINISHED"}
    assert "A chair" in bpy.data.objects
