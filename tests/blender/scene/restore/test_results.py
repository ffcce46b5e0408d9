"""What a service may do to a model beside reducing it, and what it may not be able to read."""

import importlib
import json
import math
import random
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from tests.blender import scenes
from tests.blender.conftest import EXTENSION
from tests.blender.job_fixtures import without_converter
from tests.faults.mutate import mutated_value
from tests.sandbox.glb import pack, unpack

TURNED = Matrix.Rotation(math.pi / 2, 4, "X")
WAYS = {
    "centered": Matrix.Translation((-2, 1, -3)),
    "in centimeters": Matrix.Scale(100, 4),
    "another axis up": TURNED,
    "all at once": TURNED @ Matrix.Scale(0.37, 4) @ Matrix.Translation((-2, 1, -3)),
}


def lamp() -> bpy.types.Object:
    """A ball on a foot, away from its own origin, with nothing that looks the same from two sides."""
    item = scenes.ball("Lamp", 32, 16, location=(0, 0, 3))
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0.3, 0.1, 0.5))
    foot = bpy.context.object
    foot.scale = (2, 1.5, 1)
    scenes.select(item, foot)
    bpy.ops.object.transform_apply(location=True, rotation=True, scale=True)
    bpy.ops.object.join()
    item.data.transform(Matrix.Translation((2, -1, 1)))
    item.data.materials.append(scenes.textured("Paint"))
    return item


def came_of(item: bpy.types.Object, way: Matrix, ratio: float = 1.0) -> bpy.types.Object:
    """A result as the importer leaves it: triangles, and in an object that is not where its mesh is."""
    result = item.copy()
    result.data = item.data.copy()
    bpy.context.scene.collection.objects.link(result)
    scenes.select(result)
    result.modifiers.new("Reduced", "DECIMATE").ratio = ratio
    result.modifiers.new("Triangles", "TRIANGULATE")
    for name in ("Reduced", "Triangles"):
        bpy.ops.object.modifier_apply(modifier=name)
    bpy.context.scene.collection.objects.unlink(result)
    result.matrix_world = way @ item.matrix_world.inverted()
    return result


def fitted(addon: ModuleType, folder: Path, item: bpy.types.Object, result: bpy.types.Object) -> dict:
    snapshot = folder / addon.scene.export.snapshot.snapshot_name()
    addon.scene.export.snapshot.write_snapshot(item, snapshot)
    return addon.scene.restore.restore.restore_mesh_data(
        [result], snapshot, dict.fromkeys(result.data.materials, "Paint")
    )


def points(mesh: bpy.types.Mesh) -> np.ndarray:
    found = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", found)
    return found.reshape(-1, 3)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("way", WAYS)
def test_a_result_that_was_turned_scaled_or_moved_is_put_back(addon, tmp_path: Path, way: str, ratio: float):
    item = lamp()
    told = fitted(addon, tmp_path, item, came_of(item, WAYS[way], ratio))
    assert told["drift"] < 0.01
    assert told["deviation"]["max"] < (0.002 if ratio == 1.0 else 0.03)
    came = told["came"]
    assert came["turned"] == (way in ("another axis up", "all at once"))
    assert came["shifted"] == (way in ("centered", "all at once"))
    scales = {"in centimeters": 100, "all at once": 0.37}
    assert came["scale"] == pytest.approx(scales.get(way, 1.0), rel=0.02)


def test_a_plain_result_is_not_moved_at_all(addon, tmp_path: Path):
    item = lamp()
    for ratio in (1.0, 0.1):
        result = came_of(item, Matrix(), ratio)
        before = points(result.data)
        told = fitted(addon, tmp_path, item, result)
        assert told["came"] == {"turned": False, "shifted": False, "scale": 1.0}
        assert {*map(tuple, points(result.data))} == {*map(tuple, before)}


def test_what_is_put_back_is_where_it_was_to_the_last_bit(addon, tmp_path: Path):
    """So vertices that were double stay so: by their places they are told from those at seams."""
    item = lamp()
    twice = item.data.copy()
    pair = bpy.data.objects.new("Pair", twice)
    bpy.context.scene.collection.objects.link(pair)
    scenes.select(item, pair)
    bpy.ops.object.join()
    count = len(item.data.vertices)
    result = came_of(item, WAYS["all at once"])
    fitted(addon, tmp_path, item, result)
    assert len(result.data.vertices) == count
    assert {*map(tuple, points(result.data))} == {*map(tuple, points(item.data))}


