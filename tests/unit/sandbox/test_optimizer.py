import os
import signal
from collections.abc import Iterator

import pytest

from tests.sandbox import glb
from tests.sandbox.optimizer import OptimizeError, Optimizer
from tests.unit.sandbox.caller import bumpy_sheet, heavy_model, image_files, mesh_data, picture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def optimizer() -> Iterator[Optimizer]:
    optimizer = Optimizer()
    yield optimizer
    optimizer.close()


def test_it_meets_the_target_and_keeps_everything_else(optimizer: Optimizer) -> None:
    source = heavy_model()
    assert glb.triangle_count(source) == 102_400
    result = optimizer.optimize(source, 10_000)

    assert 9_800 <= glb.triangle_count(result) <= 10_000
    document, _ = glb.unpack(result)
    (mesh,) = document["meshes"]  # still one, still shown twice
    parent, child = sorted(document["nodes"], key=lambda node: node["name"], reverse=True)
    assert parent["mesh"] == child["mesh"] == 0
    assert document["scenes"][0]["nodes"] == [document["nodes"].index(parent)]
    assert parent["children"] == [document["nodes"].index(child)]
    assert parent["translation"] == pytest.approx([3, 2, 1])
    assert parent["rotation"] == pytest.approx([0, 0.70710678, 0, 0.70710678])
    assert parent["scale"] == pytest.approx([2, 2, 2])
    assert child["translation"] == pytest.approx([0, 0, 1])
    (material,) = document["materials"]
    assert material["name"] == "Painted"
    assert material["pbrMetallicRoughness"]["roughnessFactor"] == pytest.approx(0.3)
    assert "baseColorTexture" in material["pbrMetallicRoughness"]
    assert mesh["primitives"][0]["material"] == 0
    assert image_files(result) == [picture()]
    kept = mesh_data(result)
    # The sheet is where it was, and its texture lies on it as it did.
    assert kept["POSITION"][:, :2].min(axis=0) == pytest.approx([-1, -1], abs=0.01)
    assert kept["POSITION"][:, :2].max(axis=0) == pytest.approx([1, 1], abs=0.01)
    assert kept["TEXCOORD_0"][:, 0] == pytest.approx((kept["POSITION"][:, 0] + 1) / 2, abs=0.02)
    assert kept["TEXCOORD_0"][:, 1] == pytest.approx((1 - kept["POSITION"][:, 1]) / 2, abs=0.02)


def test_a_model_below_the_target_is_left_alone(optimizer: Optimizer) -> None:
    source = heavy_model(edge=10)
    assert optimizer.optimize(source, 400) == source


def test_an_impossible_target_gives_the_least_there_is(optimizer: Optimizer) -> None:
    result = optimizer.optimize(heavy_model(edge=10), 1)
    assert 8 <= glb.triangle_count(result) < 40


def test_several_meshes_share_the_reduction(optimizer: Optimizer) -> None:
    nodes = [glb.Node("Fine", mesh=0), glb.Node("Coarse", mesh=1), glb.Node("Empty")]
    source = glb.build([bumpy_sheet(60), bumpy_sheet(20)], [glb.Material("Plain")], nodes)
    result = optimizer.optimize(source, 2_000)
    assert 1_900 <= glb.triangle_count(result) <= 2_000
    document, _ = glb.unpack(result)
    assert {node["name"] for node in document["nodes"]} == {"Fine", "Coarse", "Empty"}
    assert all(mesh["primitives"][0]["material"] == 0 for mesh in document["meshes"])


def test_what_blender_cannot_read_is_refused_with_a_reason(optimizer: Optimizer) -> None:
    with pytest.raises(OptimizeError, match=r"."):
        optimizer.optimize(glb.pack({"asset": {"version": "3.7"}}, b""), 10)


def test_a_dead_worker_is_replaced(optimizer: Optimizer) -> None:
    source = heavy_model(edge=10)
    optimizer.optimize(source, 100)
    former = optimizer.pid
    assert former is not None
    os.kill(former, signal.SIGTERM)
    assert glb.triangle_count(optimizer.optimize(source, 100)) <= 100
    assert optimizer.pid != former


def test_a_closed_optimizer_has_no_child_and_makes_no_new_one() -> None:
    optimizer = Optimizer()
    optimizer.close()
    with pytest.raises(OptimizeError, match="died"):
        optimizer.optimize(heavy_model(edge=1), 1)
    assert optimizer.pid is None
