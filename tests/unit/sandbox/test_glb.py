import json

import pytest

from tests.sandbox import glb
from tests.unit.sandbox.caller import heavy_model, image_files, mesh_data, picture


def test_a_built_file_is_valid_gltf() -> None:
    data = heavy_model(edge=10)
    document, buffer = glb.unpack(data)
    assert document["asset"]["version"] == "2.0"
    assert len(data) % 4 == 0
    assert document["buffers"][0]["byteLength"] <= len(buffer)
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(buffer)
    mesh = mesh_data(data)
    position = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    assert position["min"] == pytest.approx(mesh["POSITION"].min(axis=0))
    assert position["max"] == pytest.approx(mesh["POSITION"].max(axis=0))
    assert mesh["indices"].max() == len(mesh["POSITION"]) - 1
    assert image_files(data) == [picture()]


def test_triangles_count_once_for_each_node_that_shows_them() -> None:
    assert glb.triangle_count(heavy_model(edge=10)) == 2 * 200


def test_many_vertices_get_wide_indices() -> None:
    assert mesh_data(heavy_model(edge=300))["indices"].max() == 301 * 301 - 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"<html>" * 9,
        b"glTF\x01" + heavy_model(edge=1)[5:],
        heavy_model(edge=1)[:-4],
        heavy_model(edge=1) + b"more",
        glb.pack({}, b"")[:12] + b"\x10\x00\x00\x00XXXX" + json.dumps({}).encode(),
    ],
)
def test_what_is_not_a_whole_glb_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        glb.unpack(broken)