def test_normals_turn_with_the_mesh(addon, tmp_path: Path):
    item = lamp()
    item.data.shade_smooth()
    bent = np.empty((len(item.data.loops), 3), dtype=np.float32)
    item.data.corner_normals.foreach_get("vector", bent.ravel())
    item.data.normals_split_custom_set(bent + np.array([0.3, 0.0, 0.3], dtype=np.float32))
    normals = []
    for way in (Matrix(), WAYS["all at once"]):
        result = came_of(item, way)
        fitted(addon, tmp_path / str(len(normals)), item, result)
        normals.append(np.empty((len(result.data.loops), 3), dtype=np.float32))
        result.data.corner_normals.foreach_get("vector", normals[-1].ravel())
    assert np.allclose(*normals, atol=1e-2)


def stretched(content: bytes) -> bytes:
    """A result that no turn, scale or shift brings back."""
    document, buffer = unpack(content)
    for node in document["nodes"]:
        node["scale"] = [3.0, 1.0, 1.0]
    return pack(document, buffer)


def scaled(content: bytes) -> bytes:
    document, buffer = unpack(content)
    for node in document["nodes"]:
        node["scale"] = [0.01, 0.01, 0.01]
    return pack(document, buffer)


def answer_with(optimizer, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]) -> None:
    """Let the service do something to what it makes."""
    reduce = optimizer.optimize
    monkeypatch.setattr(optimizer, "optimize", lambda content, count: change(reduce(content, count)))


def test_what_was_put_back_is_said_in_the_report(addon, optimizer, monkeypatch: pytest.MonkeyPatch):
    item = lamp()
    before = scenes.bounds([item])
    answer_with(optimizer, monkeypatch, scaled)
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=500) == {"FINISHED"}
    assert np.abs(scenes.bounds([item]) - before).max() < 0.05
    report = json.loads(item.data["generio_report"])
    assert (
        "The result was 0.01 times as large, and was scaled back"
        in addon.panels.versions_report.report_lines(report)
    )
    assert [slot.material.name for slot in item.material_slots] == ["Paint"]


def test_a_result_that_does_not_fit_waits_and_can_be_imported(
    addon, optimizer, monkeypatch: pytest.MonkeyPatch
):
    item = lamp()
    before = item.data
    answer_with(optimizer, monkeypatch, stretched)
    scenes.select(item)
    with pytest.raises(RuntimeError, match="does not fit the mesh that was sent"):
        bpy.ops.generio.optimize_selected(polygon_count=500)
    assert item.data == before and scenes.triangles(item) > 500
    (row,) = bpy.context.window_manager.generio.jobs
    assert row.state == "ready"
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    assert item.data == before
    (came,) = (other for other in bpy.data.objects if other != item)
    assert 300 < scenes.triangles(came) <= 500
    assert came.dimensions.x == pytest.approx(3 * item.dimensions.x, rel=0.1)


def test_what_has_too_few_triangles_to_be_recognized_asks_for_more(
    addon, optimizer, monkeypatch: pytest.MonkeyPatch
):
    bpy.ops.mesh.primitive_cube_add()
    item = bpy.context.object
    answer_with(optimizer, monkeypatch, stretched)
    with pytest.raises(RuntimeError, match=r"has only \d triangles.*Try more triangles"):
        bpy.ops.generio.optimize_selected(target="PERCENT", percent=50)
    assert scenes.triangles(item) == 12
    (row,) = bpy.context.window_manager.generio.jobs
    assert row.state == "ready"
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    (came,) = (other for other in bpy.data.objects if other != item)
    assert scenes.triangles(came) <= 6


def embellished(content: bytes) -> bytes:
    """A result with tangents, colors, numbers and a shape that nobody has sent."""
    document, buffer = unpack(content)
    views, accessors = document["bufferViews"], document["accessors"]

    def ones(count: int, kind: str, width: int) -> int:
        nonlocal buffer
        data = struct.pack("<f", 1.0) * (count * width)
        views.append({"buffer": 0, "byteOffset": len(buffer), "byteLength": len(data)})
        buffer += data
        limits = {name: [1.0] * width for name in ("min", "max")}
        new = {"bufferView": len(views) - 1, "componentType": 5126, "count": count, "type": kind}
        accessors.append({**new, **limits})
        return len(accessors) - 1

    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            attributes = primitive["attributes"]
            count = accessors[attributes["POSITION"]]["count"]
            for name in ("TANGENT", "COLOR_0", "COLOR_1"):
                attributes[name] = ones(count, "VEC4", 4)
            attributes["_BATCHID"] = ones(count, "SCALAR", 1)
            primitive["targets"] = [{"POSITION": ones(count, "VEC3", 3)}]
    document["buffers"][0]["byteLength"] = len(buffer)
    return pack(document, buffer)


