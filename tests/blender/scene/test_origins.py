"""What was made of an object that has been edited since says so, and is made again."""

from types import SimpleNamespace
from typing import Any

import bpy
import pytest

from tests.blender import scenes
from tests.blender.baking import finished, material_of, node_kinds
from tests.blender.sculpts import sculpt


def part_of(addon, item: bpy.types.Object) -> str:
    """What of an object is out of date."""
    origins = addon.scene.origins
    bpy.context.view_layer.update()
    work = addon.session.current().part(origins.MeshDigests).outdated(item, origins.Owners.of_file())
    return addon.session.requests.again._finished(work)


def edit(item: bpy.types.Object) -> None:
    """Move one vertex of many."""
    item.data.vertices[100].co *= 1.05
    item.data.update()


def optimize(addon, item: bpy.types.Object, count: int = 1, **options: Any) -> None:
    scenes.select(item)
    bpy.ops.generio.optimize_selected(percent=10.0, **options)
    finished(addon, count)


def make_again(addon, item: bpy.types.Object, count: int) -> None:
    item.hide_set(False)
    scenes.select(item)
    assert bpy.ops.generio.make_again() == {"FINISHED"}
    finished(addon, count)


def test_an_object_whose_mesh_before_was_edited_is_made_again_with_its_maps(addon, sandbox):
    item = sculpt()
    optimize(addon, item, 2, bake=True, bake_size="512")
    assert part_of(addon, item) == ""
    versions = addon.scene.versions
    versions.toggle(item)
    assert part_of(addon, item) == ""
    edit(item)
    moved = tuple(item.data.vertices[100].co)
    assert part_of(addon, item) == "MESH"
    versions.toggle(item)
    assert part_of(addon, item) == "MESH"
    light = scenes.triangles(item)
    make_again(addon, item, 4)
    assert versions.shows_after(item)
    assert scenes.triangles(item) == pytest.approx(light, rel=0.02)
    assert part_of(addon, item) == ""
    assert "ShaderNodeNormalMap" in node_kinds(material_of(item))
    versions.toggle(item)
    assert tuple(item.data.vertices[100].co) == moved
    assert len(sandbox.stats()["flows"]) == 2


def test_a_copy_whose_original_was_edited_gets_the_new_mesh_and_stays_where_it_is(addon):
    item = sculpt()
    optimize(addon, item, placement="BESIDE")
    copy = bpy.data.objects["Vase_optimized"]
    copy.location.z = 3.0
    copy.name = "My Vase"
    assert part_of(addon, copy) == part_of(addon, item) == ""
    edit(item)
    assert part_of(addon, copy) == "MESH"
    assert part_of(addon, item) == ""
    before, objects = copy.data, len(bpy.data.objects)
    make_again(addon, copy, 2)
    assert len(bpy.data.objects) == objects
    assert copy.data != before
    assert copy.location.z == 3.0
    assert part_of(addon, copy) == ""


def test_levels_whose_original_was_edited_are_made_again_as_one(addon):
    item = sculpt()
    scenes.select(item)
    bpy.ops.generio.make_lods(counts="4000, 1000", arrange="BESIDE")
    finished(addon, 2)
    level = bpy.data.objects["Vase_LOD1"]
    assert part_of(addon, level) == ""
    edit(item)
    assert part_of(addon, level) == part_of(addon, bpy.data.objects["Vase_LOD2"]) == "MESH"
    make_again(addon, level, 4)
    assert part_of(addon, bpy.data.objects["Vase_LOD1"]) == ""
    assert part_of(addon, bpy.data.objects["Vase_LOD2"]) == ""


def test_to_optimize_the_original_of_levels_edits_nothing(addon):
    item = sculpt()
    scenes.select(item)
    bpy.ops.generio.make_lods(counts="4000", arrange="BESIDE")
    finished(addon, 1)
    optimize(addon, item, 2)
    assert part_of(addon, bpy.data.objects["Vase_LOD1"]) == ""


def test_modifiers_that_were_applied_belong_to_the_original(addon):
    item = sculpt()
    modifier = item.modifiers.new("Shell", "SOLIDIFY")
    optimize(addon, item, placement="BESIDE", modifier_mode="APPLY")
    copy = bpy.data.objects["Vase_optimized"]
    bpy.context.view_layer.update()
    assert part_of(addon, copy) == ""
    modifier.thickness = 0.3
    assert part_of(addon, copy) == "MESH"


def test_maps_alone_are_baked_again(addon, sandbox):
    item = sculpt()
    optimize(addon, item)
    versions = addon.scene.versions
    versions.toggle(item)
    first = item.data.vertices[100].co.copy()
    edit(item)
    versions.toggle(item)
    bpy.ops.generio.bake_detail(bake_size="512")
    finished(addon, 2)
    assert part_of(addon, item) == "MESH"  # the maps are of what was edited
    versions.hidden_mesh(item).vertices[100].co = first
    versions.hidden_mesh(item).update()
    addon.session.current().part(addon.scene.origins.MeshDigests).outdate()  # nobody shows it
    assert part_of(addon, item) == "MAPS"
    make_again(addon, item, 3)
    assert part_of(addon, item) == ""
    assert len(sandbox.stats()["flows"]) == 1


def test_an_original_that_is_gone_says_nothing(addon):
    item = sculpt()
    optimize(addon, item, placement="BESIDE")
    bpy.data.objects.remove(item)
    copy = bpy.data.objects["Vase_optimized"]
    assert part_of(addon, copy) == ""
    scenes.select(copy)
    requester = SimpleNamespace(tell=print, by_hand=True)
    with pytest.raises(addon.session.requests.again.NothingOutdated):
        addon.session.requests.make_again(addon.session.current(), bpy.context, [copy], requester)


def test_a_request_that_fails_leaves_what_is_shown(addon, monkeypatch: pytest.MonkeyPatch):
    item = sculpt()
    optimize(addon, item)
    versions = addon.scene.versions
    versions.toggle(item)
    edit(item)
    versions.toggle(item)
    scenes.select(item)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(addon.session.requests.mesh_request, "write_snapshot", full)
    with pytest.raises(RuntimeError, match="No space"):
        bpy.ops.generio.make_again()
    assert versions.shows_after(item)


def test_a_mesh_is_looked_at_only_after_one_was_changed(addon, monkeypatch: pytest.MonkeyPatch):
    item = sculpt()
    optimize(addon, item, placement="BESIDE")
    copy = bpy.data.objects["Vase_optimized"]
    part_of(addon, copy)
    looked: list[object] = []
    real = addon.scene.origins._arrays
    monkeypatch.setattr(addon.scene.origins, "_arrays", lambda mesh: looked.append(mesh) or real(mesh))
    copy.location.x += 1.0
    part_of(addon, copy)
    bpy.context.scene.frame_set(5)
    part_of(addon, copy)
    assert looked == []
    edit(item)
    part_of(addon, copy)
    assert looked == [item.data]


def test_the_panel_is_told_of_it(addon):
    item = sculpt()
    optimize(addon, item, placement="BESIDE")
    copy = bpy.data.objects["Vase_optimized"]
    edit(item)
    scenes.select(copy)
    report = addon.panels.selection_report.SelectionReport()
    for _ in range(100):
        report.drawn(bpy.context)
        while report.go_on(bpy.context):
            pass
    assert report.known(bpy.context).outdated == (copy.name,)
