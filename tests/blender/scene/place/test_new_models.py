"""Where a new model stands, how large it is, and in which collection."""

from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector
from PIL import Image

from tests.blender import scenes
from tests.blender.job_fixtures import generate, panel, settle, slab


def test_on_its_base_with_a_height(addon):
    item = settle(addon, slab(), location=(1.0, 2.0, 3.0), base=True, height=3.0)
    low, high = scenes.bounds([item])
    np.testing.assert_allclose(high[2] - low[2], 3.0, atol=1e-5)
    np.testing.assert_allclose(low[2], 3.0, atol=1e-5)
    np.testing.assert_allclose([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2], [1.0, 2.0], atol=1e-5)
    assert tuple(item.location) == (1.0, 2.0, 3.0)
    assert tuple(item.scale) == (1.0, 1.0, 1.0)


def test_scaled_by_the_unit_at_the_cursor(addon):
    item = settle(addon, slab(), location=(1.0, 0.0, 0.0), scale=100.0)
    assert tuple(item.location) == (1.0, 0.0, 0.0)
    low, high = scenes.bounds([item])
    np.testing.assert_allclose(np.subtract(high, low), (200.0, 400.0, 100.0), rtol=1e-4)


def test_a_hierarchy_keeps_its_shape_and_gets_a_root_on_its_base(addon):
    body = slab("Body", (2.0, 2.0, 2.0))
    arm = slab("Arm", (1.0, 1.0, 1.0), parent=body)
    root = settle(addon, body, [body, arm], location=(0.0, 0.0, 1.0), base=True, height=1.0)
    assert root not in (body, arm)
    assert body.parent == root
    low, high = scenes.bounds([body, arm])
    np.testing.assert_allclose((low[2], high[2]), (1.0, 2.0), atol=1e-5)
    assert tuple(root.location) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("shading", ["smooth", "flat", ""])
def test_shading(addon, shading: str):
    item = slab()
    item.data.polygons[0].use_smooth = True
    settle(addon, item, shading=shading)
    smooth = [face.use_smooth for face in item.data.polygons]
    assert smooth == {"smooth": [True] * len(smooth), "flat": [False] * len(smooth)}.get(
        shading, [True] + [False] * (len(smooth) - 1)
    )


@pytest.mark.parametrize("shading", ["smooth", "flat"])
def test_shading_is_seen_where_a_model_has_normals_of_its_own(addon, shading: str):
    item = slab()
    item.data.normals_split_custom_set([(0.0, 0.6, 0.8)] * len(item.data.loops))
    settle(addon, item, shading=shading)
    faces = np.array([item.data.polygons[0].normal for _ in item.data.polygons[0].loop_indices])
    shown = np.array([item.data.corner_normals[loop].vector for loop in item.data.polygons[0].loop_indices])
    assert np.allclose(shown, faces, atol=1e-5) == (shading == "flat")
    assert not np.allclose(shown, (0.0, 0.6, 0.8), atol=1e-3)


def test_the_surface_below_the_cursor(addon):
    table = slab("Table", (4.0, 4.0, 1.0))
    table.location = (-5.0, 3.0, 0.0)  # its top is at z = 2.5
    bpy.context.scene.cursor.location = (0.0, 0.0, 10.0)
    bpy.context.view_layer.update()
    assert generate(where="SURFACE") == {"FINISHED"}
    lamp = bpy.data.objects["A brass lamp"]
    np.testing.assert_allclose(lamp.location, (0.0, 0.0, 2.5), atol=0.1)
    np.testing.assert_allclose(scenes.bounds([lamp])[0][2], lamp.location.z, atol=1e-4)


def test_what_the_view_does_not_show_is_no_surface(addon):
    floor, roof = scenes.ball("Floor", 8, 8), scenes.ball("Roof", 8, 8, location=(0.0, 0.0, 5.0))
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    below, above = addon.scene.place.raycast.below, Vector((0.01, 0.02, 9.0))
    scenes.select(floor)
    with bpy.context.temp_override(window=window, area=area, region=region):
        assert below(bpy.context, above).z > 4.0
        bpy.ops.view3d.localview()
        assert not roof.visible_get(viewport=bpy.context.space_data)
        assert 0.0 < below(bpy.context, above).z < 2.0
        bpy.ops.view3d.localview()
        bpy.context.space_data.show_object_viewport_mesh = False
        assert below(bpy.context, above).z == 0.0
    assert below(bpy.context, above).z > 4.0, "a script looks at no view"


