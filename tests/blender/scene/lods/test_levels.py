"""Copies and levels of detail: where they stand, what they are called, and what they take the place of."""

import math
from itertools import pairwise
from pathlib import Path

import bpy
import pytest

from tests.blender import scenes
from tests.blender.optimizing import grid, optimize, runs

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def test_levels_of_detail_come_from_one_file_and_are_named_for_game_engines(addon, sandbox):
    item = scenes.ball("Rock")
    count = scenes.triangles(item)
    scenes.select(item)
    assert bpy.ops.generio.make_lods(levels=3, ratio=50) == {"FINISHED"}
    assert runs(sandbox) == 3
    collection = bpy.data.collections["Rock_LODs"]
    assert sorted(collection.objects.keys()) == [f"Rock_LOD{level}" for level in range(4)]
    assert bpy.context.selected_objects == [item]
    for level in range(4):
        made = collection.objects[f"Rock_LOD{level}"]
        assert 0.9 * count / 2**level <= scenes.triangles(made) <= count / 2**level
        assert made.matrix_world == item.matrix_world
    assert scenes.triangles(item) == count
    folders = Path(addon.session.preferences.job_folder(bpy.context, "x")).parent
    files = [path.stat().st_ino for path in folders.glob("*/input.glb")]
    assert len(files) == 3
    assert len(set(files)) == 1, "one file that all have sent"
    assert not list(folders.glob("*/snapshot*"))


def seen() -> set[str]:
    return {item.name for item in bpy.context.view_layer.objects if item.visible_get()}


def test_levels_are_not_in_the_way_of_the_original(addon):
    item = scenes.ball("Rock", 24, 12)
    scenes.select(item)
    before = item.matrix_world.copy(), item.hide_render, item.hide_get(), item.select_get()
    bpy.ops.generio.make_lods(levels=2)
    assert seen() == {"Rock"}
    assert bpy.data.collections["Rock_LODs"].hide_render
    assert (item.matrix_world, item.hide_render, item.hide_get(), item.select_get()) == before
    layer = bpy.context.view_layer.layer_collection.children["Rock_LODs"]
    layer.hide_viewport = False
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=2, ratio=25)
    assert seen() == {"Rock", "Rock_LOD0", "Rock_LOD1", "Rock_LOD2"}, "what the user opened stays open"


def test_levels_can_stand_side_by_side(addon):
    item = scenes.ball("Rock", 24, 12)
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=2, arrange="BESIDE")
    bpy.context.view_layer.update()
    assert seen() == {"Rock", "Rock_LOD1", "Rock_LOD2"}, "level 0 stands where the original does"
    places = [bpy.data.objects[name].location.x for name in ("Rock", "Rock_LOD1", "Rock_LOD2")]
    width = item.dimensions.x
    assert all(after - before > width for before, after in pairwise(places))
    assert item.location.x == 0.0


def test_levels_can_have_counts(addon):
    item = scenes.ball("Rock")
    scenes.select(item)
    assert bpy.ops.generio.make_lods(counts="800, 200") == {"FINISHED"}
    assert 700 <= scenes.triangles(bpy.data.objects["Rock_LOD1"]) <= 800
    assert 150 <= scenes.triangles(bpy.data.objects["Rock_LOD2"]) <= 200
    with pytest.raises(RuntimeError, match="numbers, separated by commas"):
        bpy.ops.generio.make_lods(counts="many")


def test_levels_made_again_take_the_place_of_those_from_before(addon):
    item = scenes.ball("Rock", 24, 12)
    count = scenes.triangles(item)
    for ratio in (50, 25):
        scenes.select(item)
        assert bpy.ops.generio.make_lods(levels=2, ratio=ratio) == {"FINISHED"}
    collection = bpy.data.collections["Rock_LODs"]
    assert sorted(collection.objects.keys()) == ["Rock_LOD0", "Rock_LOD1", "Rock_LOD2"]
    assert scenes.triangles(collection.objects["Rock_LOD1"]) <= count / 4
    assert sorted(bpy.data.meshes.keys()) == ["Rock", "Rock_LOD0", "Rock_LOD1", "Rock_LOD2"]


def test_a_level_made_again_stays_the_object_that_the_user_has_arranged(addon):
    item = scenes.ball("Rock", 24, 12)
    item.modifiers.new("Bevel", "BEVEL")
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=1, ratio=50)
    level = bpy.data.objects["Rock_LOD1"]
    level.location.x, level["engine"] = 5.0, "static"
    child = bpy.data.objects.new("Handle", None)
    child.parent = level
    before = scenes.triangles(level)
    scenes.select(item)
    panel = bpy.context.window_manager.generio
    panel.modifier_mode = "APPLY"
    bpy.ops.generio.make_lods(levels=1, ratio=25)
    assert bpy.data.objects["Rock_LOD1"] == level == child.parent
    assert (level.location.x, level["engine"], len(level.modifiers)) == (5.0, "static", 0)
    assert scenes.triangles(level) < before
    scenes.select(item)
    panel.modifier_mode = "KEEP"
    bpy.ops.generio.make_lods(levels=1, ratio=25)
    assert [modifier.type for modifier in level.modifiers] == ["BEVEL"]
    assert sorted(bpy.data.objects.keys()) == ["Handle", "Rock", "Rock_LOD0", "Rock_LOD1"]


