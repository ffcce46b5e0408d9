"""Where a result belongs is read as it was written, also by other versions."""

import json
from typing import Any

import pytest
from generio_flows.core.destination import (
    UNKNOWN,
    DatablockRef,
    Destination,
    NewModel,
    OptimizedMesh,
    OutputFile,
    from_data,
    to_data,
    without_uids,
)

IN_FILE = {"document": "d", "file": "/lamp.blend", "scene": DatablockRef("Scene", 1)}
MODEL = NewModel(
    **IN_FILE,  # pyright: ignore[reportArgumentType]
    collection=DatablockRef("Collection", 2),
    into="Models",
    location=(1.0, 2.0, 3.0),
    box=DatablockRef("Model Box", 3),
    base=True,
    height=2.0,
    scale=100.0,
    shading="flat",
    group="a request",
    then_optimize=500,
)
MESH = OptimizedMesh(
    **IN_FILE,  # pyright: ignore[reportArgumentType]
    placeholder_deleted=True,
    mode="beside",
    offset=2.5,
    target=DatablockRef("Ball", 4),
    others=(DatablockRef("Other", 5), DatablockRef("Linked")),
    applied=True,
    modifiers=(("Mirror", "Array"), ()),
    corners=12,
    points=((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    traits="0123",
)


@pytest.mark.parametrize(
    "destination",
    [
        MODEL,
        MESH,
        NewModel(),
        OptimizedMesh(),
        OptimizedMesh(mode="lod", level=2, target=DatablockRef("Ball", 4)),
        OutputFile("../lamp.glb"),
        OutputFile("../lamp.glb", optimize=500, wish="0123"),
        UNKNOWN,
    ],
    ids=lambda destination: type(destination).__name__,
)
def test_what_was_written_is_read(destination: Destination):
    assert from_data(json.loads(json.dumps(to_data(destination)))) == destination


def test_version_0_1_0_is_read():
    in_file = {"document": "d", "file": "/lamp.blend", "scene": "Scene", "scene_uid": 1}
    in_file |= {"collection": "Collection", "collection_uid": 2, "location": [1.0, 2.0, 3.0]}
    model: dict[str, Any] = {
        **in_file,
        "mode": "box",
        "box": "Model Box",
        "uid": 3,
        "base": True,
        "height": 2.0,
        "scale": 100.0,
        "shading": "flat",
        "group": "a request",
        "into": "Models",
        "then": 500,
    }
    assert from_data(model) == MODEL
    mesh: dict[str, Any] = {
        **in_file,
        "mode": "beside",
        "aside": True,
        "offset": 2.5,
        "object": "Ball",
        "uid": 4,
        "corners": 12,
        "points": [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
        "traits": "0123",
        "others": [["Other", 5], ["Linked", None]],
        "applied": True,
        "modifiers": [["Mirror", "Array"], []],
    }
    assert from_data(mesh) == MESH
    assert from_data({"output": "../lamp.glb", "optimize": 500}) == OutputFile("../lamp.glb", 500)


def test_what_a_later_version_has_besides_is_passed_over():
    for destination in (MODEL, MESH, OutputFile("../lamp.glb")):
        assert from_data({**to_data(destination), "orbit": {"planet": "Mars"}}) == destination


def test_in_another_opening_only_names_are_known():
    model, mesh = without_uids(MODEL), without_uids(MESH)
    assert (model.scene, model.collection, model.box) == (
        DatablockRef("Scene"),
        DatablockRef("Collection"),
        DatablockRef("Model Box"),
    )
    assert (mesh.target, mesh.others) == (
        DatablockRef("Ball"),
        (DatablockRef("Other"), DatablockRef("Linked")),
    )
    assert without_uids(UNKNOWN) == UNKNOWN
