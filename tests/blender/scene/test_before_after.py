"""The two versions of an optimized mesh are shown in turn, and either can be chosen."""

import math
from pathlib import Path

import bpy
import pytest
from mathutils import Matrix

from tests.blender import scenes
from tests.blender.optimizing import optimize, report

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def test_before_and_after_are_shown_in_turn_and_either_can_be_chosen(addon):
    for choice in ("accept", "revert"):
        item = scenes.ball("Ball")
        mate = item.copy()
        bpy.context.scene.collection.objects.link(mate)
        heavy = item.data
        name, count = heavy.name, scenes.triangles(item)
        optimize(item, polygon_count=500)
        light = item.data
        assert (light.name, mate.data) == (name, light)
        for _ in range(3):
            bpy.ops.generio.show_version(version="BEFORE")
            assert (item.data, mate.data, heavy.name) == (heavy, heavy, name)
            bpy.ops.generio.show_version()
            assert (item.data, mate.data, light.name) == (light, light, name)
        bpy.ops.generio.show_version(version="BEFORE")
        getattr(bpy.ops.generio, f"{choice}_optimized")()
        assert (scenes.triangles(item) == count) == (choice == "revert")
        assert item.data.name == name
        assert not bpy.ops.generio.show_version.poll()
        assert [mesh for mesh in bpy.data.meshes if mesh.name.startswith(name)] == [item.data]
        bpy.data.batch_remove([item, mate])
        bpy.ops.outliner.orphans_purge(do_recursive=True)


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_duplicate_that_was_made_meanwhile_has_versions_of_its_own(addon, modifiers: str, linked: bool):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF")
    count = scenes.triangles(item)
    optimize(item, polygon_count=300, modifier_mode=modifiers)
    mate = item.copy()
    bpy.context.scene.collection.objects.link(mate)
    if not linked:
        mate.data = item.data.copy()
        mate.data["edited"] = True
    scenes.select(item, mate)
    bpy.ops.generio.show_version(version="BEFORE")
    assert [scenes.triangles(each) for each in (item, mate)] == [count, count]
    assert [len(each.modifiers) for each in (item, mate)] == [1, 1]
    bpy.ops.generio.show_version(version="AFTER")
    assert [scenes.triangles(each) for each in (item, mate)] == [300, 300]
    assert ("edited" in item.data, "edited" in mate.data) == (False, not linked)
    scenes.select(item)
    bpy.ops.generio.accept_optimized()
    scenes.select(mate)
    if linked and modifiers == "KEEP":  # one mesh, one choice
        assert not bpy.ops.generio.revert_optimized.poll()
    elif not linked:
        bpy.ops.generio.revert_optimized()
        assert (scenes.triangles(item), scenes.triangles(mate)) == (300, count)
        assert len(bpy.data.meshes) == len(bpy.data.objects) == 2


@pytest.mark.parametrize("way", ["linked", "linked mesh", "override"])
def test_versions_in_a_library_are_chosen_there(addon, tmp_path: Path, way: str):
    """Here they cannot be exchanged, or would be until the file is opened again."""
    item = scenes.ball("Ball", 24, 12)
    optimize(item, polygon_count=300)
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    with bpy.data.libraries.load(str(path), link=True) as (_inside, wanted):
        wanted.objects = ["Ball"]
    (item,) = wanted.objects
    if way == "linked mesh":
        item = bpy.data.objects.new("Own", item.data)
    scene.collection.objects.link(item)
    if way == "override":
        item = item.override_create(remap_local_usages=True)
    scenes.select(item)
    assert bpy.context.selected_objects == [item]
    assert not bpy.ops.generio.show_version.poll()
    assert addon.scene.versions.with_reports([item]) == [item]


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
def test_what_is_done_to_a_duplicate_that_went_back_is_not_done_to_the_mesh_before(addon, modifiers: str):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF")
    top = max(vertex.co.z for vertex in item.data.vertices)
    optimize(item, polygon_count=300, modifier_mode=modifiers)
    mates = [item.copy(), item.copy()]
    for mate in mates:
        bpy.context.scene.collection.objects.link(mate)
    mates[0].data = mates[1].data = item.data.copy()
    scenes.select(mates[0])
    bpy.ops.generio.show_version(version="BEFORE")
    scenes.select(*mates)
    bpy.ops.generio.revert_optimized()
    assert mates[0].data == mates[1].data
    mates[0].data.transform(Matrix.Scale(2.0, 4))
    scenes.select(item)
    bpy.ops.generio.revert_optimized()
    assert max(vertex.co.z for vertex in item.data.vertices) == pytest.approx(top)
    assert max(vertex.co.z for vertex in mates[0].data.vertices) == pytest.approx(2 * top)
    assert (len(bpy.data.meshes), len(bpy.data.objects)) == (2, 3)


