"""What is generated is optimized to a share, baked, and gets levels of detail, each asked for once."""

from dataclasses import replace

import bpy
import pytest

from tests.blender import scenes
from tests.blender.another_blender import Session as Blender
from tests.blender.baking import material_of, node_kinds
from tests.blender.job_fixtures import tell, wish


def runs(sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values()]


def generate(**options: object) -> None:
    assert bpy.ops.generio.generate_from_prompt(
        prompt="A chair", quality="LOW", then_optimize=True, **options
    ) == {"FINISHED"}


def test_a_share_of_what_is_generated_comes(addon, sandbox):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    (whole,) = bpy.data.objects
    count = scenes.triangles(whole)
    bpy.data.objects.remove(whole)
    generate(then_percent=25.0)
    (chair,) = bpy.data.objects
    assert scenes.triangles(chair) == pytest.approx(count / 4, rel=0.05)
    assert runs(sandbox) == [1, 1, 1]


def test_a_number_is_meant_whatever_the_panel_shows(addon):
    bpy.context.window_manager.generio.then_target = "PERCENT"
    generate(then_count=300)
    assert scenes.triangles(bpy.data.objects["A chair"]) <= 300


def test_the_lost_detail_of_what_is_generated_is_baked(addon, sandbox):
    bpy.context.window_manager.generio.bake_size = "512"
    generate(then_count=500, then_bake=True)
    (chair,) = (item for item in bpy.data.objects if item.users_scene)
    assert scenes.triangles(chair) <= 500
    assert "ShaderNodeNormalMap" in node_kinds(material_of(chair))
    assert addon.scene.versions.hidden_mesh(chair) is not None
    assert runs(sandbox) == [1, 1]


def test_levels_are_made_of_the_optimized_model_with_its_maps(addon, sandbox):
    bpy.context.window_manager.generio.bake_size = "512"
    generate(then_count=400, then_bake=True, then_lods=2)
    counts = [scenes.triangles(bpy.data.objects[f"A chair_LOD{level}"]) for level in range(3)]
    assert counts[0] <= 400
    assert counts[1] <= counts[0] / 2 + 1
    assert counts[2] <= counts[0] / 4 + 1
    assert runs(sandbox) == [1, 1, 1, 1]
    for level in range(3):
        made = material_of(bpy.data.objects[f"A chair_LOD{level}"])
        assert "ShaderNodeNormalMap" in node_kinds(made)


def test_a_model_that_is_light_enough_gets_its_levels_all_the_same(addon, sandbox):
    generate(then_count=1_000_000, then_lods=1)
    assert {"A chair_LOD0", "A chair_LOD1"} <= {*bpy.data.objects.keys()}
    assert runs(sandbox) == [1, 1]


def test_a_job_gives_the_panel_back_what_follows_it(addon):
    generate(then_percent=20.0, then_lods=1)
    panel = bpy.context.window_manager.generio
    panel.then_optimize, panel.then_lods, panel.then_percent = False, 0, 50.0
    token = panel.jobs[len(panel.jobs) - 1].token
    bpy.ops.generio.use_job_settings(token=token)
    assert panel.then_optimize
    assert (panel.then_target, panel.then_percent, panel.then_lods) == ("PERCENT", 20.0, 1)


def test_the_window_is_drawn_between_the_meshes_of_a_model(addon, sandbox, monkeypatch, tmp_path):
    """As in a window, work that is added is done later, and this takes one slice at a time."""
    session = addon.session.current()
    for number in range(4):
        scenes.ball(f"Part {number}", 16, 8)[addon.scene.place.place.TOKEN] = "first"
    destination = replace(session.document.at_cursor(bpy.context), then_percent=50.0, then_lods=1)
    request = replace(wish(addon, sandbox, "A chair", destination).request, template="model_optimize")
    engine = session.open_engine(bpy.context)
    placed = addon.jobs.Job(request, token="first").changed(step=addon.jobs.Step.PLACED)
    tell(engine, placed)
    folder = addon.session.preferences.engine_settings(bpy.context).folder
    queued, asked, followups = [], [], addon.session.requests.Followups()
    monkeypatch.setattr(session.slices, "add", lambda work, *_: queued.append(work))
    monkeypatch.setattr(addon.session.requests.followups, "submit", lambda _, __, jobs: asked.extend(jobs))
    monkeypatch.setattr(session.placement, "placed", {"first"})
    news = addon.session.session.News(engine, {}, {"first"}, set(), [], True)
    followups.update(bpy.context, session, news)
    followups.update(bpy.context, session, news)
    assert len(queued) == 1
    written = []
    for _ in queued[0]:
        written.append(len([*folder.glob("*/*.blend")]))
        assert len(asked) == len(written), "a snapshot without a job would stay for ever"
        if len(written) == 1:  # the user works on meanwhile
            bpy.data.objects.remove(bpy.data.objects["Part 2"])
    assert written == [1, 2, 3]
    assert [job.request.name for job in asked] == ["Part 0", "Part 1", "Part 3"]
    assert followups.started == {"first": [job.token for job in asked]}


def test_what_follows_is_paid_for_once_though_the_model_comes_again_after_a_crash(tmp_path, sandbox):
    """The file was never saved, so the model is placed once more in the next Blender, by hand."""
    home = tmp_path / "home"
    with Blender(home, sandbox.url, sandbox.key) as first:
        first.do(
            "bpy.ops.generio.generate_from_prompt(prompt='A chair', quality='LOW', then_optimize=True,"
            " then_count=400, then_lods=1)\nresult = None"
        )
        first.kill()
    assert runs(sandbox) == [1, 1, 1]
    with Blender(home, sandbox.url, sandbox.key) as second:
        second.do(
            "engine = session.open_engine(bpy.context)\n"
            "tick_until(lambda: len(engine.jobs()) == 3)\n"
            "first = next(job for job in engine.jobs() if job.request.template != 'model_optimize')\n"
            "tick_until(lambda: engine.job(first.token).status.step == 'ready')\n"
            "bpy.ops.generio.import_result(token=first.token)\n"
            "[session.tick(bpy.context) for _ in range(50)]\n"
            "result = None"
        )
    assert runs(sandbox) == [1, 1, 1]
