"""Where a model has gone: which scene, how light it is, and the way there; and that undo took it back."""

import bpy
import pytest

from tests.blender import scenes
from tests.blender.job_fixtures import generate, panel


def line(addon) -> str:
    return addon.session.current().part(addon.panels.status_bar.StatusBar).text


def selected() -> list[str]:
    return sorted(item.name for item in bpy.context.view_layer.objects if item.select_get())


def test_another_scene_is_named(addon):
    """Which is shown by the time the model comes."""
    session = addon.session.current()
    engine = session.open_engine(bpy.context)
    first = bpy.context.scene
    generate("A brass lamp")
    assert line(addon) == '"A brass lamp" is in the scene'
    bpy.ops.scene.new(type="NEW")
    assert bpy.context.scene != first
    job = engine.job(panel().jobs[0].token)
    placed = addon.scene.place.place.placed_objects(job.token)
    told = addon.scene.place.place.placed_message(
        bpy.context, job.request.name, placed, job.request.destination
    )
    assert told == f'"A brass lamp" is in the scene "{first.name}"'


def test_of_an_optimized_mesh_it_is_told_how_light_it_became(addon):
    item = scenes.ball()
    before = scenes.triangles(item)
    bpy.ops.generio.optimize_selected(target="COUNT", polygon_count=500)
    assert line(addon) == f'"Ball": {before:,} → {scenes.triangles(item):,} triangles'


def test_a_click_selects_the_model_in_its_scene(addon):
    first = bpy.context.scene
    generate("A brass lamp")
    generate("An owl")
    rows = {row.name: row for row in panel().jobs}
    assert all(row.placed for row in rows.values())
    scenes.select(scenes.ball())
    assert bpy.ops.generio.show_result(token=rows["A brass lamp"].token) == {"FINISHED"}
    assert selected() == ["A brass lamp"]
    assert bpy.context.view_layer.objects.active.name == "A brass lamp"
    assert panel().jobs[panel().active_job].name == "A brass lamp"
    bpy.ops.scene.new(type="NEW")
    bpy.ops.generio.show_result(token=rows["An owl"].token)
    assert bpy.context.window is None or bpy.context.scene == first


def test_what_is_not_there_cannot_be_shown(addon):
    generate("A brass lamp")
    bpy.data.objects.remove(bpy.data.objects["A brass lamp"])
    with pytest.raises(RuntimeError, match="not in this file"):
        bpy.ops.generio.show_result(token=panel().jobs[0].token)


def test_what_undo_took_is_not_done_until_redo_brings_it_back(addon):
    bpy.ops.ed.undo_push(message="Before")
    generate("A brass lamp")
    bpy.ops.ed.undo_push(message="After")
    assert panel().jobs[0].state == "done"
    while "A brass lamp" in bpy.data.objects:
        bpy.ops.ed.undo()
    addon.session.current().tick(bpy.context)
    row = panel().jobs[0]
    assert (row.state, row.importable, row.clearable, row.placed) == ("ready", True, False, False)
    assert row.message.startswith("Undo removed it from the scene")
    assert "is in the scene" not in line(addon)
    while "A brass lamp" not in bpy.data.objects:
        bpy.ops.ed.redo()
    addon.session.current().tick(bpy.context)
    assert (panel().jobs[0].state, panel().jobs[0].message) == ("done", "")


def test_what_the_user_has_deleted_is_done_all_the_same(addon):
    generate("A brass lamp")
    bpy.data.objects.remove(bpy.data.objects["A brass lamp"])
    bpy.ops.ed.undo_push(message="Delete")
    scenes.ball()
    bpy.ops.ed.undo_push(message="Add")
    bpy.ops.ed.undo()
    addon.session.current().tick(bpy.context)
    assert panel().jobs[0].state == "done"
