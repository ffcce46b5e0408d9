"""Sets of levels of detail: of what they are made, made again, extended, shown by size, and removed."""

from collections.abc import Iterator

import bpy
import pytest

from tests.blender import scenes


def make(*items: bpy.types.Object, **options: object) -> set[str]:
    scenes.select(*items)
    return bpy.ops.generio.make_lods(**options)


def levels() -> dict[str, bpy.types.Object]:
    return dict(bpy.data.collections["Rock_LODs"].objects.items())


def counts() -> dict[str, int]:
    return {name: scenes.triangles(item) for name, item in sorted(levels().items())}


def runs(sandbox) -> int:
    return sandbox.stats()["run_total"]


@pytest.fixture
def rock(addon) -> Iterator[bpy.types.Object]:
    yield scenes.ball("Rock", 32, 16)


def test_optimizing_the_original_afterwards_changes_no_level(rock):
    make(rock, levels=2)
    before = counts()
    assert before["Rock_LOD0"] == scenes.triangles(rock)
    scenes.select(rock)
    bpy.ops.generio.optimize_selected(polygon_count=20)
    assert scenes.triangles(rock) <= 20
    assert counts() == before
    bpy.ops.generio.accept_optimized()
    assert counts() == before


def test_level_0_is_a_picture_with_one_version_of_its_mesh(rock):
    scenes.select(rock)
    bpy.ops.generio.optimize_selected(polygon_count=500)
    make(rock, percents="50")
    first = levels()["Rock_LOD0"]
    assert scenes.triangles(first) == scenes.triangles(rock) <= 500
    assert not {"generio_other", "generio_report"} & {*first.data.keys()}
    bpy.ops.generio.revert_optimized()
    assert scenes.triangles(first) <= 500


def test_only_what_is_stale_is_made_again(rock, sandbox, capfd):
    make(rock, levels=2)
    assert runs(sandbox) == 2
    assert make(rock, levels=2) == {"CANCELLED"}
    assert runs(sandbox) == 2
    assert '"Rock": 2 levels are up to date' in capfd.readouterr().out
    make(rock, percents="50, 10")
    assert runs(sandbox) == 3, "the second one has another count"
    rock.data.vertices[0].co.z += 0.1
    make(rock, percents="50, 10")
    assert runs(sandbox) == 5, "the original is another one"
    assert levels()["Rock_LOD0"].data.vertices[0].co == rock.data.vertices[0].co


def test_a_set_is_extended_by_asking_for_one_more(rock, sandbox):
    make(rock, levels=2)
    before = counts()
    make(rock, levels=3)
    assert runs(sandbox) == 3
    after = counts()
    assert {name: after[name] for name in before} == before
    assert after["Rock_LOD3"] < after["Rock_LOD2"]


def test_levels_are_made_of_the_original_wherever_they_are_asked_for(rock, sandbox):
    make(rock, levels=2)
    bpy.context.view_layer.layer_collection.children["Rock_LODs"].hide_viewport = False
    total = scenes.triangles(rock)
    make(levels()["Rock_LOD1"], levels()["Rock_LOD2"], percents="40, 20")
    assert [each.name for each in bpy.data.collections] == ["Rock_LODs"]
    assert runs(sandbox) == 4
    assert counts()["Rock_LOD1"] == pytest.approx(0.4 * total, rel=0.1)
    bpy.data.objects.remove(rock)
    make(levels()["Rock_LOD2"], percents="30, 20")
    assert counts()["Rock_LOD1"] == pytest.approx(0.3 * total, rel=0.1)
    assert counts()["Rock_LOD0"] == total
    assert [each.name for each in bpy.data.collections] == ["Rock_LODs"]


def test_levels_are_numbered_from_the_heaviest_in_whatever_order_they_are_given(rock):
    make(rock, counts="60, 400, 200")
    assert [counts()[f"Rock_LOD{level}"] for level in (1, 2, 3)] == sorted(
        [counts()[f"Rock_LOD{level}"] for level in (1, 2, 3)], reverse=True
    )
    assert counts()["Rock_LOD3"] <= 60


