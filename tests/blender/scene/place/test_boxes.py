"""Models that come into a box: how they are fitted, and what becomes of the box meanwhile."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from tests.blender import scenes
from tests.blender.job_fixtures import generate, panel, settle, slab, submit_into_box, until, wish


@pytest.mark.parametrize("kind", ["empty", "mesh"])
def test_fitted_into_a_box_that_is_turned_and_scaled(addon, kind: str):
    if kind == "empty":
        box = addon.scene.place.boxes.make_box(bpy.context, 2.0)
        del box[addon.scene.place.boxes.BOX]
    else:
        box = slab("Room", (2.0, 2.0, 2.0))
        box.data.transform(Matrix.Translation((-5.0, 3.0, -2.0)))
        box.data.update()
    box.location, box.rotation_euler, box.scale = (7.0, 0.0, 1.0), (0.0, 0.0, 0.6), (1.0, 1.0, 3.0)
    bpy.context.view_layer.update()
    item = settle(addon, slab(size=(2.0, 4.0, 1.0)), box=addon.scene.place.destination.ref_of(box))
    inside = [box.matrix_world.inverted() @ item.matrix_world @ Vector(corner) for corner in item.bound_box]
    low, high = np.min(inside, axis=0), np.max(inside, axis=0)
    np.testing.assert_allclose(low[2], -1.0, atol=1e-4)  # it stands on the box's floor
    np.testing.assert_allclose((low[1], high[1]), (-1.0, 1.0), atol=1e-4)  # and is as long as it
    np.testing.assert_allclose((low[0], high[0]), (-0.5, 0.5), atol=1e-4)
    np.testing.assert_allclose(item.rotation_euler.z, 0.6, atol=1e-5)


def test_fitted_onto_a_reference_image(addon):
    """Blender shows it as long as its size says, not twice as long, and flat."""
    empty = bpy.data.objects.new("Reference", None)
    bpy.context.collection.objects.link(empty)
    empty.empty_display_type, empty.empty_display_size = "IMAGE", 5.0
    assert addon.scene.place.boxes.sides_of(empty) == pytest.approx([10.0, 10.0, 10.0]), (
        "there is no image yet"
    )
    empty.data = bpy.data.images.new("Reference", 20, 10)
    assert addon.scene.place.boxes.sides_of(empty) == pytest.approx([5.0, 2.5, 0.0])
    empty.location, empty.empty_image_offset = (1.0, 2.0, 3.0), (0.0, 0.0)
    bpy.context.view_layer.update()
    item = settle(addon, slab(size=(1.0, 1.0, 1.0)), box=addon.scene.place.destination.ref_of(empty))
    np.testing.assert_allclose(scenes.bounds([item]), ((2.25, 2.0, 3.0), (4.75, 4.5, 5.5)), atol=1e-4)


def test_fitted_onto_a_plane(addon):
    bpy.ops.mesh.primitive_plane_add(size=2.0, location=(3.0, 0.0, 1.0), rotation=(0.0, 0.0, 0.6))
    plane = bpy.context.object
    item = settle(addon, slab(size=(2.0, 4.0, 1.0)), box=addon.scene.place.destination.ref_of(plane))
    np.testing.assert_allclose(item.dimensions, (1.0, 2.0, 0.5), atol=1e-4)
    np.testing.assert_allclose(item.rotation_euler, (0.0, 0.0, 0.6), atol=1e-5)
    np.testing.assert_allclose(item.location, (3.0, 0.0, 1.0), atol=1e-5)


def test_fitted_against_a_wall_that_was_turned(addon):
    """It is 1e-7 thick then, which is as good as flat."""
    bpy.ops.mesh.primitive_plane_add(size=2.0, rotation=(np.pi / 2, 0.0, 0.0))
    bpy.ops.object.transform_apply()
    wall = bpy.context.object
    assert 0.0 < wall.dimensions.y < 1e-6
    item = settle(addon, slab(size=(1.0, 4.0, 1.0)), box=addon.scene.place.destination.ref_of(wall))
    np.testing.assert_allclose(item.dimensions, (2.0, 8.0, 2.0), atol=1e-4)


@pytest.mark.parametrize("scale", [(-1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, -1.0), (-1.0, -1.0, -1.0)])
def test_fitted_into_a_mirrored_box(addon, scale):
    bpy.ops.mesh.primitive_cube_add(size=4.0, location=(1.0, 2.0, 3.0))
    box = bpy.context.object
    box.scale = scale
    bpy.context.view_layer.update()
    assert addon.scene.place.boxes.chosen_box(bpy.context) == box
    item = settle(addon, slab(size=(1.0, 1.0, 1.0)), box=addon.scene.place.destination.ref_of(box))
    np.testing.assert_allclose(item.scale, (1.0, 1.0, 1.0), atol=1e-5)
    np.testing.assert_allclose(scenes.bounds([item]), ((-1.0, 0.0, 1.0), (3.0, 4.0, 5.0)), atol=1e-4)
    assert (item.matrix_world.to_3x3() @ Vector((0.0, 0.0, 1.0))).z > 0.99, "it stands upright"


def test_a_box_may_be_moved_and_renamed_meanwhile(addon, sandbox):
    box, token = submit_into_box(addon, sandbox)
    assert panel().where == "BOX"
    box.location, box.name = (4.0, 5.0, 6.0), "Moved"
    bpy.context.view_layer.update()
    addon.session.waiting.run_until(bpy.context, [token])
    chair = bpy.data.objects["A chair"]
    np.testing.assert_allclose(chair.location, (4.0, 5.0, 5.0), atol=1e-5)
    assert "Moved" not in bpy.data.objects  # the model has taken its place


def test_undone_and_imported_again_it_comes_into_its_box(addon, sandbox):
    box, token = submit_into_box(addon, sandbox)
    box.location, box.scale = (4.0, 5.0, 6.0), (2.0, 2.0, 2.0)
    bpy.ops.ed.undo_push(message="Before")
    addon.session.waiting.run_until(bpy.context, [token])
    bounds = scenes.bounds([bpy.data.objects["A chair"]])
    bpy.ops.ed.undo()
    assert [item.name for item in bpy.data.objects] == ["Model Box"]
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    np.testing.assert_allclose(scenes.bounds([bpy.data.objects["A chair"]]), bounds, atol=1e-5)
    assert "Model Box" not in bpy.data.objects


def test_without_its_box_the_model_waits(addon, sandbox):
    box, token = submit_into_box(addon, sandbox)
    bpy.data.objects.remove(box)
    addon.session.waiting.run_until(bpy.context, [token])
    (row,) = panel().jobs
    assert row.state == "ready"
    assert "is gone" in row.message
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    assert "A chair" in bpy.data.objects


def test_a_new_box_of_the_same_name_is_another_one(addon, sandbox):
    box, first = submit_into_box(addon, sandbox)
    bpy.data.objects.remove(box)
    _other, second = submit_into_box(addon, sandbox)
    addon.session.waiting.run_until(bpy.context, [first])
    assert "is gone" in addon.session.current().open_engine(bpy.context).job(first).status.problem.message
    addon.session.waiting.run_until(bpy.context, [second])
    assert "A chair" in bpy.data.objects, "its box was taken away by the other model"


def test_a_box_that_blender_made_again_is_still_meant(addon, sandbox):
    """As it does when its size is adjusted afterwards; see the story variants."""
    box, token = submit_into_box(addon, sandbox)
    bpy.data.objects.remove(box)
    bpy.ops.generio.add_box(size=1.0)
    carrier = addon.session.current().open_engine(bpy.context)
    addon.session.current().placement.box_replaced(carrier, bpy.context.active_object)
    until(lambda: carrier.job(token).request.destination.box.uid == bpy.context.active_object.session_uid)
    addon.session.waiting.run_until(bpy.context, [token])
    assert [item.name for item in bpy.data.objects] == ["A chair"]


def test_two_models_may_come_into_one_box(addon, sandbox):
    box, first = submit_into_box(addon, sandbox)
    carrier = addon.session.current().open_engine(bpy.context)
    child = bpy.data.objects.new("Hangs on it", None)
    bpy.context.collection.objects.link(child)
    child.parent, child.location = box, (0.0, 0.0, 3.0)
    bpy.context.view_layer.update()
    world = child.matrix_world.copy()
    second = carrier.submit(wish(addon, sandbox, "A lamp", carrier.job(first).request.destination)).token
    addon.session.waiting.run_until(bpy.context, [first, second])
    assert {"A chair", "A lamp"} <= {*bpy.data.objects.keys()}
    assert "Model Box" not in bpy.data.objects, "nothing is to come any more"
    np.testing.assert_allclose(child.matrix_world, world, atol=1e-5)


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
    middle, _rotation, size = addon.scene.place.boxes.box_matrix(instance).decompose()
    np.testing.assert_allclose(size, (8.0, 4.0, 6.0), atol=1e-4)
    low, _high = scenes.bounds([wall])
    np.testing.assert_allclose(middle, (1.0, 2.0, 3.0 + low[2]), atol=1e-4)
    street = bpy.data.collections.new("Street")
    bpy.context.collection.objects.unlink(instance)
    street.objects.link(instance)
    outer = bpy.data.objects.new("Street", None)
    outer.instance_type, outer.instance_collection = "COLLECTION", street
    bpy.context.collection.objects.link(outer)
    bpy.context.view_layer.update()
    np.testing.assert_allclose(
        addon.scene.place.boxes.box_matrix(outer).to_scale(), (8.0, 4.0, 6.0), atol=1e-4
    )
    bpy.context.collection.objects.unlink(outer)  # Blender falls over when it draws the next
    back = bpy.data.objects.new("A circle", None)
    back.instance_type, back.instance_collection = "COLLECTION", street
    house.objects.link(back)
    np.testing.assert_allclose(
        addon.scene.place.boxes.box_matrix(outer).to_scale(), (8.0, 4.0, 6.0), atol=1e-4
    )
    bpy.data.objects.remove(back)


def test_the_box_is_a_selected_object_also_where_none_is_active(addon):
    chosen_box = addon.scene.place.boxes.chosen_box
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


def test_a_box_that_was_renamed_is_known_when_its_file_is_opened_again(addon, sandbox, tmp_path: Path):
    file = str(tmp_path / "room.blend")
    sandbox.order({"method": "GET", "path": "/flows/*/outputs", "action": "delay", "seconds": 1})
    first, token = submit_into_box(addon, sandbox)
    first.name, first.location = "Mine", (10.0, 0.0, 1.0)
    second, _token = submit_into_box(addon, sandbox)
    assert second.name == "Model Box"
    bpy.ops.wm.save_as_mainfile(filepath=file)
    carrier = addon.session.current().open_engine(bpy.context)
    until(lambda: carrier.job(token).request.destination.box.name == "Mine")
    bpy.ops.wm.open_mainfile(filepath=file)
    addon.session.waiting.run_until(bpy.context, [token])
    (chair,) = addon.scene.place.place.objects_of_result(token)
    np.testing.assert_allclose(chair.location, (10.0, 0.0, 0.0), atol=1e-5)
