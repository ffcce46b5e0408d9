"""Prompt, picture and mesh go through the service and come back as objects in the open scene."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from generio_flows.core.messages import Message
from PIL import Image

from tests.blender import scenes

BOTH_PROFILES = pytest.mark.parametrize("sandbox", ["reference", "quickstart"], indirect=True)


def runs(sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values() if flow["run"]]


@BOTH_PROFILES
def test_prompt_becomes_an_object_at_the_cursor(addon, sandbox):
    bpy.context.scene.cursor.location = (1.0, 2.0, 3.0)
    assert bpy.ops.generio.generate_from_prompt(prompt="A brass lamp", quality="LOW", seed=7) == {"FINISHED"}
    lamp = bpy.data.objects["A brass lamp"]
    assert tuple(lamp.location) == (1.0, 2.0, 3.0)
    assert lamp.type == "MESH"
    assert len(lamp.data.polygons) > 1000
    assert scenes.base_colour_images(lamp)[0].packed_file is not None
    assert runs(sandbox) == [1]


@BOTH_PROFILES
def test_a_result_says_where_it_came_from(addon, sandbox):
    bpy.ops.generio.generate_from_prompt(prompt="A brass lamp", quality="LOW", seed=7, texture=False)
    lamp = bpy.data.objects["A brass lamp"]
    (flow_id,) = [name for name, flow in sandbox.stats()["flows"].items() if flow["run"]]
    assert lamp["generio_flow_id"] == flow_id
    assert lamp["generio_template"] == "model_generate_fromprompt"
    assert lamp["generio_prompt"] == "A brass lamp"
    assert (lamp["generio_quality"], lamp["generio_seed"], lamp["generio_texture"]) == ("low", 7, False)


@BOTH_PROFILES
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_picture_becomes_an_object_with_that_texture(addon, sandbox, tmp_path: Path, suffix: str):
    path = tmp_path / f"sneaker{suffix}"
    Image.new("RGB", (64, 48), (200, 30, 30)).save(path)
    assert bpy.ops.generio.generate_from_image(filepath=str(path), quality="LOW", seed=1) == {"FINISHED"}
    sneaker = bpy.data.objects["sneaker"]
    (texture,) = scenes.base_colour_images(sneaker)[:1]
    red, green = texture.pixels[0], texture.pixels[1]
    assert red > 0.7
    assert green < 0.2
    assert runs(sandbox) == [1]


@BOTH_PROFILES
def test_optimize_keeps_the_object_and_gives_it_a_lighter_mesh(addon, sandbox):
    item = scenes.ball(location=(3.0, 1.0, 0.5), rotation=(0.3, 0.2, 0.1))
    item.scale = (1.0, 2.0, 0.5)
    material = scenes.textured("Paint")
    item.data.materials.append(material)
    bpy.context.view_layer.update()
    before, box = scenes.triangles(item), scenes.bounds([item])
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=before // 4) == {"FINISHED"}
    assert bpy.data.objects["Ball"] == item
    assert item.data.name == "Ball"
    assert 0.8 * before / 4 <= scenes.triangles(item) <= before / 4
    assert [slot.material for slot in item.material_slots] == [material]
    assert [layer.name for layer in item.data.uv_layers] == ["UVMap"]
    np.testing.assert_allclose(scenes.bounds([item]), box, atol=0.05)
    assert runs(sandbox) == [1]


def test_optimize_beside_leaves_the_original_alone(addon):
    item = scenes.ball()
    scenes.select(item)
    before = scenes.triangles(item)
    bpy.ops.generio.optimize_selected(polygon_count=before // 4, placement="BESIDE")
    copy = bpy.data.objects["Ball_optimized"]
    bpy.context.view_layer.update()
    assert scenes.triangles(item) == before
    assert scenes.triangles(copy) <= before / 4
    assert scenes.bounds([copy])[0][0] > scenes.bounds([item])[1][0]


def test_linked_duplicates_are_sent_once_and_all_get_the_mesh(addon, sandbox):
    first = scenes.ball()
    second = first.copy()
    bpy.context.collection.objects.link(second)
    second.location.x = 5.0
    scenes.select(first, second)
    bpy.ops.generio.optimize_selected(polygon_count=500)
    assert first.data == second.data
    assert scenes.triangles(first) <= 500
    assert runs(sandbox) == [1]


def test_several_meshes_share_the_target(addon, sandbox):
    large, small = scenes.ball("Large", 64, 32), scenes.ball("Small", 16, 16)
    total = scenes.triangles(large) + scenes.triangles(small)
    scenes.select(large, small)
    bpy.ops.generio.optimize_selected(polygon_count=total // 2)
    assert scenes.triangles(large) + scenes.triangles(small) <= total // 2
    assert scenes.triangles(large) > 4 * scenes.triangles(small)
    assert runs(sandbox) == [1, 1]


def test_materials_on_the_object_stay_on_the_object(addon):
    item = scenes.ball()
    item.data.materials.append(scenes.textured("On Mesh"))
    item.material_slots[0].link = "OBJECT"
    item.material_slots[0].material = own = scenes.textured("On Object")
    scenes.select(item)
    bpy.ops.generio.optimize_selected(polygon_count=500)
    assert item.material_slots[0].link == "OBJECT"
    assert item.material_slots[0].material == own
    assert item.data.materials[0].name == "On Mesh"


def test_faces_keep_their_materials_when_slots_are_unused_or_in_another_order(addon):
    item = scenes.ball()
    materials = [scenes.textured(name) for name in ("Unused", "South", "North")]
    for material in materials:
        item.data.materials.append(material)
    for face in item.data.polygons:
        face.material_index = 2 if face.center.z > 0 else 1
    scenes.select(item)
    bpy.ops.generio.optimize_selected(polygon_count=1000)
    assert [slot.material for slot in item.material_slots] == materials
    assert {face.material_index for face in item.data.polygons} == {1, 2}
    wrong = [
        face
        for face in item.data.polygons
        if abs(face.center.z) > 0.1 and (face.material_index == 2) != (face.center.z > 0)
    ]
    assert not wrong


def test_nothing_is_left_behind(addon):
    item = scenes.ball()
    item.data.materials.append(scenes.textured("Paint"))
    scenes.select(item)

    def everything() -> dict[str, int]:
        kinds = ("objects", "meshes", "materials", "images", "scenes", "collections", "worlds", "libraries")
        return {kind: len(getattr(bpy.data, kind)) for kind in kinds}

    before = everything()
    bpy.ops.generio.optimize_selected(polygon_count=500)
    bpy.ops.generio.accept_optimized()
    assert everything() == before


def test_untouched_parameters_are_not_sent(addon, sandbox):
    import requests

    bpy.ops.generio.generate_from_prompt(prompt="A brass lamp")
    (flow_id,) = sandbox.stats()["flows"]
    flow = requests.get(
        f"{sandbox.url}/flows/{flow_id}", headers={"Authorization": f"Bearer {sandbox.key}"}, timeout=10
    ).json()
    assert not {"quality", "seed", "texture"} & set(bpy.data.objects["A brass lamp"].keys()), (
        "provenance names what was asked for"
    )
    assert flow["flow_id"] == flow_id


def test_what_the_panel_holds_is_used(addon, sandbox):
    panel = bpy.context.window_manager.generio
    panel.prompt = "A chair"
    panel.quality = "LOW"
    panel.random_seed = False
    panel.seed = 5
    bpy.ops.generio.generate_from_prompt()
    chair = bpy.data.objects["A chair"]
    assert (chair["generio_quality"], chair["generio_seed"]) == ("low", 5)
    assert "generio_texture" not in chair


def test_the_list_shows_the_job_and_its_model_can_be_imported_again_and_removed(addon, sandbox):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    (row,) = bpy.context.window_manager.generio.jobs
    assert (row.name, row.state, row.finished) == ("A chair", "done", True)
    bpy.context.scene.cursor.location = (4.0, 0.0, 0.0)
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    assert bpy.data.objects["A chair.001"].location.x == 4.0
    assert runs(sandbox) == [1]
    assert bpy.ops.generio.remove_job(token=row.token) == {"FINISHED"}
    assert len(bpy.context.window_manager.generio.jobs) == 0
    assert len(bpy.data.objects) == 2


@BOTH_PROFILES
def test_connection_can_be_tested(addon, sandbox):
    assert bpy.ops.generio.test_connection() == {"FINISHED"}
    addon.session.preferences.preferences(bpy.context).api_key = "another"
    with pytest.raises(RuntimeError, match="rejected the API key"):
        bpy.ops.generio.test_connection()


def test_a_check_goes_on_when_another_file_is_opened(addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    connection, panel = addon.operators.connection, bpy.context.window_manager.generio
    window = SimpleNamespace(
        app=SimpleNamespace(background=False, timers=bpy.app.timers), context=bpy.context
    )
    with monkeypatch.context() as patched:
        patched.setattr(connection, "bpy", window)
        connection.GENERIO_OT_test_connection.execute(None, bpy.context)
    examination = addon.session.current().part(connection.Examination)
    examination.reply = reply = addon.engine.connection.Reply(0, b"")  # it takes as long as we like
    finding = importlib.import_module(f"{addon.__name__}.api.doctor").Finding(
        Message("Key"), "fine", Message("The key is accepted.")
    )
    reply.parts.append(finding.to_data())
    connection._drain()
    assert panel.checking
    file = str(tmp_path / "another.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file, load_ui=False)
    assert bpy.app.timers.is_registered(connection._drain), "nobody would ever end the check"
    panel = bpy.context.window_manager.generio
    panel.findings.clear()  # as where the window manager is the file's
    reply.is_there = True
    assert connection._drain() is None
    bpy.app.timers.unregister(connection._drain)
    assert not panel.checking
    assert [row.name for row in panel.findings] == ["Key"]


def test_an_arriving_model_leaves_the_selection_alone(addon):
    item = scenes.ball()
    scenes.select(item)
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    assert bpy.context.selected_objects == [item]
    assert bpy.context.view_layer.objects.active == item


def test_what_a_glb_cannot_carry_is_named(addon, capfd):
    item = scenes.ball()
    item.vertex_groups.new(name="Arm")
    item.shape_key_add(name="Basis")
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=500) == {"FINISHED"}
    assert "The optimized meshes will not have: shape keys of 1 object" in capfd.readouterr().out