@pytest.mark.parametrize("way", ["new", "duplicate", "file before"])
def test_levels_of_another_object_that_had_the_name_are_left_alone(addon, way: str):
    """In a file of an earlier version nothing says whose levels they are, but for the mesh of level 0."""
    item = scenes.ball("Rock", 24, 12)
    make_levels(item)
    collection = bpy.data.collections["Rock_LODs"]
    if way == "file before":
        del item["generio_levels"], collection["generio_levels"]
        collection.objects["Rock_LOD0"].data = item.data
    counts = {level.name: scenes.triangles(level) for level in collection.objects}
    item.name = "Boulder"
    if way == "duplicate":
        other = item.copy()
        other.data = item.data.copy()
        bpy.context.scene.collection.objects.link(other)
        other.name = "Rock"
    else:
        other = scenes.ball("Rock", 12, 6)
    for _ in range(2):
        make_levels(other)
    assert {level.name: scenes.triangles(level) for level in collection.objects} == counts
    others = bpy.data.collections["Rock_LODs.001"]
    assert sorted(others.objects.keys()) == ["Rock_LOD0.001", "Rock_LOD1.001"]
    assert scenes.triangles(others.objects["Rock_LOD1.001"]) <= scenes.triangles(other) / 2
    other.name, item.name = "Pebble", "Rock"
    make_levels(item)
    assert len(bpy.data.collections) == 2
    assert {level.name for level in collection.objects} == set(counts)


def make_levels(item: bpy.types.Object) -> None:
    item.data.vertices[0].co.x += 0.01  # of what is the same nothing would be made again
    scenes.select(item)
    assert bpy.ops.generio.make_lods(levels=1, ratio=50) == {"FINISHED"}


def test_an_object_with_another_mesh_goes_on_with_its_levels(addon):
    item = scenes.ball("Rock", 24, 12)
    make_levels(item)
    item.data = item.data.copy()
    make_levels(item)
    assert len(bpy.data.collections) == 1
    bpy.data.objects.remove(item)
    make_levels(scenes.ball("Rock", 24, 12))
    assert len(bpy.data.collections) == 2, "its object is gone"


def test_the_names_of_levels_fit(addon):
    item = scenes.ball(segments=24, rings=12)
    item.name = "x" * 63
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=2)
    (collection,) = (each for each in bpy.data.collections if each.name.endswith("x_LODs"))
    assert sorted(each.name[-6:] for each in collection.objects) == ["x_LOD0", "x_LOD1", "x_LOD2"]


@pytest.mark.parametrize("leave", [False, True])
def test_copies_go_into_the_scene_in_which_they_were_asked_for(addon, leave: bool, monkeypatch):
    """Also where another scene has a collection of that name, and where the user has gone there meanwhile."""
    first, item = bpy.context.scene, scenes.ball("Rock", 24, 12)
    other = bpy.data.scenes.new("Other")
    for name in ("Rock_LODs", "Optimized"):
        other.collection.children.link(bpy.data.collections.new(name))
    place = addon.scene.place.place.place_models

    def elsewhere(context, *arguments):
        context.window.scene = other if leave else first
        return place(context, *arguments)

    monkeypatch.setattr(addon.scene.place.place, "place_models", elsewhere)
    for work in (
        bpy.ops.generio.make_lods,
        lambda: bpy.ops.generio.optimize_selected(placement="COLLECTION"),
    ):
        for _ in range(2):
            bpy.context.window.scene = first
            scenes.select(item)
            work()
    made = {each["generio_name"]: each for each in first.collection.children}
    assert sorted(made["Rock_LODs"].objects.keys()) == [f"Rock_LOD{level}" for level in range(4)]
    assert len(made["Optimized"].objects) == 2
    assert len(first.collection.children) == 2
    assert not any(len(each.objects) for each in other.collection.children)


def test_copies_of_several_stand_beside_all_of_them(addon):
    items = [scenes.ball("Left", 24, 12), scenes.ball("Right", 24, 12)]
    items[1].location.x = 2.5
    optimize(*items, placement="BESIDE", polygon_count=300)
    copies = [bpy.data.objects[f"{item.name}_optimized"] for item in items]
    bpy.context.view_layer.update()
    assert scenes.bounds(copies)[0][0] > scenes.bounds(items)[1][0]
    assert copies[1].location.x - copies[0].location.x == pytest.approx(2.5)


def test_a_copy_of_what_has_no_width_does_not_stand_in_its_place(addon):
    wall = grid()
    wall.rotation_euler.y = math.pi / 2
    optimize(wall, target="PERCENT", percent=50, placement="BESIDE")
    copy = bpy.data.objects[f"{wall.name}_optimized"]
    assert copy.location.x - wall.location.x == pytest.approx(0.1 * max(wall.dimensions), rel=0.01)


@pytest.mark.parametrize("options", [{"modifier_mode": "APPLY"}, {"placement": "BESIDE"}])
def test_collections_are_not_looked_through_for_each_of_many_objects(addon, options: dict, monkeypatch):
    """Blender looks through all of them to tell in which ones an object is."""
    items = [scenes.ball("Ball", 12, 6)]
    items[0].modifiers.new("Smooth", "SUBSURF")
    items += [items[0].copy() for _ in range(20)]
    for item in items[1:]:
        bpy.context.scene.collection.objects.link(item)
    other = bpy.data.collections.new("Other")
    bpy.context.scene.collection.children.link(other)
    other.objects.link(items[-1])
    asked = []
    original = bpy.types.Object.users_collection

    def counted(item: bpy.types.Object) -> tuple[bpy.types.Collection, ...]:
        asked.append(item)
        return original.fget(item)

    monkeypatch.setattr(bpy.types.Object, "users_collection", property(counted))
    optimize(*items, polygon_count=60, **options)
    assert len(asked) < len(items)
    if "placement" in options:
        assert bpy.data.objects[f"{items[-1].name}_optimized"].users_collection == (
            other,
            bpy.context.scene.collection,
        )
