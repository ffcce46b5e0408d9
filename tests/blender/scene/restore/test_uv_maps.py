"""UV maps are known again, or brought over, also those of tiled images."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from generio_flows.core.messages import Message

from tests.blender import scenes
from tests.blender.scene.restore.fitted import Fit, as_it_comes, unwrapped, uvs


@pytest.mark.parametrize(
    ("left", "told"), [("", True), ("came 0", True), ("came 1", True), ("came 0 came 1", False)]
)
@pytest.mark.parametrize("ratio", [1.0, 0.6])
def test_uv_maps_are_known_by_their_places_and_lost_ones_are_brought_over(
    fit: Fit, left: str, told: bool, ratio: float
):
    sent = unwrapped()
    came = as_it_comes(sent, ratio)
    for name in ("came 0", "came 1"):
        if name not in left:
            came.data.uv_layers.remove(came.data.uv_layers[name])
    report = fit(came, sent)
    assert [layer.name for layer in came.data.uv_layers] == ["Albedo", "Lightmap"]
    assert came.data.uv_layers.active.name == "Lightmap"
    first, second = uvs(came.data, "Albedo"), uvs(came.data, "Lightmap")
    assert float(np.median(np.abs(second - (first * 0.5 + 0.25)).max(axis=1))) < 1e-3
    assert bool(report["told"]) == told
    assert report["lost"] == []
    for face in came.data.polygons:  # none reaches over the seam; at the poles all columns meet
        assert abs(face.center.z) > 0.8 or np.ptp(first[list(face.loop_indices)], axis=0).max() < 0.5


@pytest.mark.parametrize("off", [0.0, 0.03])
def test_uv_maps_that_a_few_faces_have_distorted_came_back(fit: Fit, off: float):
    sent = unwrapped()
    came = as_it_comes(sent, 0.1)
    values = uvs(came.data, "came 0") + np.float32(off)
    came.data.uv_layers[0].uv.foreach_set("vector", values.ravel())
    report = fit(came, sent)
    assert report["told"] == []
    assert np.array_equal(uvs(came.data, "Albedo"), values)


def test_uv_maps_that_came_back_as_others_are_told_as_such(fit: Fit):
    sent = unwrapped()
    came = as_it_comes(sent, 0.6)
    for layer in came.data.uv_layers:
        other = np.random.default_rng(5).random((len(came.data.loops), 2), dtype=np.float32)
        layer.uv.foreach_set("vector", other.ravel())
    report = fit(came, sent)
    assert [Message.from_data(said) for said in report["told"]] == [
        "UV maps came back changed, so those that were sent were transferred."
    ]
    first, second = uvs(came.data, "Albedo"), uvs(came.data, "Lightmap")
    assert float(np.median(np.abs(second - (first * 0.5 + 0.25)).max(axis=1))) < 1e-3


def test_swapped_uv_maps_get_their_own_names_again(fit: Fit):
    sent = unwrapped()
    came = as_it_comes(sent, 0.6)
    first, second = uvs(came.data, "came 0"), uvs(came.data, "came 1")
    came.data.uv_layers["came 0"].uv.foreach_set("vector", second.ravel())
    came.data.uv_layers["came 1"].uv.foreach_set("vector", first.ravel())
    fit(came, sent)
    assert np.array_equal(uvs(came.data, "Albedo"), first)
    assert np.array_equal(uvs(came.data, "Lightmap"), second)


def test_uv_positions_of_no_tiled_image_jump_by_no_tile(fit: Fit):
    """Some faces of a lighter mesh may be far from where they were in the UV map."""
    sent = scenes.ball("Ball", 24, 12)
    came = as_it_comes(sent, 0.7)
    values = uvs(came.data, "came 0").reshape(-1, 3, 2)
    far = np.flatnonzero(values.mean(axis=1)[:, 0] < 0.4)[::8]
    values[far] = 0.98
    came.data.uv_layers[0].uv.foreach_set("vector", values.ravel())
    fit(came, sent)
    assert len(far) > 3
    after = uvs(came.data, "UVMap")
    assert 0.0 <= after.min() <= after.max() <= 1.0


def test_a_udim_material_stays_one_and_its_uvs_stay_in_their_tiles(fit: Fit):
    """A GLB has a material for each tile, and all UV positions in the first one."""
    sent = scenes.ball("Tiled", 24, 12)
    material = bpy.data.materials.new("Skin")
    sent.data.materials.append(material)
    shift = np.repeat(
        [face.center.x > 0 for face in sent.data.polygons], [face.loop_total for face in sent.data.polygons]
    )
    values = uvs(sent.data, "UVMap") + np.stack([shift, np.zeros(len(shift))], axis=1)
    sent.data.uv_layers[0].uv.foreach_set("vector", values.astype(np.float32).ravel())
    came = as_it_comes(sent, 0.5)
    came.data.materials.clear()
    for name in ("Skin.1001", "Skin.1002"):
        came.data.materials.append(bpy.data.materials.new(name))
    tiles = uvs(came.data, "came 0").reshape(-1, 3, 2)
    second = np.floor(tiles.mean(axis=1))[:, 0]
    tiles[..., 0] -= second[:, None]
    came.data.uv_layers[0].uv.foreach_set("vector", tiles.ravel())
    for face, number in zip(came.data.polygons, second, strict=True):
        face.material_index = int(number)
    fit(came, sent)
    assert len(came.data.materials) == 1
    assert {face.material_index for face in came.data.polygons} == {0}
    found = uvs(came.data, "UVMap").reshape(-1, 3, 2).mean(axis=1)[:, 0]
    sides = np.array([face.center.x for face in came.data.polygons])
    clear = np.abs(sides) > 0.2
    assert (np.floor(found[clear]) == (sides[clear] > 0)).all()
    assert clear.any()


@pytest.mark.parametrize("kind", ["files", "unsaved", "packed"])
def test_all_of_a_model_with_tiles_is_sent_with_one_material(addon, tmp_path: Path, kind: str):
    """The exporter would split it by tiles, leave out what lies in none, and take no tiles but files."""
    item = scenes.ball("Tiled", 12, 6)
    image = bpy.data.images.new("Tiles", 8, 8, tiled=True)
    if kind != "unsaved":
        image.filepath_raw, image.file_format = str(tmp_path / "tile.<UDIM>.png"), "PNG"
        image.save()
    if kind == "packed":
        image.pack()
        (tmp_path / "tile.1001.png").unlink()
    image.tiles.new(tile_number=1002)
    material = scenes.textured("Skin")
    texture = next(node for node in material.node_tree.nodes if node.type == "TEX_IMAGE")
    texture.image = image
    item.data.materials.append(material)
    values = uvs(item.data, "UVMap")
    item.data.uv_layers[0].uv.foreach_set("vector", (values * 5).ravel())  # over 25 tiles
    snapshot, glb = tmp_path / addon.scene.export.snapshot.snapshot_name(), tmp_path / "input.glb"
    addon.scene.export.snapshot.write_snapshot(item, snapshot)
    addon.scene.background.here.make_input_here(snapshot, glb)
    assert texture.image == image, "the user's own material has its tiles still"
    assert image.source == "TILED"
    count, triangles = len(bpy.data.materials), scenes.triangles(item)
    bpy.ops.import_scene.gltf(filepath=str(glb))
    sent = next(other for other in bpy.data.objects if other.type == "MESH" and other != item)
    assert scenes.triangles(sent) == triangles
    assert len(sent.data.materials) == 1 == len(bpy.data.materials) - count
    assert uvs(sent.data, "UVMap").max() > 4.9
