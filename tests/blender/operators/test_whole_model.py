"""One click on a part of a model offers its other parts, and a target holds for all of them."""

from pathlib import Path

import bpy
import pytest

from tests.blender import scenes


def chair() -> list[bpy.types.Object]:
    """Three mesh objects below an empty: a model as importers make it."""
    root = bpy.data.objects.new("Chair", None)
    bpy.context.scene.collection.objects.link(root)
    parts = [scenes.ball("Seat"), scenes.ball("Back", 32, 16), scenes.ball("Leg", 16, 8)]
    parts[0].parent, parts[1].parent, parts[2].parent = root, root, parts[0]
    return parts


def offered(addon) -> int:
    addon.panels.selection_report.selection_report()._views.clear()
    return addon.panels.selection_report.selection_report().drawn(bpy.context).parts


def names() -> set[str]:
    return {item.name for item in bpy.context.selected_objects}


def test_the_other_parts_are_offered_and_selected(addon):
    parts = chair()
    scenes.ball("Lamp")
    scenes.select(parts[2])
    assert offered(addon) == 3
    assert bpy.ops.generio.select_whole_model() == {"FINISHED"}
    assert names() == {"Seat", "Back", "Leg"}
    assert bpy.context.view_layer.objects.active == parts[2]
    assert offered(addon) == 0, "all are selected"
    scenes.select(bpy.data.objects["Lamp"])
    assert offered(addon) == 0, "it stands alone"


def test_a_generated_model_is_whole_wherever_it_was_put(addon):
    parts = chair()
    parts[0].parent["generio_flow_id"] = "f1"
    room = bpy.data.objects.new("Room", None)
    bpy.context.scene.collection.objects.link(room)
    parts[0].parent.parent = room
    wall = scenes.ball("Wall", 8, 4)
    wall.parent = room
    scenes.select(parts[0])
    assert offered(addon) == 3
    bpy.ops.generio.select_whole_model()
    assert names() == {"Seat", "Back", "Leg"}


def test_what_cannot_be_selected_or_sent_is_no_part(addon):
    parts = chair()
    parts[1].hide_set(True)
    parts[2].data = bpy.data.meshes.new("Nothing")
    scenes.select(parts[0])
    assert offered(addon) == 0
    parts[1].hide_set(False)
    assert offered(addon) == 2


def test_what_cannot_be_clicked_on_is_no_part(addon):
    """Blender selects neither what is locked, nor what is in a locked collection, and says nothing."""
    parts = chair()
    parts[1].hide_select = True
    scenes.select(parts[0])
    assert offered(addon) == 2
    assert bpy.ops.generio.select_whole_model() == {"FINISHED"}
    assert names() == {"Seat", "Leg"}
    assert offered(addon) == 0, "all that can be selected are"
    locked = bpy.data.collections.new("Locked")
    bpy.context.scene.collection.children.link(locked)
    locked.objects.link(parts[2])
    bpy.context.scene.collection.objects.unlink(parts[2])
    locked.hide_select = True
    scenes.select(parts[0])
    assert offered(addon) == 0


def test_what_is_linked_is_no_part(addon, tmp_path: Path):
    """It could not be sent."""
    away = scenes.ball("Away", 8, 4)
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {away})
    bpy.data.objects.remove(away)
    parts = chair()
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Away"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    wanted.objects[0].parent = parts[0]
    scenes.select(parts[0])
    assert offered(addon) == 3


def test_levels_of_detail_are_no_parts(addon):
    parts = chair()
    scenes.select(parts[2])
    bpy.ops.generio.make_lods(method="COUNTS", counts="60")
    scenes.select(parts[2])
    assert offered(addon) == 3


@pytest.mark.parametrize(
    ("target", "options"), [("PERCENT", {"percent": 25}), ("BUDGET", {"polygon_count": 1000})]
)
def test_a_target_holds_for_the_whole_model(addon, target: str, options: dict[str, float]):
    parts = chair()
    before = [scenes.triangles(part) for part in parts]
    scenes.select(parts[1])
    bpy.ops.generio.select_whole_model()
    assert bpy.ops.generio.optimize_selected(target=target, **options) == {"FINISHED"}
    after = [scenes.triangles(part) for part in parts]
    share = 0.25 if target == "PERCENT" else 1000 / sum(before)
    assert sum(after) <= share * sum(before) + 1
    for count, now in zip(before, after, strict=True):
        assert 0.8 * share * count <= now <= share * count + 1