def test_levels_that_come_in_another_order_are_named_all_the_same(addon, rock):
    put, lod = addon.scene.replace_mesh.assign_mesh, addon.scene.replace_mesh.LOD
    where = addon.core.destination.OptimizedMesh
    for level, segments in ((3, 4), (1, 16), (2, 8)):
        mesh = scenes.ball("Part", segments, segments // 2).data
        put(bpy.context.scene, mesh, [rock], where(mode=lod, level=level))
        rock.name = "Renamed"  # while the others are on their way
    assert [*counts()] == [f"Rock_LOD{level}" for level in range(4)]
    assert [item.data.name for item in levels().values()] == [*levels()]


def test_presets_and_lists_of_percentages(rock, addon):
    total = scenes.triangles(rock)
    make(rock, method="PERCENTS")
    assert counts()["Rock_LOD3"] == pytest.approx(total / 8, rel=0.15)
    with pytest.raises(RuntimeError, match="numbers between 0 and 100"):
        make(rock, percents="50, 120")
    with pytest.raises(RuntimeError, match="numbers between 0 and 100"):
        make(rock, percents="half")


def test_a_set_goes_as_one_and_leaves_nothing_behind(rock):
    rock.data.materials.append(scenes.textured("Bark"))
    before = {
        kind: {*getattr(bpy.data, kind)} for kind in ("objects", "meshes", "collections", "node_groups")
    }
    make(rock, levels=2, arrange="SWITCH")
    levels()["Rock_LOD1"].copy()
    own = bpy.data.objects.new("Mine", None)
    bpy.data.collections["Rock_LODs"].objects.link(own)
    scenes.select(rock)
    assert bpy.ops.generio.remove_lods() == {"FINISHED"}
    assert [*bpy.data.collections["Rock_LODs"].objects] == [own], "what is the user's stays"
    bpy.data.objects.remove(own)
    for item in [*bpy.data.objects]:
        if item not in before["objects"]:
            bpy.data.objects.remove(item)  # the duplicate
    bpy.data.collections.remove(bpy.data.collections["Rock_LODs"])
    bpy.ops.outliner.orphans_purge()
    assert {kind: {*getattr(bpy.data, kind)} for kind in before} == before
    assert not rock.hide_viewport and not rock.hide_render
    assert "generio_levels" not in rock


# ---------------------------------------------------------------------- by size


def camera(distance: float) -> bpy.types.Object:
    item = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(item)
    bpy.context.scene.camera = item
    item.location.y = -distance
    item.rotation_euler.x = 1.5708
    return item


def shown() -> int:
    """How many triangles the preview has, as Blender itself evaluates it."""
    preview = bpy.data.objects["Rock_Preview"]
    mesh = preview.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    return len(mesh.loops) - 2 * len(mesh.polygons)


def test_the_preview_shows_one_level_after_the_other_as_the_camera_moves_away(rock):
    lens = camera(2.0)
    make(rock, percents="25, 4", arrange="SWITCH")
    wanted = [counts()[f"Rock_LOD{level}"] for level in range(3)]
    sizes = [levels()[f"Rock_LOD{level}"]["generio_screen_size"] for level in (1, 2)]
    assert sizes == pytest.approx([0.5, 0.2], rel=0.1)
    seen = []
    for distance in (4.0, 30.0, 100.0):
        lens.location.y = -distance
        seen.append(shown())
    assert seen == wanted
    assert not rock.visible_get()
    assert rock.hide_render


def test_what_a_size_is_can_be_edited_and_lens_and_scale_count(rock):
    lens = camera(25.0)
    make(rock, percents="25", arrange="SWITCH")
    light, full = counts()["Rock_LOD1"], counts()["Rock_LOD0"]
    assert shown() == light
    level = levels()["Rock_LOD1"]
    level["generio_screen_size"] = 0.1
    level.update_tag()
    assert shown() == full
    level["generio_screen_size"] = 0.6
    level.update_tag()
    lens.data.lens = 500.0
    assert shown() == full
    lens.data.lens = 50.0
    assert shown() == light
    bpy.data.objects["Rock_Preview"].scale = (10.0, 10.0, 10.0)
    assert shown() == full
    bpy.context.scene.camera = None
    scenes.select(bpy.data.objects["Rock_Preview"])
    for _ in range(2):
        bpy.ops.generio.preview_lods()
    assert shown() == full, "without a camera"


def test_a_size_that_the_user_has_set_stays(rock):
    make(rock, percents="25")
    level = levels()["Rock_LOD1"]
    make(rock, percents="36")
    assert level["generio_screen_size"] == pytest.approx(0.6, rel=0.05), "it was ours"
    level["generio_screen_size"] = 0.3
    make(rock, percents="10")
    assert level["generio_screen_size"] == pytest.approx(0.3)


def test_the_preview_is_selected_where_the_original_was(rock):
    camera(25.0)
    scenes.select(rock)
    make(rock, percents="25", arrange="SWITCH")
    preview = bpy.data.objects["Rock_Preview"]
    assert bpy.context.active_object == preview and preview.select_get()


def test_a_preview_is_not_optimized_and_says_what_to_select(rock):
    camera(25.0)
    make(rock, percents="25", arrange="SWITCH")
    scenes.select(bpy.data.objects["Rock_Preview"])
    with pytest.raises(RuntimeError, match="it is a preview of levels of detail; select the original"):
        bpy.ops.generio.optimize_selected(polygon_count=100)


def test_the_preview_is_switched_off_and_on_and_gets_what_comes_later(rock):
    camera(1000.0)
    make(rock, percents="25")
    scenes.select(rock)
    assert bpy.ops.generio.preview_lods() == {"FINISHED"}
    preview = bpy.data.objects["Rock_Preview"]
    assert bpy.context.active_object == preview
    assert shown() == counts()["Rock_LOD1"]
    make(preview, percents="25, 5")
    assert bpy.data.objects["Rock_Preview"] == preview
    assert shown() == counts()["Rock_LOD2"]
    assert len(bpy.data.node_groups) == 1
    scenes.select(preview)
    assert bpy.ops.generio.preview_lods() == {"FINISHED"}
    assert bpy.context.active_object == rock and rock.visible_get() and not rock.hide_render
    assert "Rock_Preview" not in bpy.data.objects and not bpy.data.node_groups


def test_a_level_that_comes_while_the_original_is_hidden_is_not(rock):
    camera(1000.0)
    make(rock, percents="25", arrange="SWITCH")
    make(bpy.data.objects["Rock_Preview"], percents="25, 5")
    added = levels()["Rock_LOD2"]
    assert not added.hide_viewport and not added.hide_render and "generio_hidden" not in added
    assert rock.hide_viewport


def test_what_was_hidden_before_stays_hidden(rock):
    make(rock, percents="25")
    rock.hide_render = True
    scenes.select(rock)
    bpy.ops.generio.preview_lods()
    bpy.ops.generio.preview_lods()
    assert rock.hide_render and not rock.hide_viewport


def test_a_preview_is_saved_and_works_in_the_file(rock, tmp_path):
    camera(1000.0)
    make(rock, percents="25", arrange="SWITCH")
    light = counts()["Rock_LOD1"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rock.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "rock.blend"))
    assert shown() == light
    scenes.select(bpy.data.objects["Rock_Preview"])
    bpy.ops.generio.remove_lods()
    assert [item.name for item in bpy.data.objects if item.type == "MESH"] == ["Rock"]
    assert bpy.data.objects["Rock"].visible_get()