def test_an_instance_is_a_surface_though_its_object_is_not_shown(addon):
    source = scenes.ball("Source", 8, 8)
    collection = bpy.data.collections.new("Source")
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(source)
    bpy.context.scene.collection.objects.unlink(source)
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", collection
    instance.location.z = 5.0
    bpy.context.scene.collection.objects.link(instance)
    source.hide_set(True)
    bpy.context.view_layer.update()
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    with bpy.context.temp_override(window=window, area=area):
        assert addon.scene.place.raycast.below(bpy.context, Vector((0.01, 0.02, 9.0))).z > 4.0


def test_nothing_below_the_cursor_is_the_ground(addon):
    below = addon.scene.place.raycast.below
    assert tuple(below(bpy.context, Vector((1.0, 2.0, 9.0)))) == (1.0, 2.0, 0.0)
    assert tuple(below(bpy.context, Vector((1.0, 2.0, -9.0)))) == (1.0, 2.0, -9.0)


def orthographic(tilt: float) -> SimpleNamespace:
    """A view onto the origin, two units high: from above at 0, from the front at a right angle."""
    matrix = Matrix.Rotation(tilt, 4, "X").inverted()
    clipped = Matrix.Diagonal((1.0, 1.0, -1e-3, 1.0))
    return SimpleNamespace(
        view_matrix=matrix,
        perspective_matrix=clipped @ matrix,
        is_perspective=False,
        view_perspective="ORTHO",
    )


@pytest.mark.parametrize(
    ("tilt", "point"),
    [
        (0.0, (0.5, 0.5, 0.0)),
        (np.pi / 3, (0.5, 1.0, 0.0)),
        (np.pi / 2, (0.5, 7.0, 0.5)),
        (np.pi / 2 - 1e-4, (0.5, 7.0, 0.5)),  # the ground would be far behind what is shown
    ],
    ids=["from above", "askew", "from the front", "nearly so"],
)
def test_under_the_mouse_is_the_ground_where_it_is_seen(addon, tilt: float, point):
    bpy.context.scene.cursor.location = (6.0, 7.0, 8.0)
    region = SimpleNamespace(width=200, height=200)
    found = addon.scene.place.raycast.under_mouse(bpy.context, region, orthographic(tilt), (150, 150))
    np.testing.assert_allclose(found, point, atol=1e-2)


def test_preferences_say_how_new_models_come(addon):
    preferences = addon.session.preferences.preferences(bpy.context)
    preferences.model_height, preferences.collection, preferences.shading = 2.5, "Generated", "SMOOTH"
    generate()
    lamp = bpy.data.objects["A brass lamp"]
    bpy.context.view_layer.update()
    low, high = scenes.bounds([lamp])
    np.testing.assert_allclose(high[2] - low[2], 2.5, atol=1e-4)
    assert [collection.name for collection in lamp.users_collection] == ["Generated"]
    generate("A chair")
    assert len(bpy.data.collections["Generated"].objects) == 2
    assert all(face.use_smooth for face in lamp.data.polygons)


def test_what_is_imported_by_hand_is_as_the_preferences_say(addon):
    generate()
    (row,) = panel().jobs
    preferences = addon.session.preferences.preferences(bpy.context)
    preferences.model_height, preferences.collection = 2.5, "Generated"
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    lamp = bpy.data.objects["A brass lamp.001"]
    bpy.context.view_layer.update()
    np.testing.assert_allclose(lamp.dimensions.z, 2.5, atol=1e-4)
    assert [collection.name for collection in lamp.users_collection] == ["Generated"]


def test_an_optimized_mesh_that_is_imported_again_keeps_its_size(addon):
    item = slab()
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=50) == {"FINISHED"}
    addon.session.preferences.preferences(bpy.context).model_height = 25.0
    (row,) = panel().jobs
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    again = bpy.context.active_object
    bpy.context.view_layer.update()
    assert again != item
    assert again.dimensions.z < 2.0


def test_each_scene_has_one_collection_of_its_own(addon):
    """To link that of another scene would bring all that the user has there."""
    addon.session.preferences.preferences(bpy.context).collection = "Props"
    first = bpy.context.scene
    props = bpy.data.collections.new("Props")
    first.collection.children.link(props)
    props.objects.link(bpy.data.objects.new("The user's", None))
    bpy.context.window.scene = bpy.data.scenes.new("Another")
    generate()
    generate("A chair")
    (own,) = bpy.context.scene.collection.children
    assert {item.name for item in own.objects} == {"A brass lamp", "A chair"}
    own.name = "Kitchen"
    generate("An oven")
    assert {item.name for item in own.objects} == {"A brass lamp", "A chair"}, "it is the user's by now"
    bpy.context.window.scene = first
    generate("A table")
    assert {item.name for item in props.objects} == {"The user's", "A table"}


