"""Generate and optimize as one wish: two flows, each run once, and one model in the scene."""

import importlib

import bpy
import pytest
from generio_flows.core.messages import Message

from tests.blender import scenes


def runs(sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values() if flow["run"]]


def test_what_is_generated_is_optimized_before_it_comes(addon, sandbox):
    bpy.context.scene.cursor.location = (1.0, 2.0, 3.0)
    assert bpy.ops.generio.generate_from_prompt(
        prompt="A chair", quality="LOW", then_optimize=True, then_count=500
    ) == {"FINISHED"}
    (chair,) = bpy.data.objects
    assert chair.name == "A chair"
    assert scenes.triangles(chair) <= 500
    assert tuple(chair.location) == (1.0, 2.0, 3.0)
    assert runs(sandbox) == [1, 1]
    second, first = bpy.context.window_manager.generio.jobs
    assert (first.state, second.state) == ("done", "done")
    assert "follows" in first.message
    assert chair["generio_prompt"] == "A chair"


def test_what_the_panel_says_is_done(addon, sandbox):
    panel = bpy.context.window_manager.generio
    panel.then_optimize, panel.then_count = True, 300
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    assert scenes.triangles(bpy.data.objects["A chair"]) <= 300


@pytest.mark.parametrize("broken", ["link", "submit", "place"])
def test_a_crash_between_the_two_runs_nothing_twice(
    addon, sandbox, monkeypatch: pytest.MonkeyPatch, broken: str
):
    """Each step that leads from the first job to the second fails once, as where a process ends there."""
    carrier = addon.session.current().open_engine(bpy.context)
    owner, name = {
        "link": (addon.session.placement, "link"),
        "submit": (carrier, "submit"),
        "place": (carrier, "mark_placed"),
    }[broken]
    real, failed = getattr(owner, name), []

    def fails_once(*arguments, **options):
        following = broken != "submit" or arguments[0].request.template == "model_optimize"
        if not failed and following:
            failed.append(broken)
            raise addon.jobs.LedgerError(Message("The process ends here."))
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, fails_once)
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", then_optimize=True, then_count=500)
    assert failed
    assert scenes.triangles(bpy.data.objects["A chair"]) <= 500
    assert runs(sandbox) == [1, 1]
    assert len(bpy.data.objects) == 1


def test_a_first_model_that_was_imported_is_said_to_be_followed_by_nothing(addon, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as full:
        full.setattr(addon.session.placement, "link", fail)
        with pytest.raises(RuntimeError, match="cannot be passed on"):
            bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", then_optimize=True)
    (row,) = bpy.context.window_manager.generio.jobs
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    addon.session.current().tick(bpy.context)
    assert (row.state, row.message) == ("done", "")


def test_that_the_second_job_fails_is_said_and_the_first_model_is_kept(addon, sandbox):
    """It was paid for, and stands nowhere."""
    sandbox.order({"flow": {"template": "model_optimize", "outcome": "fail", "reason": "too thin"}})
    with pytest.raises(RuntimeError, match="too thin"):
        bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", then_optimize=True)
    addon.session.current().tick(bpy.context)
    second, first = bpy.context.window_manager.generio.jobs
    assert (first.state, first.message, second.state) == (
        "done",
        addon.panels.job_rows.FOLLOWUP_FAILED,
        "failed",
    )
    assert not bpy.ops.generio.clear_finished_jobs.poll()
    carrier = addon.session.current().open_engine(bpy.context)
    jobs, folder = carrier.jobs(), carrier.folder(first.token).parent
    cleanup = importlib.import_module(f"{addon.__name__}.jobs.cleanup")
    assert cleanup.select_for_eviction(folder, jobs, 0) == []
    assert bpy.ops.generio.import_result(token=first.token) == {"FINISHED"}
    assert "A chair" in bpy.data.objects
    assert bpy.ops.generio.remove_job(token=second.token) == {"FINISHED"}
    addon.session.current().tick(bpy.context)
    assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
    assert not bpy.context.window_manager.generio.jobs


def test_what_was_optimized_and_came_is_cleared_with_what_it_was_made_of(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", then_optimize=True)
    addon.session.current().tick(bpy.context)
    assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
    assert not bpy.context.window_manager.generio.jobs