@pytest.mark.usefixtures("sends_what_is_light")
@pytest.mark.parametrize("percent", [50, 100])
def test_what_a_service_adds_to_a_mesh_does_not_come(
    addon, optimizer, monkeypatch: pytest.MonkeyPatch, percent: int
):
    item = lamp()
    before = [(entry.name, entry.data_type, entry.domain) for entry in item.data.attributes]
    answer_with(optimizer, monkeypatch, embellished)
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=percent) == {"FINISHED"}
    assert "generio_report" in item.data
    after = [(entry.name, entry.data_type, entry.domain) for entry in item.data.attributes]
    assert {*after} - {("sharp_edge", "BOOLEAN", "EDGE")} <= {*before}
    assert not item.data.color_attributes and item.data.shape_keys is None


@pytest.mark.parametrize("change", [scaled, stretched])
def test_the_window_puts_a_result_back_as_well(addon, optimizer, monkeypatch, change):
    item = lamp()
    before = scenes.bounds([item])
    answer_with(optimizer, monkeypatch, change)
    without_converter(addon, monkeypatch)
    scenes.select(item)
    if change is scaled:
        assert bpy.ops.generio.optimize_selected(polygon_count=500) == {"FINISHED"}
        assert scenes.triangles(item) <= 500
    else:
        with pytest.raises(RuntimeError, match="does not fit the mesh that was sent"):
            bpy.ops.generio.optimize_selected(polygon_count=500)
        assert scenes.triangles(item) > 500
    assert np.abs(scenes.bounds([item]) - before).max() < 0.05
    assert {other.name for other in bpy.data.objects} == {"Lamp"}


# ---------------------------------------------------------------------- materials that cannot go


def unexportable(name: str) -> bpy.types.Material:
    """A material at which the exporter of Blender 4 stumbles: its group has no output node."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:
        material.use_nodes = True
    group = bpy.data.node_groups.new("Lost", "ShaderNodeTree")
    group.interface.new_socket("Shader", in_out="OUTPUT", socket_type="NodeSocketShader")
    node = material.node_tree.nodes.new("ShaderNodeGroup")
    node.node_tree = group
    output = next(other for other in material.node_tree.nodes if other.type == "OUTPUT_MATERIAL")
    material.node_tree.links.new(node.outputs[0], output.inputs["Surface"])
    return material


@pytest.mark.parametrize("child", [True, False])
def test_a_material_that_cannot_go_does_not_keep_the_shape(addon, tmp_path, monkeypatch, child):
    if not child:
        without_converter(addon, monkeypatch)
    item = scenes.ball()
    mine = [unexportable("Lost"), scenes.textured("Paint"), None]
    for material in mine:
        item.data.materials.append(material)
    for face in item.data.polygons:
        face.material_index = face.index % 3
    try:
        bpy.ops.export_scene.gltf(filepath=str(tmp_path / "direct.glb"))
        stumbles = False
    except RuntimeError:
        stumbles = True
    assert stumbles or bpy.app.version >= (5, 0, 0)
    twin = scenes.ball("Twin")
    twin.data = item.data
    other = item.copy()
    other.data = item.data.copy()
    bpy.context.scene.collection.objects.link(other)
    scenes.select(item, twin, other)
    assert bpy.ops.generio.optimize_selected(polygon_count=900) == {"FINISHED"}
    for made in (item, twin, other):
        assert scenes.triangles(made) <= 900
        assert [slot.material for slot in made.material_slots] == mine
        assert {face.material_index for face in made.data.polygons} == {0, 1, 2}
        report = json.loads(made.data["generio_report"])
        told = addon.panels.versions_report.report_lines(report)
        without = "Blender could not export the materials, so the shape was sent without them"
        assert (without in told) == stumbles
    assert {material.name for material in bpy.data.materials} == {"Lost", "Paint"}


# ---------------------------------------------------------------------- results that cannot be read


def is_sentence(message: str) -> bool:
    """Whether a message is for people: short, no trace of any code, no paths of this computer."""
    private = ("Traceback", 'File "', "/tmp", str(Path.home()), str(Path(bpy.__file__).parent), "Location:")
    return message.endswith(".") and len(message) < 400 and not any(text in message for text in private)


def malformed(content: bytes, number: int) -> bytes:
    document, buffer = unpack(content)
    text = json.dumps(mutated_value(random.Random(number), document)).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 4)
    chunks = (
        struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(buffer), b"BIN\0") + buffer
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def test_what_is_wrong_with_a_malformed_result_is_a_sentence(addon, tmp_path: Path):
    """Of those that pass the first check and trip up Blender's importer, most with a trace of its code."""
    scenes.ball(segments=8, rings=6).data.materials.append(scenes.textured("Paint"))
    whole = tmp_path / "whole.glb"
    bpy.ops.export_scene.gltf(filepath=str(whole))
    path = tmp_path / "result-1.glb"
    messages = []
    for number in range(60):
        path.write_bytes(malformed(whole.read_bytes(), number))
        try:
            addon.api.check_glb(path)
            bpy.ops.import_scene.gltf(filepath=str(path))
        except addon.api.FlowsError as error:
            assert is_sentence(error.message)
        except RuntimeError as error:
            words = addon.scene.background.child.error_text(error)
            messages.append(addon.scene.errors.ConversionFailed(path.name, words).message)
            assert is_sentence(messages[-1]), messages[-1]
    assert any("an error in its own code" in message for message in messages)
    assert len(messages) > 10