def override() -> bpy.types.Collection:
    """A collection of the scene that overrides one of another file; it is active."""
    there = Path(bpy.app.tempdir) / "linked.blend"
    linked = bpy.data.collections.new("Linked")
    linked.objects.link(bpy.data.objects.new("Of another file", None))
    bpy.data.libraries.write(str(there), {linked})
    bpy.data.batch_remove([*linked.objects, linked])
    with bpy.data.libraries.load(str(there), link=True) as (_inside, wanted):
        wanted.collections = ["Linked"]
    own = wanted.collections[0].override_create(remap_local_usages=True)
    bpy.context.scene.collection.children.link(own)
    layer = bpy.context.view_layer
    layer.active_layer_collection = layer.layer_collection.children[own.name]
    return own


def test_a_collection_that_overrides_another_files_takes_no_objects(addon):
    own, scene = override(), bpy.context.scene
    generate()
    assert [*bpy.data.objects["A brass lamp"].users_collection] == [scene.collection]
    assert bpy.ops.generio.add_box() == {"FINISHED"}
    assert [*bpy.data.objects["Model Box"].users_collection] == [scene.collection]
    addon.session.preferences.preferences(bpy.context).collection = own.name
    generate("A chair")
    (collection,) = bpy.data.objects["A chair"].users_collection
    assert collection != own
    assert collection.name.startswith(own.name)


def test_what_could_not_be_placed_is_imported_to_the_cursor(addon, sandbox, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(addon.scene.place.place, "place_models", fail)
        with pytest.raises(RuntimeError, match="could not be placed"):
            generate()
    bpy.context.scene.cursor.location = (1.0, 2.0, 3.0)
    (row,) = panel().jobs
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    np.testing.assert_allclose(bpy.data.objects["A brass lamp"].location, (1.0, 2.0, 3.0))


def test_a_metre_stays_a_metre_in_a_scene_of_another_unit(addon):
    bpy.context.scene.unit_settings.scale_length = 0.01
    heights = []
    for by_unit in (False, True):
        addon.session.preferences.preferences(bpy.context).use_unit_scale = by_unit
        generate(f"A lamp {by_unit}")
        lamp = bpy.data.objects[f"A lamp {by_unit}"]
        bpy.context.view_layer.update()
        low, high = scenes.bounds([lamp])
        heights.append(high[2] - low[2])
    np.testing.assert_allclose(heights[1], 100.0 * heights[0], rtol=1e-4)


@pytest.mark.parametrize(("system", "height"), [("METRIC", 200.0), ("NONE", 2.0)])
def test_a_height_is_in_metres(addon, system: str, height: float):
    bpy.context.scene.unit_settings.scale_length = 0.01
    bpy.context.scene.unit_settings.system = system
    addon.session.preferences.preferences(bpy.context).model_height = 2.0
    generate()
    bpy.context.view_layer.update()
    np.testing.assert_allclose(bpy.data.objects["A brass lamp"].dimensions.z, height, rtol=1e-4)


@pytest.mark.parametrize("name", ["add_box", "keep_variant"])
def test_what_needs_object_mode_says_so(addon, name: str):
    generate(variants=2)
    scenes.select(bpy.data.objects["A brass lamp 1"])
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Switch to Object Mode first"):
        getattr(bpy.ops.generio, name)()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert getattr(bpy.ops.generio, name)() == {"FINISHED"}


def test_a_results_folder_that_takes_nothing_says_what_to_do(addon, tmp_path: Path):
    Image.new("RGB", (30, 20)).save(tmp_path / "large.png")
    (tmp_path / "file").write_text("no folder")
    preferences = addon.session.preferences.preferences(bpy.context)
    preferences.folder, preferences.longest_side = str(tmp_path / "file"), 10
    with pytest.raises(RuntimeError, match=r"cannot be written to: .*\. Check the disk"):
        bpy.ops.generio.generate_from_image(filepath=str(tmp_path / "large.png"))
    scenes.select(scenes.ball())
    for operator in (bpy.ops.generio.optimize_selected, bpy.ops.generio.make_lods):
        with pytest.raises(RuntimeError, match=r"cannot be written to disk: .*\. Check the disk"):
            operator()


def test_the_root_of_several_parts_has_the_name_of_the_model(addon):
    body, arm = slab("Sofa"), slab("Arm")
    arm.parent = body
    root = settle(addon, body, [body, arm], base=True)
    assert (root.name, root.type) == ("Sofa", "EMPTY")
    assert [part.name for part in root.children] == ["Parts"]
