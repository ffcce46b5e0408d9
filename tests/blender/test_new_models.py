"""Where a new model stands, how large it is, and what becomes of its variants."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector
from PIL import Image

from tests.blender import scenes
from tests.blender.wishes import submit_into_box, until, wish


def panel():
    return bpy.context.window_manager.generio


def generate(prompt: str = "A brass lamp", **settings):
    settings = {"quality": "LOW", "seed": 7, **settings}
    return bpy.ops.generio.generate_from_prompt(prompt=prompt, **settings)


def slab(name: str = "Slab", size=(2.0, 4.0, 1.0), parent=None) -> bpy.types.Object:
    """A mesh box whose origin is nowhere in particular."""
    item = scenes.ball(name, 8, 8)
    low, high = (Vector(corner) for corner in scenes.bounds([item]))
    scale = Matrix.Diagonal([side / extent for side, extent in zip(size, high - low, strict=True)]).to_4x4()
    item.data.transform(Matrix.Translation((5.0, -3.0, 2.0)) @ scale)
    item.parent = parent
    item.data.update()
    bpy.context.view_layer.update()
    return item


def settle(addon, root, objects=None, **destination):
    root = addon.scene.settle.settle(root, objects or [root], destination)
    bpy.context.view_layer.update()
    return root


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


@pytest.mark.parametrize("kind", ["empty", "mesh"])
def test_fitted_into_a_box_that_is_turned_and_scaled(addon, kind: str):
    if kind == "empty":
        box = addon.scene.settle.make_box(bpy.context, 2.0)
        del box[addon.scene.settle.BOX]
    else:
        box = slab("Room", (2.0, 2.0, 2.0))
        box.data.transform(Matrix.Translation((-5.0, 3.0, -2.0)))
        box.data.update()
    box.location, box.rotation_euler, box.scale = (7.0, 0.0, 1.0), (0.0, 0.0, 0.6), (1.0, 1.0, 3.0)
    bpy.context.view_layer.update()
    item = settle(addon, slab(size=(2.0, 4.0, 1.0)), box=box.name, uid=box.session_uid)
    inside = [box.matrix_world.inverted() @ item.matrix_world @ Vector(corner) for corner in item.bound_box]
    low, high = np.min(inside, axis=0), np.max(inside, axis=0)
    np.testing.assert_allclose(low[2], -1.0, atol=1e-4)  # it stands on the box's floor
    np.testing.assert_allclose((low[1], high[1]), (-1.0, 1.0), atol=1e-4)  # and is as long as it
    np.testing.assert_allclose((low[0], high[0]), (-0.5, 0.5), atol=1e-4)
    np.testing.assert_allclose(item.rotation_euler.z, 0.6, atol=1e-5)


def test_fitted_onto_a_plane(addon):
    bpy.ops.mesh.primitive_plane_add(size=2.0, location=(3.0, 0.0, 1.0), rotation=(0.0, 0.0, 0.6))
    plane = bpy.context.object
    item = settle(addon, slab(size=(2.0, 4.0, 1.0)), box=plane.name, uid=plane.session_uid)
    np.testing.assert_allclose(item.dimensions, (1.0, 2.0, 0.5), atol=1e-4)
    np.testing.assert_allclose(item.rotation_euler, (0.0, 0.0, 0.6), atol=1e-5)
    np.testing.assert_allclose(item.location, (3.0, 0.0, 1.0), atol=1e-5)


def test_fitted_against_a_wall_that_was_turned(addon):
    """It is 1e-7 thick then, which is as good as flat."""
    bpy.ops.mesh.primitive_plane_add(size=2.0, rotation=(np.pi / 2, 0.0, 0.0))
    bpy.ops.object.transform_apply()
    wall = bpy.context.object
    assert 0.0 < wall.dimensions.y < 1e-6
    item = settle(addon, slab(size=(1.0, 4.0, 1.0)), box=wall.name, uid=wall.session_uid)
    np.testing.assert_allclose(item.dimensions, (2.0, 8.0, 2.0), atol=1e-4)


def test_fitted_into_a_mirrored_box(addon):
    bpy.ops.mesh.primitive_cube_add(size=4.0)
    box = bpy.context.object
    box.scale = (-1.0, 1.0, 1.0)
    bpy.context.view_layer.update()
    assert addon.scene.settle.chosen_box(bpy.context) == box
    item = settle(addon, slab(size=(1.0, 1.0, 1.0)), box=box.name, uid=box.session_uid)
    np.testing.assert_allclose(item.dimensions, (4.0, 4.0, 4.0), atol=1e-4)
    np.testing.assert_allclose(item.scale, (1.0, 1.0, 1.0), atol=1e-5)


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


def test_the_surface_below_the_cursor(addon):
    table = slab("Table", (4.0, 4.0, 1.0))
    table.location = (-5.0, 3.0, 0.0)  # its top is at z = 2.5
    bpy.context.scene.cursor.location = (0.0, 0.0, 10.0)
    bpy.context.view_layer.update()
    assert generate(where="SURFACE") == {"FINISHED"}
    lamp = bpy.data.objects["A brass lamp"]
    np.testing.assert_allclose(lamp.location, (0.0, 0.0, 2.5), atol=0.1)
    np.testing.assert_allclose(scenes.bounds([lamp])[0][2], lamp.location.z, atol=1e-4)


def test_nothing_below_the_cursor_is_the_ground(addon):
    below = addon.scene.surface.below
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
    found = addon.scene.surface.under_mouse(bpy.context, region, orthographic(tilt), (150, 150))
    np.testing.assert_allclose(found, point, atol=1e-2)


def test_preferences_say_how_new_models_come(addon):
    preferences = addon.preferences.preferences(bpy.context)
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


def test_a_box_may_be_moved_and_renamed_meanwhile(addon, sandbox):
    box, token = submit_into_box(addon, sandbox)
    assert panel().where == "BOX"
    box.location, box.name = (4.0, 5.0, 6.0), "Moved"
    bpy.context.view_layer.update()
    addon.waiting.run_until(bpy.context, [token])
    chair = bpy.data.objects["A chair"]
    np.testing.assert_allclose(chair.location, (4.0, 5.0, 5.0), atol=1e-5)
    assert "Moved" not in bpy.data.objects  # the model has taken its place


def test_without_its_box_the_model_waits(addon, sandbox):
    box, token = submit_into_box(addon, sandbox)
    bpy.data.objects.remove(box)
    addon.waiting.run_until(bpy.context, [token])
    (row,) = panel().jobs
    assert row.state == "Ready"
    assert "is gone" in row.message
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    assert "A chair" in bpy.data.objects


def test_a_new_box_of_the_same_name_is_another_one(addon, sandbox):
    box, first = submit_into_box(addon, sandbox)
    bpy.data.objects.remove(box)
    _other, second = submit_into_box(addon, sandbox)
    addon.waiting.run_until(bpy.context, [first])
    assert "is gone" in addon.bridge.engine(bpy.context).job(first).problem.message
    addon.waiting.run_until(bpy.context, [second])
    assert "A chair" in bpy.data.objects, "its box was taken away by the other model"


def test_two_models_may_come_into_one_box(addon, sandbox):
    box, first = submit_into_box(addon, sandbox)
    carrier = addon.bridge.engine(bpy.context)
    child = bpy.data.objects.new("Hangs on it", None)
    bpy.context.collection.objects.link(child)
    child.parent, child.location = box, (0.0, 0.0, 3.0)
    bpy.context.view_layer.update()
    world = child.matrix_world.copy()
    second = carrier.submit(wish(addon, sandbox, "A lamp", carrier.job(first).destination)).token
    addon.waiting.run_until(bpy.context, [first, second])
    assert {"A chair", "A lamp"} <= {*bpy.data.objects.keys()}
    assert "Model Box" not in bpy.data.objects, "nothing is to come any more"
    np.testing.assert_allclose(child.matrix_world, world, atol=1e-5)


def test_what_is_imported_by_hand_is_as_the_preferences_say(addon):
    generate()
    (row,) = panel().jobs
    preferences = addon.preferences.preferences(bpy.context)
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
    addon.preferences.preferences(bpy.context).model_height = 25.0
    (row,) = panel().jobs
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    again = bpy.context.active_object
    bpy.context.view_layer.update()
    assert again != item
    assert again.dimensions.z < 2.0


def test_one_collection_serves_all_scenes(addon):
    addon.preferences.preferences(bpy.context).collection = "Generated"
    generate()
    bpy.context.window.scene = bpy.data.scenes.new("Another")
    generate("A chair")
    assert [collection.name for collection in bpy.data.collections] == ["Generated"]
    assert len(bpy.data.collections["Generated"].objects) == 2


def test_an_instance_of_a_collection_is_as_large_as_what_is_in_it(addon):
    house = bpy.data.collections.new("House")
    house.instance_offset = (5.0, -3.0, 0.0)
    wall = slab("Wall", size=(8.0, 4.0, 6.0))
    bpy.context.scene.collection.objects.unlink(wall)
    house.objects.link(wall)
    instance = bpy.data.objects.new("House", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", house
    bpy.context.collection.objects.link(instance)
    instance.location = (1.0, 2.0, 3.0)
    bpy.context.view_layer.update()
    middle, _rotation, size = addon.scene.settle.box_matrix(instance).decompose()
    np.testing.assert_allclose(size, (8.0, 4.0, 6.0), atol=1e-4)
    low, _high = scenes.bounds([wall])
    np.testing.assert_allclose(middle, (1.0, 2.0, 3.0 + low[2]), atol=1e-4)


def test_the_box_is_a_selected_object_also_where_none_is_active(addon):
    chosen_box = addon.scene.settle.chosen_box
    first, second = slab("First"), slab("Second")
    scenes.select(first, second)
    bpy.context.view_layer.objects.active = second
    assert chosen_box(bpy.context) == second
    bpy.context.view_layer.objects.active = None
    assert chosen_box(bpy.context) in (first, second)
    scenes.select()
    assert chosen_box(bpy.context) is None


@pytest.mark.parametrize("there", ["nothing", "not selected", "no bounds"])
def test_into_a_box_needs_one(addon, sandbox, there: str):
    if there == "not selected":
        slab()
        scenes.select()
        bpy.context.view_layer.objects.active = bpy.data.objects["Slab"]
    elif there == "no bounds":
        bpy.ops.object.light_add()
    with pytest.raises(RuntimeError, match="no box to fit the model into"):
        generate(where="BOX")
    assert sandbox.stats()["run_total"] == 0


def test_variants_stand_side_by_side_and_one_is_kept(addon, sandbox):
    assert generate(variants=3) == {"FINISHED"}
    variants = [item for item in bpy.data.objects if item.name.startswith("A brass lamp")]
    assert sorted(item["generio_seed"] for item in variants) == [7, 8, 9]
    bpy.context.view_layer.update()
    spans = sorted((scenes.bounds([item])[0][0], scenes.bounds([item])[1][0]) for item in variants)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))
    assert sorted(row.name for row in panel().jobs) == [f"A brass lamp {number}" for number in (1, 2, 3)]
    scenes.select(variants[1])
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert [item.name for item in bpy.data.objects if item.type == "MESH"] == [variants[1].name]
    with pytest.raises(RuntimeError, match="one of several variants"):
        bpy.ops.generio.keep_variant()


def test_seeds_of_variants_begin_again_after_the_largest(addon, sandbox):
    assert generate(seed=2**31 - 1, variants=2) == {"FINISHED"}
    assert sorted(row.settings for row in panel().jobs) == [
        f"low quality, seed {seed}" for seed in (0, 2**31 - 1)
    ]


def test_random_variants_have_seeds_that_are_known(addon, sandbox):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", variants=2)
    seeds = {item["generio_seed"] for item in bpy.data.objects if "generio_seed" in item}
    assert len(seeds) == 2
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_keeping_one_cancels_the_others(addon, sandbox):
    generate(variants=2)
    carrier = addon.bridge.engine(bpy.context)
    group = carrier.jobs()[0].destination["group"]
    sandbox.order({"flow": {"outcome": "hang"}})  # what is over before it can be cancelled is kept
    job = wish(addon, sandbox, "A third", {**addon.scene.place.here(bpy.context, "cursor"), "group": group})
    token = carrier.submit(job).token
    scenes.select(bpy.data.objects["A brass lamp 1"])
    bpy.ops.generio.keep_variant()
    addon.waiting.run_until(bpy.context, [token])
    assert carrier.job(token).state == "Cancelled"


@pytest.mark.parametrize("noted", [False, True], ids=["ready", "noted in the ledger"])
def test_keeping_one_lets_those_wait_that_are_ready(addon, sandbox, monkeypatch, noted: bool):
    generate(variants=2)
    carrier = addon.bridge.engine(bpy.context)
    group = carrier.jobs()[0].destination["group"]
    job = wish(addon, sandbox, "A third", {**addon.scene.place.here(bpy.context, "cursor"), "group": group})
    token = carrier.submit(job).token
    with monkeypatch.context() as busy:
        busy.setattr(addon.scene.place, "not_now", lambda *_: "Waits for a quiet moment")
        until(lambda: addon.bridge.tick() and token in addon.placing.due)
    if noted:
        addon.bridge.tick()  # the ledger is being told, and the model would come with the next one
    scenes.select(bpy.data.objects["A brass lamp 1"])
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    addon.waiting.run_until(bpy.context, [token])
    assert "A third" not in bpy.data.objects
    row = next(row for row in panel().jobs if row.name == "A third")
    assert (row.state, row.message) == ("Ready", "Another variant was kept.")
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    assert "A third" in bpy.data.objects


def test_a_job_list_that_is_busy_when_one_is_kept_says_so(addon, sandbox, monkeypatch):
    generate(variants=2)

    def busy(*_: object) -> None:
        raise addon.jobs.LedgerError("The job list is in use.")

    monkeypatch.setattr(addon.bridge.engine(bpy.context), "cancel", busy)
    scenes.select(bpy.data.objects["A brass lamp 1"])
    with pytest.raises(RuntimeError, match=r"^Error: The job list is in use"):
        bpy.ops.generio.keep_variant()


def test_the_parts_of_a_variant_stand_for_it(addon, sandbox):
    generate(variants=2)
    first = bpy.data.objects["A brass lamp 1"]
    part = bpy.data.objects.new("part", None)
    bpy.context.collection.objects.link(part)
    part.parent = first
    scenes.select(part)
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    (collection,) = first.users_collection
    assert collection.asset_data is not None
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert "A brass lamp 2" not in bpy.data.objects
    assert "A brass lamp 1" in bpy.data.objects


def placed_variants(addon, tmp_path: Path, count: int = 2) -> list[bpy.types.Object]:
    """Variants of one request, each a body with an arm, as they stand in the scene."""
    blend = tmp_path / "model.blend"
    body = slab("Body")
    arm = slab("Arm", parent=body)
    bpy.data.libraries.write(str(blend), {body, arm})
    bpy.data.batch_remove([body, arm])
    place = addon.scene.place
    destination = place.here(bpy.context, place.CURSOR) | {"group": "a request"}
    roots = []
    for number in range(count):
        model = place.Model("", str(blend), f"Robot {number}", {"token": f"job {number}"})
        roots += place.place(bpy.context, [model], destination)
    bpy.context.view_layer.update()
    return roots


def test_keeping_one_leaves_what_is_the_users_own(addon, tmp_path: Path):
    first, second = placed_variants(addon, tmp_path)
    duplicate = first.copy()
    bpy.context.collection.objects.link(duplicate)
    hat = scenes.ball("Hat", 8, 8, location=(3.0, 2.0, 1.0))
    hat.parent = second.children[0]
    bpy.context.view_layer.update()
    before = hat.matrix_world.copy()
    scenes.select(first)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    bpy.context.view_layer.update()
    assert {item for item in bpy.data.objects if item.parent is None} == {first, duplicate, hat}
    assert len(bpy.data.objects) == 4, "the first one's arm stays, the second one's went with it"
    np.testing.assert_allclose(hat.matrix_world, before, atol=1e-6)
    scenes.select(duplicate)
    assert not bpy.ops.generio.keep_variant.poll()


def test_only_a_selected_variant_can_be_kept(addon, tmp_path: Path):
    first, _second = placed_variants(addon, tmp_path)
    scenes.select(first)
    assert bpy.ops.generio.keep_variant.poll()
    first.select_set(False)
    assert not bpy.ops.generio.keep_variant.poll()


def test_a_metre_stays_a_metre_in_a_scene_of_another_unit(addon):
    bpy.context.scene.unit_settings.scale_length = 0.01
    heights = []
    for by_unit in (False, True):
        addon.preferences.preferences(bpy.context).use_unit_scale = by_unit
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
    addon.preferences.preferences(bpy.context).model_height = 2.0
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
    preferences = addon.preferences.preferences(bpy.context)
    preferences.folder, preferences.longest_side = str(tmp_path / "file"), 10
    with pytest.raises(RuntimeError, match=r"cannot be written to: .*\. Free some disk space"):
        bpy.ops.generio.generate_from_image(filepath=str(tmp_path / "large.png"))
    scenes.select(scenes.ball())
    for operator in (bpy.ops.generio.optimize_selected, bpy.ops.generio.make_lods):
        with pytest.raises(RuntimeError, match=r"cannot be written to disk: .*\. Free some disk space"):
            operator()
