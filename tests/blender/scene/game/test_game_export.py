"""Files for game engines, read back by Blender's own importers and by readers that nobody here wrote."""

import importlib
import json
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix

from tests.blender import scenes
from tests.fbx import read_fbx

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
"""Which Blender 5.2's own FBX exporter does."""

PNG = b"\x89PNG\r\n\x1a\n"

KINDS = ("objects", "meshes", "scenes", "collections", "images", "materials", "node_groups")


READERS = {
    ".fbx": lambda: bpy.ops.import_scene.fbx,
    ".glb": lambda: bpy.ops.import_scene.gltf,
    ".usdc": lambda: bpy.ops.wm.usd_import,
}
"""Blender's own importers."""


def everything() -> dict[str, list[str]]:
    return {kind: sorted(getattr(bpy.data, kind).keys()) for kind in KINDS}


@pytest.fixture(autouse=True)
def at_once(addon: ModuleType, conversion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator hands over is done here, with a converter that stays warm from test to test."""
    exported = importlib.import_module(f"{addon.__name__}.jobs.exported")

    def done(
        _self: object, _context: object, parts: Iterator[list[Any]], _count: int, modal: bool
    ) -> set[str]:
        assert not modal
        (job,) = [job for part in parts for job in part]
        order = Path(job.request.source)
        note = order.with_name("exported.json")
        conversion.export(order, note, lambda: False)
        exported.deliver(note, Path(job.request.destination.folder), job.token)
        return {"FINISHED"}

    monkeypatch.setattr(addon.operators.game_export.GENERIO_OT_export_for_engine, "submit_parts", done)


@pytest.fixture
def rock(addon: ModuleType) -> bpy.types.Object:
    """A textured ball with two levels, turned, mirrored and somewhere else."""
    item = scenes.ball("Rock", 32, 16)
    item.data.materials.append(scenes.textured("Bark"))
    for level, segments in ((1, 16), (2, 8)):
        part = scenes.ball("Part", segments, segments // 2)
        part.data.materials.append(item.data.materials[0])
        where = addon.core.destination.OptimizedMesh(mode="lod", level=level, offset=3.0 * level)
        addon.scene.replace_mesh.assign_mesh(bpy.context.scene, part.data, [item], where)
        bpy.data.objects.remove(part)
    item.matrix_world = Matrix.LocRotScale((1.0, 2.0, 3.0), Euler((0.3, 0.2, 0.5)), (-1.0, 1.0, 2.0))
    for level in bpy.data.collections["Rock_LODs"].objects:
        level.matrix_world = item.matrix_world
    bpy.data.objects["Rock_LOD1"].location.x += 3.0
    scenes.select(item)
    return item


def export(path: Path, engine: str, **options: object) -> None:
    assert bpy.ops.generio.export_for_engine(filepath=str(path), engine=engine, **options) == {"FINISHED"}


def document(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    (length,) = struct.unpack_from("<I", content, 12)
    return json.loads(content[20 : 20 + length])


def seen_points(item: bpy.types.Object, at_origin: bool = False) -> np.ndarray:
    """Where a GLB or FBX has the vertices: Y up, meters."""
    points = scenes.world_points(item) - (np.array(item.matrix_world.translation) if at_origin else 0.0)
    return points[:, [0, 2, 1]] * [1.0, 1.0, -1.0]


def bounds(points: np.ndarray) -> np.ndarray:
    return np.array([points.min(axis=0), points.max(axis=0)])


# ---------------------------------------------------------------------- Unreal


def test_unreal_gets_a_lod_group_its_hulls_and_centimeters(rock, tmp_path):
    before = everything()
    export(tmp_path, "UNREAL", batch_mode="OBJECT", triangles=40)
    assert [path.name for path in tmp_path.iterdir()] == ["SM_Rock.fbx"]
    nodes = read_fbx(tmp_path / "SM_Rock.fbx")
    levels = [f"SM_Rock_LOD{level}" for level in range(3)]
    assert {*nodes} == {"SM_Rock", *levels, "UCX_SM_Rock_LOD0_01"}
    assert b"LodGroup" in (tmp_path / "SM_Rock.fbx").read_bytes()
    assert [nodes[name].parent for name in levels] == ["SM_Rock"] * 3
    assert [nodes[name].triangles for name in levels] == [960, 224, 48]
    for name in levels:
        node = nodes[name]
        assert (node.whole, node.uvs, node.tangents) == (True, True, True)
        assert node.matrix == pytest.approx(np.eye(4), abs=1e-6), "nothing is turned, scaled or moved"
    wanted = bounds(seen_points(rock, at_origin=True)) * 100.0
    assert bounds(nodes[levels[0]].points) == pytest.approx(wanted, abs=0.01)
    assert np.abs(bounds(nodes[levels[1]].points) - wanted).max() < 20.0, "level 1 stood beside"
    assert nodes["UCX_SM_Rock_LOD0_01"].triangles <= 40
    assert PNG in (tmp_path / "SM_Rock.fbx").read_bytes(), "embedded"
    assert everything() == before, "nothing was made in the file that is open"


def test_a_model_without_levels_is_one_mesh_and_its_shapes_are_named_after_it(addon, tmp_path):
    ball = scenes.ball("Ball", 16, 8)
    scenes.select(ball)
    export(tmp_path / "ball.fbx", "UNREAL", shapes="BOX")
    assert {*read_fbx(tmp_path / "ball.fbx")} == {"SM_Ball", "UBX_SM_Ball_01"}


def test_what_unreal_gets_is_read_by_blender_too(rock, tmp_path):
    export(tmp_path / "Rock.fbx", "UNREAL")
    wanted = scenes.bounds([rock])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.import_scene.fbx(filepath=str(tmp_path / "Rock.fbx"))
    bpy.context.view_layer.update()
    first = bpy.data.objects["SM_Rock_LOD0"]
    assert first.parent.name == "SM_Rock" and first.parent.type == "EMPTY"
    assert scenes.bounds([first]) == pytest.approx(wanted, abs=1e-3)
    assert scenes.base_colour_images(first)
    assert bpy.data.objects["UCX_SM_Rock_LOD0_01"].data.polygons


# ---------------------------------------------------------------------- Unity, Godot, glTF, and plain formats


def test_unity_gets_names_and_nothing_turned_or_scaled(rock, tmp_path):
    export(tmp_path / "Rock.fbx", "UNITY", embed=False)
    nodes = read_fbx(tmp_path / "Rock.fbx")
    assert {*nodes} == {"Rock", "Rock_LOD0", "Rock_LOD1", "Rock_LOD2", "Rock_Collider_01"}
    assert nodes["Rock"].matrix[:3, :3] == pytest.approx(np.eye(3), abs=1e-6)
    assert nodes["Rock_LOD0"].matrix == pytest.approx(np.eye(4), abs=1e-6)
    assert bounds(nodes["Rock_LOD0"].points) == pytest.approx(bounds(seen_points(rock)), abs=1e-4)
    assert (tmp_path / "textures" / "Bark.png").read_bytes().startswith(PNG)
    assert b"textures/Bark.png" in (tmp_path / "Rock.fbx").read_bytes().replace(b"\\", b"/")
    assert PNG not in (tmp_path / "Rock.fbx").read_bytes()
    assert not bpy.data.images["Bark"].filepath_raw, "the picture in the file is as it was"


def test_godot_gets_a_body_and_the_distances_of_the_levels(rock, tmp_path):
    export(tmp_path / "Rock.glb", "GODOT")
    made = document(tmp_path / "Rock.glb")
    assert [material["name"] for material in made["materials"]] == ["Bark"], "all levels have the same one"
    assert [image["name"] for image in made["images"]] == ["Bark"]
    nodes = {node["name"]: node for node in made["nodes"]}
    assert {*nodes} == {"Rock", "Rock_LOD0", "Rock_LOD1", "Rock_LOD2", "Rock_01-convcolonly"}
    ranges = [nodes[f"Rock_LOD{level}"]["extras"] for level in range(3)]
    assert ranges[0]["visibility_range_begin"] == 0.0 == ranges[2]["visibility_range_end"]
    for near, far in pairwise(ranges):
        assert near["visibility_range_end"] == far["visibility_range_begin"] > 0.0
    assert not any(key.startswith("generio") for node in nodes.values() for key in node.get("extras", {}))


def test_gltf_has_the_levels_where_msft_lod_has_them(rock, tmp_path):
    export(tmp_path / "Rock.glb", "GLTF")
    found = document(tmp_path / "Rock.glb")
    names = [node["name"] for node in found["nodes"]]
    first = found["nodes"][names.index("Rock")]
    assert [names[number] for number in first["extensions"]["MSFT_lod"]["ids"]] == ["Rock_LOD1", "Rock_LOD2"]
    sizes = [bpy.data.objects[f"Rock_LOD{level}"]["generio_screen_size"] for level in (1, 2)]
    assert first["extras"]["MSFT_screencoverage"] == pytest.approx([*sizes, 0.0])
    assert found["extensionsUsed"] == ["MSFT_lod"]
    assert [names[number] for number in found["scenes"][0]["nodes"]] == ["Rock"]
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "Rock.glb"))


@pytest.mark.parametrize("engine", ["GLB", "FBX", "USD"])
def test_plain_formats_have_the_model_alone_where_it_stands(rock, tmp_path, engine: str):
    path = tmp_path / f"Rock.{engine.lower()}c" if engine == "USD" else tmp_path / f"Rock.{engine.lower()}"
    export(path, engine)
    assert not len(rock.children), "no collision shapes were made in vain"
    wanted = scenes.bounds([rock])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    match engine:
        case "GLB":
            bpy.ops.import_scene.gltf(filepath=str(path))
        case "FBX":
            bpy.ops.import_scene.fbx(filepath=str(path))
        case _:
            bpy.ops.wm.usd_import(filepath=str(path))
    bpy.context.view_layer.update()
    (made,) = [item for item in bpy.data.objects if item.type == "MESH"]
    assert scenes.triangles(made) == 960
    assert scenes.bounds([made]) == pytest.approx(wanted, abs=1e-3)


# ---------------------------------------------------------------------- many, and what is wrong


def test_many_models_go_into_a_file_or_a_folder_each(addon, tmp_path):
    items = [scenes.ball(name, 8, 4) for name in ("Left", "Right", "right")]
    items[1].location.x = 5.0
    other = bpy.data.collections.new("Stones")
    bpy.context.scene.collection.children.link(other)
    other.objects.link(items[0])
    bpy.context.scene.collection.objects.unlink(items[0])
    scenes.select(*items)
    export(tmp_path / "each", "GODOT", batch_mode="OBJECT", shapes="NONE")
    assert sorted(path.name for path in (tmp_path / "each").iterdir()) == [
        "Left.glb",
        "Right.glb",
        "right_2.glb",
    ]
    export(tmp_path / "own", "GODOT", batch_mode="OBJECT", own_folder=True, shapes="NONE")
    assert (tmp_path / "own" / "Left" / "Left.glb").is_file()
    export(tmp_path / "by", "GODOT", batch_mode="COLLECTION", shapes="NONE")
    assert sorted(path.name for path in (tmp_path / "by").iterdir()) == ["Scene Collection.glb", "Stones.glb"]
    layer = bpy.context.view_layer.layer_collection.children["Stones"]
    bpy.context.view_layer.active_layer_collection = layer
    export(tmp_path / "one.glb", "GODOT", source="COLLECTION", shapes="NONE")
    assert [node["name"] for node in document(tmp_path / "one.glb")["nodes"]] == ["Left"]


def test_what_is_seen_is_exported_with_modifiers_and_hidden_levels(addon, tmp_path):
    ball = scenes.ball("Ball", 8, 4)
    ball.modifiers.new("Smooth", "SUBSURF").levels = 1
    scenes.select(ball)
    export(tmp_path / "ball.glb", "GLB")
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "ball.glb"))
    made = bpy.context.selected_objects[0]
    evaluated = ball.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    assert scenes.triangles(made) == len(evaluated.loops) - 2 * len(evaluated.polygons)


def test_what_geometry_nodes_make_instances_of_is_exported(addon, tmp_path):
    item = scenes.ball("Ball", 8, 4)
    scenes.scatter_cubes(item)
    scenes.select(item)
    before = everything()
    export(tmp_path / "balls.fbx", "UNREAL", shapes="HULL")
    assert read_fbx(tmp_path / "balls.fbx")["SM_Ball"].triangles == 12 * len(item.data.vertices)
    assert everything() == before


def test_a_simulation_is_exported_as_it_is_seen_on_this_frame(addon, tmp_path):
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=8, y_subdivisions=8)
    flag = bpy.context.object
    flag.modifiers.new("Cloth", "CLOTH")
    for frame in range(1, 13):
        bpy.context.scene.frame_set(frame)
        bpy.context.view_layer.update()
    evaluated = flag.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    fallen = min(vertex.co.z for vertex in evaluated.vertices)
    assert fallen < -0.02
    scenes.select(flag)
    export(tmp_path / "flag.fbx", "UNITY", shapes="NONE")
    assert read_fbx(tmp_path / "flag.fbx")["Grid"].points[:, 1].min() == pytest.approx(fallen, abs=1e-4)
    assert flag.modifiers.keys() == ["Cloth"]


def test_what_is_sheared_and_what_an_object_wears_itself_is_exported_so(addon, tmp_path):
    parent, ball = bpy.data.objects.new("Parent", None), scenes.ball("Ball", 16, 8)
    bpy.context.scene.collection.objects.link(parent)
    parent.scale = (1.0, 3.0, 1.0)
    ball.parent = parent
    ball.rotation_euler = (0.0, 0.0, 0.7)
    ball.scale = (2.0, 1.0, 1.0)
    ball.data.materials.append(scenes.textured("Common"))
    ball.material_slots[0].link = "OBJECT"
    ball.material_slots[0].material = scenes.textured("Own")
    scenes.select(ball)
    export(tmp_path / "ball.glb", "GLB")
    wanted = scenes.bounds([ball])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "ball.glb"))
    bpy.context.view_layer.update()
    (made,) = [item for item in bpy.data.objects if item.type == "MESH"]
    assert scenes.bounds([made]) == pytest.approx(wanted, abs=1e-3)
    assert [material.name for material in made.data.materials] == ["Own"]


def test_the_unit_of_the_scene_counts(addon, tmp_path):
    ball = scenes.ball("Ball", 8, 4)
    bpy.context.scene.unit_settings.scale_length = 0.01
    scenes.select(ball)
    export(tmp_path / "ball.fbx", "UNREAL", shapes="NONE")
    assert read_fbx(tmp_path / "ball.fbx")["SM_Ball"].points.max() == pytest.approx(1.0, abs=1e-4), (
        "a centimeter"
    )


def test_a_picture_that_was_painted_and_never_saved_is_in_the_file(addon, tmp_path):
    ball = scenes.ball("Ball", 8, 4)
    ball.data.materials.append(scenes.textured("Paint"))
    image = scenes.base_colour_images(ball)[0]
    painted = bpy.data.images.new("Painted", 16, 16)
    painted.pixels[0] = 0.5
    for node in ball.data.materials[0].node_tree.nodes:
        if node.type == "TEX_IMAGE":
            node.image = painted
    bpy.data.images.remove(image)
    scenes.select(ball)
    export(tmp_path / "ball.fbx", "UNITY", shapes="NONE")
    assert PNG in (tmp_path / "ball.fbx").read_bytes()
    assert bpy.data.images.keys() == ["Painted"] and painted.packed_file is None


def colored(name: str, path: Path, color: tuple[float, float, float]) -> bpy.types.Object:
    """A ball in one color, which is in a picture of this name, the file `path`."""
    path.parent.mkdir(exist_ok=True)
    ball = scenes.ball("Ball", 8, 4)
    material = scenes.textured(name)
    ball.data.materials.append(material)
    image = bpy.data.images.new(name, 4, 4)
    image.pixels.foreach_set(np.tile(np.array([*color, 1.0], np.float32), 16))
    image.filepath_raw, image.file_format = str(path), "PNG"
    next(node for node in material.node_tree.nodes if node.type == "TEX_IMAGE").image = image
    image.save()
    return ball


@pytest.mark.parametrize(
    ("engine", "suffix", "options"),
    [
        ("UNREAL", ".fbx", {}),
        ("UNREAL", ".fbx", {"embed": False}),
        ("UNITY", ".fbx", {"embed": False, "batch_mode": "OBJECT"}),
        ("USD", ".usdc", {}),
        ("USD", ".usdc", {"batch_mode": "OBJECT"}),
        ("GODOT", ".glb", {}),
    ],
    ids=str,
)
def test_pictures_that_are_called_alike_stay_apart(addon, tmp_path, engine: str, suffix: str, options: dict):
    """As of a library whose materials have a folder with a diffuse.png each. Blender numbers names."""
    colors = [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 1.0, 0.0)]
    balls = [
        colored(name, tmp_path / folder / "diffuse.png", color)
        for name, folder, color in zip(
            ("diffuse.png", "diffuse.png", "Bark", "Bark"), "abcd", colors, strict=True
        )
    ]
    scenes.base_colour_images(balls[-1])[0].pack()
    scenes.select(*balls)
    path = tmp_path / "made" if "batch_mode" in options else tmp_path / "made" / f"all{suffix}"
    export(path, engine, shapes="NONE", **options)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    for file in sorted((tmp_path / "made").glob(f"*{suffix}")):
        READERS[suffix]()(filepath=str(file))
    shown = [
        tuple(round(value, 1) for value in scenes.base_colour_images(item)[0].pixels[:3])
        for item in bpy.data.objects
        if item.type == "MESH"
    ]
    assert sorted(shown) == sorted(colors)


@pytest.mark.parametrize(
    "names", [("Chair.001",), ("Chair", "Chair.001"), ("Chair.001", "Chair.002")], ids=str
)
@pytest.mark.parametrize("batch_mode", ["ONE", "OBJECT"])
def test_names_that_blender_has_numbered_are_exported(
    addon, tmp_path, names: tuple[str, ...], batch_mode: str
):
    """While it is exported, there are more meshes, whose names Blender numbers, too."""
    scenes.select(*[scenes.ball(name, 8, 4) for name in names])
    export(tmp_path / "made" / "all.glb", "GODOT", shapes="NONE", batch_mode=batch_mode)
    found = [node["name"] for path in (tmp_path / "made").iterdir() for node in document(path)["nodes"]]
    assert sorted(found) == sorted(names)


def test_what_is_no_mesh_is_named(addon, tmp_path, capfd: pytest.CaptureFixture[str]):
    crates = bpy.data.collections.new("Crates")
    crates.objects.link(scenes.ball("Crate", 8, 4))
    instance = bpy.data.objects.new("Pile", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", crates
    sign = bpy.data.objects.new("Sign", bpy.data.curves.new("Sign", "FONT"))
    target = bpy.data.objects.new("Target", None)  # which has nothing to show
    for item in (instance, sign, target):
        bpy.context.collection.objects.link(item)
    scenes.select(scenes.ball("Ball", 8, 4), instance, sign, target)
    export(tmp_path / "all.glb", "GODOT", shapes="NONE")
    assert "Left out: Pile, Sign\n" in capfd.readouterr().out


def test_what_cannot_be_exported_is_told(addon, tmp_path):
    ball = scenes.ball("Ball", 8, 4)
    scenes.select()
    with pytest.raises(RuntimeError, match="Nothing to export"):
        bpy.ops.generio.export_for_engine(filepath=str(tmp_path / "x.fbx"))
    scenes.select(ball)
    (tmp_path / "file").write_text("")
    before = everything()
    (tmp_path / "taken.glb").mkdir()
    for path, reason in (
        ("file/x.glb", "cannot be exported: file is no folder"),
        ("file/deep/x.glb", "cannot be exported: file is no folder"),
        ("taken.glb", "taken.glb cannot be exported: it is a folder"),
        ("what?.glb", r"On Windows, no name may contain \?"),
        ("nul.glb", "Windows reserves the name nul for a device"),
    ):
        with pytest.raises(RuntimeError, match=reason):
            bpy.ops.generio.export_for_engine(filepath=str(tmp_path / path), engine="GLB")
    assert everything() == before
    assert {path.name for path in tmp_path.iterdir()} == {"file", "taken.glb"}


# ---------------------------------------------------------------------- collision shapes


def is_convex(mesh: bpy.types.Mesh) -> bool:
    points = np.array([vertex.co[:] for vertex in mesh.vertices])
    return all(
        ((points - np.array(mesh.vertices[face.vertices[0]].co)) @ np.array(face.normal)).max() < 1e-4
        for face in mesh.polygons
    )


@pytest.mark.parametrize("triangles", [12, 64, 255])
def test_a_hull_is_convex_looks_outwards_and_has_no_more_triangles(addon, triangles: int):
    bpy.ops.mesh.primitive_monkey_add()
    item = bpy.context.object
    assert bpy.ops.generio.make_collision(triangles=triangles) == {"FINISHED"}
    (shape,) = item.children
    assert len(shape.data.polygons) <= triangles
    assert is_convex(shape.data)
    assert shape.hide_render and shape.display_type == "WIRE" and shape.name == "Suzanne_Collision_01"
    low, high = scenes.bounds([shape]) - scenes.bounds([item])
    assert low.max() < 0.02 and high.min() > -0.02, "it reaches as far"


def test_a_hull_of_a_heavy_mesh_takes_the_outermost_points(addon: ModuleType):
    item = scenes.ball("Heavy", 256, 128)
    scenes.select(item)
    bpy.ops.generio.make_collision(triangles=100)
    (shape,) = item.children
    assert 90 <= len(shape.data.polygons) <= 100 and is_convex(shape.data)


def test_loose_parts_get_shapes_of_their_own_and_what_is_flat_gets_a_thin_one(addon: ModuleType):
    parts = [scenes.ball(name, 8, 4, location=(3.0 * number, 0, 0)) for number, name in enumerate("AB")]
    scenes.select(*parts)
    bpy.ops.object.join()
    (item,) = [each for each in bpy.data.objects if each.type == "MESH"]
    bpy.ops.generio.make_collision(each_part=True)
    assert len(item.children) == 2 and all(is_convex(shape.data) for shape in item.children)
    bpy.ops.generio.make_collision(kind="BOX")
    (box,) = item.children
    assert len(box.data.polygons) == 12
    assert scenes.bounds([box]) == pytest.approx(scenes.bounds([item]), abs=1e-4)
    bpy.ops.generio.make_collision(kind="NONE")
    assert not item.children
    bpy.ops.mesh.primitive_plane_add()
    plane = bpy.context.object
    bpy.ops.generio.make_collision()
    low, high = scenes.bounds(plane.children)
    assert high[2] - low[2] == pytest.approx(0.02, abs=1e-3)
    empty = bpy.data.objects.new("Empty", bpy.data.meshes.new("Empty"))
    bpy.context.scene.collection.objects.link(empty)
    scenes.select(empty)
    with pytest.raises(RuntimeError, match="nothing to make a collision shape from"):
        bpy.ops.generio.make_collision()


def test_shapes_that_are_there_are_taken_as_they_are(addon, tmp_path):
    item = scenes.ball("Ball", 16, 8)
    scenes.select(item)
    bpy.ops.generio.make_collision(kind="BOX")
    (box,) = item.children
    box.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    export(tmp_path / "ball.glb", "GODOT", shapes="HULL")
    assert [*item.children] == [box]
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "ball.glb"))
    made = bpy.data.objects["Ball_01-convcolonly"]
    assert made.dimensions.x == pytest.approx(4.0, abs=1e-3)


def test_the_file_browser_may_take_what_it_calls_its_own(addon: ModuleType):
    """Blender's file browser writes into properties of these names without asking of what kind they are."""
    operator = bpy.ops.generio.export_for_engine.get_rna_type()
    assert "filepath" in operator.properties
    assert not {"files", "directory", "filename"} & {*operator.properties.keys()}