def test_a_child_that_fails_says_so_in_a_sentence(addon, conversion, tmp_path: Path):
    scenes.ball()
    path = tmp_path / "result-1.glb"
    bpy.ops.export_scene.gltf(filepath=str(path))
    document, buffer = unpack(path.read_bytes())
    document["meshes"][0]["primitives"][0]["material"] = 7
    path.write_bytes(pack(document, buffer))
    with pytest.raises(addon.scene.errors.ConversionFailed, match="could not convert the model") as caught:
        conversion.to_blend(path, path.with_suffix(".blend"), lambda: False)
    assert is_sentence(caught.value.message)


def test_a_result_without_any_face_is_told_as_such_before_blender_stumbles_over_it(
    addon, conversion, tmp_path: Path, monkeypatch
):
    """Blender 4.2 raises on a mesh that has no primitives, and later ones do not."""
    item = scenes.ball()
    addon.scene.export.snapshot.write_snapshot(item, tmp_path / addon.scene.export.snapshot.snapshot_name())
    path = tmp_path / "result-1.glb"
    bpy.ops.export_scene.gltf(filepath=str(path))
    document, buffer = unpack(path.read_bytes())
    document["meshes"][0]["primitives"] = []
    path.write_bytes(pack(document, buffer))
    monkeypatch.setattr(conversion, "_run", lambda *_: pytest.fail("no converter is asked"))
    with pytest.raises(addon.scene.errors.NoFaces):
        conversion.to_blend(path, path.with_suffix(".blend"), lambda: False)


@contextmanager
def converters_that_say(words: str, folder: Path) -> Iterator[Any]:
    """A Conversion in which this is what goes wrong in each task."""
    script = folder / "odd.py"
    answer = f"\nGENERIO_ANSWER {json.dumps({'problem': words})}"
    script.write_text(f"import sys\nfor line in sys.stdin:\n    print({answer!r}, flush=True)\n")
    kind = importlib.import_module(f"{EXTENSION}.engine.conversion").Conversion
    conversion = kind((sys.executable, str(script)))
    yield conversion
    conversion.close()


def test_of_an_error_in_blenders_code_the_log_has_its_kind_and_nobody_its_words(
    addon, tmp_path: Path, caplog
):
    words = "Traceback (most recent call last):\nUnboundLocalError: cannot access local variable 'prim'"
    with (
        converters_that_say(words, tmp_path) as conversion,
        pytest.raises(addon.scene.errors.ConversionFailed) as caught,
    ):
        conversion.to_file(tmp_path / "result-1.glb", tmp_path / "result-1.blend", lambda: False)
    assert caught.value.message == "Blender could not convert the model: an error in its own code."
    assert [entry.getMessage() for entry in caplog.records if entry.levelname == "ERROR"] == [
        "converter, save: UnboundLocalError"
    ]


@pytest.mark.parametrize("kind", ["meshopt", "draco"])
def test_an_extension_that_this_blender_cannot_read_is_named(addon, tmp_path: Path, kind: str):
    name = f"KHR_{kind}_mesh_compression" if kind == "draco" else "EXT_meshopt_compression"
    words = {
        "meshopt": f"Error: Extension {name} is not available on this addon version",
        "draco": "Traceback (most recent call last):\nOSError: /opt/libextern_draco.so: no such file",
    }[kind]
    scenes.ball()
    path = tmp_path / "result-1.glb"
    bpy.ops.export_scene.gltf(filepath=str(path))
    document, buffer = unpack(path.read_bytes())
    path.write_bytes(pack({**document, "extensionsUsed": [name], "extensionsRequired": [name]}, buffer))
    with (
        converters_that_say(words, tmp_path) as conversion,
        pytest.raises(addon.scene.errors.ExtensionUnknown, match=f'"{name}", which this Blender cannot read'),
    ):
        conversion.to_blend(path, path.with_suffix(".blend"), lambda: False)
