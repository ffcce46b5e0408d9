"""What is sent when a user clicks: what is seen, and nothing that would be paid for in vain."""

import bpy
import pytest

from tests.blender import scenes
from tests.blender.job_fixtures import wish


@pytest.fixture
def by_hand(addon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can click in the background, so operators are told that somebody has."""
    monkeypatch.setattr(addon.operators.optimize_base.OptimizeBase, "by_hand", lambda _operator: True)


def flows(sandbox) -> int:
    return len(sandbox.stats()["flows"])


def test_levels_that_are_no_lighter_are_left_out(addon, sandbox, by_hand, capfd):
    item = scenes.ball(segments=16, rings=8)
    scenes.select(item)
    present = scenes.triangles(item)
    assert bpy.ops.generio.make_lods(method="COUNTS", counts=f"10000, {present}, 60") == {"FINISHED"}
    assert flows(sandbox) == 1
    assert {"Ball_LOD0", "Ball_LOD1"} == {item.name for item in bpy.data.objects if "LOD" in item.name}
    assert "no more than the 10,000 asked for" in capfd.readouterr().out
    assert bpy.ops.generio.make_lods(method="COUNTS", counts="10000") == {"CANCELLED"}
    assert flows(sandbox) == 1


@pytest.mark.parametrize(("placement", "count"), [("REPLACE", 400), ("HIDE", 500)])
def test_a_second_click_does_not_send_the_same_again(
    addon, sandbox, by_hand, capfd, placement: str, count: int
):
    item = scenes.ball()
    scenes.select(item)
    carrier = addon.session.current().open_engine(bpy.context)
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    asked = wish(
        addon,
        sandbox,
        "Ball",
        addon.session.current().document.for_mesh(bpy.context, placement.lower(), item),
    )
    under_way = carrier.submit(asked.changed(template="model_optimize", parameters={"polygon_count": 500}))
    chosen = {"placement": placement, "polygon_count": count}
    assert bpy.ops.generio.optimize_selected(**chosen) == {"CANCELLED"}
    assert '"Ball" is being optimized already, see Jobs' in capfd.readouterr().out
    assert [job.token for job in carrier.jobs()] == [under_way.token]


def test_what_is_sculpted_is_sent_as_it_is_seen(addon):
    item = scenes.ball(segments=16, rings=8)
    scenes.select(item)
    triangles = scenes.triangles(item)
    bpy.ops.object.mode_set(mode="SCULPT")
    bpy.ops.sculpt.dynamic_topology_toggle()  # which makes triangles of all faces, in a mesh of its own
    assert len(item.data.polygons) < triangles
    addon.scene.meshes.flush_edits([item])
    assert len(item.data.polygons) == triangles
    bpy.ops.object.mode_set(mode="OBJECT")


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
def test_what_is_edited_is_sent_as_it_is_seen(addon, modifiers: str):
    """In Edit Mode the attributes of a mesh are those of what is edited, and some have no name there."""
    item = scenes.ball(segments=32, rings=16)
    item.modifiers.new("Thick", "SOLIDIFY").thickness = 0.01
    scenes.select(item)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.resize(value=(1.0, 1.0, 3.0))
    with pytest.raises(RuntimeError, match="Waits until you are in Object Mode"):
        bpy.ops.generio.optimize_selected(target="PERCENT", percent=50, modifier_mode=modifiers)
    bpy.ops.object.mode_set(mode="OBJECT")
    (row,) = bpy.context.window_manager.generio.jobs
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    assert item.dimensions.z == pytest.approx(6.0, rel=0.02)
    made = 2 * 960 if modifiers == "APPLY" else 960
    assert scenes.triangles(item) <= made / 2
    assert bool(item.modifiers) == (modifiers == "KEEP")
