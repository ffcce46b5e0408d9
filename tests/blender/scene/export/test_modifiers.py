"""Modifiers are applied or kept, and what they make is sent."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender import mesh_fixtures, scenes
from tests.blender.optimizing import optimize, posed, runs

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def test_applied_modifiers_are_in_the_mesh_and_gone_from_the_object(addon, sandbox):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF").levels = 2
    mirror = item.modifiers.new("Row", "ARRAY")
    mirror.count, mirror.relative_offset_displace[0] = 3, 2.0
    bpy.context.view_layer.update()
    box = np.array([posed(item).min(axis=0), posed(item).max(axis=0)])
    size = box[1] - box[0]
    optimize(item, polygon_count=3000, modifier_mode="APPLY")
    assert not item.modifiers
    assert 2500 <= scenes.triangles(item) <= 3000  # of 28,800
    assert (np.abs(scenes.bounds([item]) - box) < 0.02 * size).all()


def test_with_apply_the_armature_stays(addon):
    (body,) = mesh_fixtures.character()
    optimize(body, target="PERCENT", percent=30, modifier_mode="APPLY")
    assert [modifier.name for modifier in body.modifiers] == ["Armature"]
    assert bpy.ops.generio.revert_optimized() == {"FINISHED"}
    assert [modifier.name for modifier in body.modifiers] == ["Armature", "Smooth"]
    assert body.modifiers["Smooth"].levels == 1


def test_equal_duplicates_are_one_mesh_also_with_applied_modifiers(addon, sandbox):
    items = mesh_fixtures.array()[:10]
    for item in items:
        item.modifiers.new("Smooth", "SUBSURF").levels = 1 + (item == items[9])
    optimize(*items, target="PERCENT", percent=30, modifier_mode="APPLY")
    assert runs(sandbox) == 2
    assert len({item.data for item in items[:9]}) == 1
    assert items[9].data != items[0].data
    assert not any(item.modifiers for item in items)
    bpy.ops.generio.revert_optimized()
    assert len({item.data for item in items}) == 1
    assert [item.modifiers["Smooth"].levels for item in items] == [1] * 9 + [2]


def test_instances_that_modifiers_make_become_faces_when_applied(addon):
    item = scenes.ball(segments=8, rings=4)
    group = scenes.scatter_cubes(item)
    count = 12 * len(item.data.vertices)
    optimize(item, polygon_count=10_000_000, modifier_mode="APPLY")
    assert scenes.triangles(item) == count
    assert list(bpy.data.node_groups) == [group]


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("joined", [False, True])
def test_what_modifiers_scatter_keeps_its_materials(addon, tmp_path: Path, joined: bool, linked: bool):
    """Also where there are as many slots as the object has, and where a library has the materials."""
    library = tmp_path / "library.blend"
    bpy.data.libraries.write(str(library), {scenes.textured("Bark"), scenes.textured("Ground")})
    if linked:
        bpy.ops.outliner.orphans_purge(do_recursive=True)
        with bpy.data.libraries.load(str(library), link=True) as (inside, wanted):
            wanted.materials = inside.materials
    bark, ground = bpy.data.materials["Bark"], bpy.data.materials["Ground"]
    tree = scenes.ball("Tree", 6, 4, radius=0.1)
    tree.data.materials.append(bark)
    item = scenes.ball("Item", 6, 4)
    item.data.materials.append(ground)
    group = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    start, scatter, info, join, end = map(
        group.nodes.new,
        (
            "NodeGroupInput",
            "GeometryNodeInstanceOnPoints",
            "GeometryNodeObjectInfo",
            "GeometryNodeJoinGeometry",
            "NodeGroupOutput",
        ),
    )
    info.inputs["Object"].default_value = tree
    group.links.new(start.outputs[0], scatter.inputs["Points"])
    group.links.new(info.outputs["Geometry"], scatter.inputs["Instance"])
    group.links.new(scatter.outputs[0], join.inputs[0])
    if joined:
        group.links.new(start.outputs[0], join.inputs[0])
    group.links.new(join.outputs[0], end.inputs[0])
    item.modifiers.new("Scatter", "NODES").node_group = group
    optimize(item, polygon_count=10_000_000, modifier_mode="APPLY")
    assert set(item.data.materials) == ({bark, ground} if joined else {bark})
    assert set(bpy.data.materials) == {bark, ground}


def test_materials_of_the_object_itself_are_still_its_own_when_modifiers_are_applied(addon):
    item = scenes.ball("Item", 12, 6)
    red, blue = scenes.textured("Red"), scenes.textured("Blue")
    for material in (None, blue, blue):
        item.data.materials.append(material)
    item.material_slots[0].link = "OBJECT"
    item.material_slots[0].material = red
    for face in item.data.polygons:
        face.material_index = min(2, int((face.center.z + 1) * 1.5))
    item.modifiers.new("Smooth", "SUBSURF")
    optimize(item, polygon_count=400, modifier_mode="APPLY")
    assert list(item.data.materials) == [None, blue, blue]
    assert [slot.material for slot in item.material_slots] == [red, blue, blue]
    assert set(bpy.data.materials) == {red, blue}


@pytest.mark.parametrize("placement", ["REPLACE", "COLLECTION", "LOD"])
def test_modifiers_that_were_not_sent_stay_when_the_others_are_applied(addon, placement: str, monkeypatch):
    """One that is off in the viewport, and one that was added while the job ran."""
    item, hidden = scenes.ball("Ball", 24, 12), scenes.ball("Hidden", 24, 12)
    item.modifiers.new("Smooth", "SUBSURF")
    for each in (item, hidden):
        each.modifiers.new("Off", "SUBSURF").show_viewport = False
    place = addon.scene.place.place.place_models

    def later(*arguments):
        if "Late" not in item.modifiers:
            item.modifiers.new("Late", "TRIANGULATE")
            item.name, item.modifiers["Off"].show_viewport = "Renamed", True
        return place(*arguments)

    monkeypatch.setattr(addon.scene.place.place, "place_models", later)
    if placement == "LOD":
        scenes.select(item)
        bpy.context.window_manager.generio.modifier_mode = "APPLY"
        bpy.ops.generio.make_lods(levels=1)
        made = bpy.data.objects["Renamed_LOD1"]
    else:
        optimize(item, hidden, polygon_count=200, modifier_mode="APPLY", placement=placement)
        suffix = "_optimized" if placement == "COLLECTION" else ""
        made = bpy.data.objects[f"Renamed{suffix}"]
        assert bpy.data.objects[f"Hidden{suffix}"].modifiers.keys() == ["Off"]
    assert made.modifiers.keys() == ["Off", "Late"]
    if placement == "REPLACE":
        bpy.ops.generio.revert_optimized()
        assert item.modifiers.keys() == ["Smooth", "Off", "Late"]


def test_an_object_whose_modifiers_leave_nothing_is_left_out_with_why(addon, capfd):
    item, gone = scenes.ball(), scenes.ball("Gone")
    gone.modifiers.new("Mask", "MASK").vertex_group = gone.vertex_groups.new(name="None").name
    optimize(item, gone, polygon_count=500, modifier_mode="APPLY")
    assert '"Gone" is left out: its modifiers make no faces' in capfd.readouterr().out
    assert scenes.triangles(item) <= 500
    assert gone.modifiers
    scenes.select(gone)
    assert bpy.ops.generio.optimize_selected(modifier_mode="APPLY") == {"CANCELLED"}
    assert bpy.ops.generio.make_lods("EXEC_DEFAULT") == {"FINISHED"}
