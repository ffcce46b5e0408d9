"""Which meshes make a scene heavy, found out in slices, and how they are brought down to a budget."""

import bpy
import pytest

from tests.blender import scenes
from tests.blender.job_fixtures import panel


def weights(addon):
    """What the scene weighs, found out now."""
    found: list[object] = []
    for _ in addon.scene.heavy.weigh(bpy.context.scene, found):
        pass
    return found[0]


def test_the_heaviest_come_first_with_all_that_is_to_know_of_them(addon):
    heavy, light = scenes.ball(name="Heavy"), scenes.ball(name="Light", segments=16, rings=8)
    twin = bpy.data.objects.new("Twin", heavy.data)
    bpy.context.collection.objects.link(twin)
    image = bpy.data.images.new("Paint", 64, 32)
    material = bpy.data.materials.new("Painted")
    material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    light.data.materials.append(material)
    found = weights(addon)
    many, few = scenes.triangles(heavy), scenes.triangles(light)
    assert found.total == 2 * many + few
    assert [(each.name, each.triangles, each.users) for each in found.heaviest] == [
        ("Heavy", many, 2),
        ("Light", few, 1),
    ]
    assert [each.texture_bytes for each in found.heaviest] == [0, 4 * 64 * 32]
    assert sum(each.share for each in found.heaviest) == pytest.approx(1.0)


def test_an_empty_scene_weighs_nothing(addon):
    assert weights(addon) == addon.scene.heavy.Weights()
    bpy.context.collection.objects.link(bpy.data.objects.new("Faceless", bpy.data.meshes.new("Faceless")))
    assert weights(addon) == addon.scene.heavy.Weights()


@pytest.mark.parametrize(
    ("meshes", "budget", "level"),
    [
        ([(1000, 1), (100, 1)], 600, 500),
        ([(1000, 1), (100, 1)], 1100, 1000),
        ([(1000, 3), (100, 1)], 700, 200),
        ([(1000, 1), (900, 1), (100, 1)], 300, 100),
        ([(1000, 1)], -5, 1),
        ([], 5, 1),
    ],
)
def test_the_heavier_ones_go_to_one_count(addon, meshes: list[tuple[int, int]], budget: int, level: int):
    assert addon.scene.heavy.level_for(meshes, budget) == level


def test_optimize_to_budget_reduces_the_heavy_ones_and_leaves_the_light_ones(addon, sandbox):
    heavy, light = scenes.ball(name="Heavy"), scenes.ball(name="Light", segments=16, rings=8)
    few = scenes.triangles(light)
    scenes.select(light)  # which says nothing here
    panel().scene_budget = few + 300
    assert bpy.ops.generio.optimize_to_budget() == {"FINISHED"}
    assert scenes.triangles(light) == few
    assert scenes.triangles(heavy) <= 300
    assert weights(addon).total <= panel().scene_budget
    assert len(sandbox.stats()["flows"]) == 1
    assert bpy.ops.generio.optimize_to_budget() == {"CANCELLED"}
    assert len(sandbox.stats()["flows"]) == 1


def test_five_thousand_objects_are_looked_at_in_slices(addon):
    mesh = scenes.ball(segments=16, rings=8).data
    for number in range(5000):
        item = bpy.data.objects.new(f"Part {number}", mesh if number % 2 else mesh.copy())
        bpy.context.collection.objects.link(item)
    slices = 0
    found: list[object] = []
    work = addon.scene.heavy.weigh(bpy.context.scene, found)
    while not found:
        next(work, None)
        slices += 1
    assert slices > 5000 // addon.scene.heavy.PIECE


def test_a_change_is_seen_once_it_was_looked_at(addon):
    item = scenes.ball(name="Heavy")
    part = addon.panels.heavy_objects.scene_weights()
    part.drawn(bpy.context)
    while part.go_on(bpy.context):
        pass
    assert [each.name for each in part.drawn(bpy.context).heaviest] == ["Heavy"]
    bpy.data.objects.remove(item)
    bpy.context.view_layer.update()
    assert bpy.app.timers.is_registered(addon.panels.heavy_objects._tick)
    while part.go_on(bpy.context):
        pass
    assert part.drawn(bpy.context).heaviest == ()


def test_a_click_selects_all_that_have_the_mesh(addon):
    item, other = scenes.ball(name="Heavy"), scenes.ball(name="Other")
    twin = bpy.data.objects.new("Twin", item.data)
    bpy.context.collection.objects.link(twin)
    scenes.select(other)
    assert bpy.ops.generio.select_heavy(uid=item.session_uid) == {"FINISHED"}
    assert {each.name for each in bpy.context.selected_objects} == {"Heavy", "Twin"}
    assert bpy.context.active_object == item
    item.hide_set(True)
    twin.hide_set(True)
    assert bpy.ops.generio.select_heavy(uid=item.session_uid) == {"CANCELLED"}
    assert bpy.ops.generio.select_heavy(uid=1) == {"CANCELLED"}


def test_a_budget_that_cannot_be_met_is_known_beforehand(addon):
    scenes.ball(name="Heavy")
    scenes.ball(name="Few", segments=16, rings=8)
    assert addon.scene.heavy.plan(bpy.context.scene, 10**9).objects == []
    planned = addon.scene.heavy.plan(bpy.context.scene, 1)
    assert {item.name for item in planned.objects} == {"Heavy", "Few"}
    assert (planned.triangles, planned.is_enough) == (1, False)