def test_a_duplicate_of_what_was_optimized_twice_is_accepted_as_well(addon):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF")
    for count in (300, 200):
        optimize(item, polygon_count=count, modifier_mode="APPLY")
    mate = item.copy()
    mate.data = item.data.copy()
    bpy.context.scene.collection.objects.link(mate)
    scenes.select(mate)
    bpy.ops.generio.show_version(version="BEFORE")
    bpy.ops.generio.accept_optimized()
    assert scenes.triangles(mate) == 200
    assert not bpy.ops.generio.show_version.poll()
    scenes.select(item)
    assert bpy.ops.generio.show_version.poll()


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
def test_the_mesh_before_of_one_object_is_not_exchanged_with_that_of_another(addon, modifiers: str):
    """The object that keeps it is in no scene, and has the mesh that others still show."""
    item = scenes.ball("Item", 24, 12)
    item.modifiers.new("Smooth", "SUBSURF")
    count = scenes.triangles(item)
    other = bpy.data.objects.new("Other", item.data)
    bpy.context.scene.collection.objects.link(other)
    optimize(item, polygon_count=300, modifier_mode="APPLY")
    if modifiers == "APPLY":
        other.modifiers.new("Smooth", "SUBSURF")  # so it looks like the one in no scene
    optimize(other, polygon_count=200, modifier_mode=modifiers)
    for version in ("BEFORE", "AFTER"):
        bpy.ops.generio.show_version(version=version)
    bpy.ops.generio.accept_optimized()
    assert [scenes.triangles(each) for each in (item, other)] == [300, 200]
    scenes.select(item)
    bpy.ops.generio.revert_optimized()
    assert [scenes.triangles(each) for each in (item, other)] == [count, 200]
    assert len(bpy.data.meshes) == len(bpy.data.objects) == 2


def test_each_object_that_shows_its_mesh_before_goes_back_to_it(addon):
    """Not to one after from an earlier time, which only it had."""
    other = scenes.ball("First", 24, 12)
    count = scenes.triangles(other)
    item = bpy.data.objects.new("Second", other.data)
    bpy.context.scene.collection.objects.link(item)
    item.modifiers.new("Smooth", "SUBSURF")
    optimize(item, polygon_count=300, modifier_mode="APPLY")
    bpy.ops.generio.show_version(version="BEFORE")
    optimize(other, polygon_count=200)
    assert [scenes.triangles(each) for each in (item, other)] == [200, 200]
    bpy.ops.generio.revert_optimized()
    assert [scenes.triangles(each) for each in (item, other)] == [count, count]
    assert [len(bpy.data.meshes), len(bpy.data.objects)] == [1, 2]


@pytest.mark.parametrize("placement", ["REPLACE", "BESIDE"])
def test_what_was_optimized_and_accepted_is_the_version_before_of_the_next_time(addon, placement: str):
    item = scenes.ball("Ball")
    optimize(item, polygon_count=1000, placement=placement)
    if placement == "REPLACE":
        bpy.ops.generio.accept_optimized()
    else:
        item = bpy.data.objects["Ball_optimized"]
    count = scenes.triangles(item)
    optimize(item, polygon_count=300)
    bpy.ops.generio.show_version(version="BEFORE")
    bpy.ops.generio.show_version(version="BEFORE")
    assert scenes.triangles(item) == count
    bpy.ops.generio.revert_optimized()
    assert scenes.triangles(item) == count
    assert not bpy.ops.generio.show_version.poll()


def test_figures_are_there_of_copies_too_and_go_when_they_are_accepted(addon):
    item = scenes.ball("Ball")
    report = addon.panels.selection_report.selection_report()

    def shown(context: bpy.types.Context) -> bool:
        return bool(report.latest(context).reports)

    assert not shown(bpy.context)
    optimize(item, polygon_count=1000, placement="BESIDE")
    assert not shown(bpy.context)
    scenes.select(bpy.data.objects["Ball_optimized"])
    assert shown(bpy.context)
    assert not bpy.ops.generio.show_version.poll()
    optimize(item, polygon_count=1000)
    assert shown(bpy.context)
    bpy.ops.generio.accept_optimized()
    assert not shown(bpy.context)


def test_optimizing_twice_goes_back_to_the_first_mesh(addon):
    item = scenes.ball()
    count, name = scenes.triangles(item), item.data.name
    optimize(item, polygon_count=1000)
    optimize(item, polygon_count=300)
    assert scenes.triangles(item) <= 300
    assert len(bpy.data.meshes) == 2
    bpy.ops.generio.revert_optimized()
    assert (scenes.triangles(item), item.data.name) == (count, name)
    assert len(bpy.data.meshes) == 1


def test_a_report_says_what_has_changed(addon, sandbox):
    item = scenes.ball()
    item.data.materials.append(scenes.textured("Paint"))
    before = scenes.triangles(item)
    optimize(item, polygon_count=500)
    told = report(item)
    assert told["before"]["triangles"] == before
    assert told["after"]["triangles"] == scenes.triangles(item)
    assert told["after"]["vertices"] == len(item.data.vertices)
    assert told["before"]["materials"] == told["after"]["materials"] == 1
    assert told["before"]["texture_bytes"] == told["after"]["texture_bytes"] == 4 * 64 * 64
    assert 0 < told["after"]["file_bytes"] < told["before"]["file_bytes"]
    assert 0 < told["deviation"]["mean"] < told["deviation"]["max"] < 0.05
    assert 0 <= told["drift"] < 0.02
    assert told["slots"]


def test_the_deviation_is_that_of_the_surfaces_both_ways(addon, tmp_path: Path):
    bpy.ops.mesh.primitive_plane_add(size=2.0)
    plate = bpy.context.object
    other = plate.copy()
    other.data = plate.data.copy()
    other.data.transform(Matrix.Translation((0, 0, 0.1)))
    bpy.context.collection.objects.link(other)
    told = addon.scene.restore.compare.comparison(plate, other, bpy.context.evaluated_depsgraph_get())
    diagonal = math.sqrt(8)
    assert told["deviation"]["mean"] == pytest.approx(0.1 / diagonal, rel=1e-4)
    assert told["deviation"]["max"] == pytest.approx(0.1 / diagonal, rel=1e-4)
    assert told["drift"] == pytest.approx(0.1 / diagonal, rel=1e-4)
