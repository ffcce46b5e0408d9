"""What comes from where: weights, colors, UV maps, materials and vertices of a result that is fitted.

The results are made here, as exact as a service may make them, so nothing is sent.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy
import numpy as np
import pytest
from generio_flows.core.messages import Message
from mathutils import Vector

from tests.blender import scenes
from tests.sandbox import Sandbox

Fit = Callable[..., dict]
COLORS = np.array([(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (1, 1, 0, 1)], dtype=np.float32)


@pytest.fixture
def fit(addon, tmp_path: Path) -> Fit:
    """Fits an object, which came, onto another one, which was sent; returns the report."""

    def fitted(came: bpy.types.Object, sent: bpy.types.Object, carry: Sequence[str] = ("colors",)) -> dict:
        snapshot = tmp_path / addon.scene.export.snapshot.snapshot_name()
        addon.scene.export.snapshot.write_snapshot(sent, snapshot, carry)
        for collection in came.users_collection:
            collection.objects.unlink(came)
        names = {material: material.name for material in came.data.materials if material}
        return addon.scene.restore.restore.fit([came], snapshot, names)

    return fitted


def made(name: str, points: Sequence, faces: Sequence) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], faces)
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def as_it_comes(item: bpy.types.Object, ratio: float = 1.0, sheds: bool = True) -> bpy.types.Object:
    """A copy as a service may send it back: reduced, triangles, each of them alone, no groups, no names.

    sheds: less one triangle, so that something has changed.
    """
    copy = item.copy()
    copy.data = item.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    if ratio < 1:
        modifier = copy.modifiers.new("Reduce", "DECIMATE")
        modifier.ratio = ratio
        modifier.use_collapse_triangulate = True
    copy.modifiers.new("Triangles", "TRIANGULATE").quad_method = "FIXED"
    scenes.select(copy)
    bpy.ops.object.convert(target="MESH")
    copy.vertex_groups.clear()
    for number, layer in enumerate(copy.data.uv_layers):
        layer.name = f"came {number}"
    if sheds:
        drop_faces(copy, [0])
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.edge_split(type="EDGE")
    bpy.ops.object.mode_set(mode="OBJECT")
    return copy


def drop_faces(item: bpy.types.Object, numbers: Sequence[int]) -> None:
    import bmesh

    work = bmesh.new()
    work.from_mesh(item.data)
    work.faces.ensure_lookup_table()
    bmesh.ops.delete(work, geom=[work.faces[number] for number in numbers], context="FACES")
    work.to_mesh(item.data)
    work.free()


def groups(item: bpy.types.Object, **vertices: Sequence[int]) -> None:
    for name, numbers in vertices.items():
        item.vertex_groups.new(name=name).add(list(numbers), 1.0, "REPLACE")


def weights(item: bpy.types.Object) -> np.ndarray:
    """Of each vertex in each group."""
    found = np.zeros((len(item.data.vertices), len(item.vertex_groups)))
    for vertex in item.data.vertices:
        for entry in vertex.groups:
            found[vertex.index, entry.group] = entry.weight
    return found


def corner_vertices(mesh: bpy.types.Mesh) -> np.ndarray:
    found = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", found)
    return found


def joined(*items: bpy.types.Object) -> bpy.types.Object:
    scenes.select(*items)
    bpy.ops.object.join()
    return bpy.context.object


# ---------------------------------------------------------------------- weights


def two_boxes() -> bpy.types.Object:
    """One on the other: where they touch both have vertices in the same places."""
    parts = []
    for z, name in ((0, "lower"), (1, "upper")):
        bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, z))
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.subdivide(number_cuts=5)
        bpy.ops.object.mode_set(mode="OBJECT")
        bpy.ops.object.transform_apply()
        parts.append(bpy.context.object)
        groups(parts[-1], **{name: range(len(parts[-1].data.vertices))})
    return joined(*parts)


def cloth_over_skin() -> bpy.types.Object:
    parts = []
    for radius, name in ((1.0, "skin"), (1.002, "cloth")):
        part = scenes.ball(name, 32, 16, radius=radius)
        groups(part, **{name: range(len(part.data.vertices))})
        parts.append(part)
    return joined(*parts)


def each_of_one_part(item: bpy.types.Object, size: float) -> None:
    """The corners of each face have the weights of one group alone, and each group has about `size`."""
    found = weights(item)
    corners = found[corner_vertices(item.data)].reshape(-1, 3, found.shape[1])
    assert set(corners.ravel()) == {0.0, 1.0}
    assert (corners == corners[:, :1]).all(), "no face has weights of two parts"
    assert (corners.sum(axis=2) == 1).all()
    areas = np.array([face.area for face in item.data.polygons])
    for group in range(found.shape[1]):
        assert areas[corners[:, 0, group] == 1].sum() == pytest.approx(size, rel=0.2)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1])
def test_weights_come_from_the_same_box_where_two_touch(fit: Fit, ratio: float):
    sent = two_boxes()
    came = as_it_comes(sent, ratio)
    fit(came, sent)
    each_of_one_part(came, 6.0)
    heights = np.array([vertex.co.z for vertex in came.data.vertices])
    found = weights(came)
    assert not found[heights < 0.49, 1].any()
    assert not found[heights > 0.51, 0].any()


@pytest.mark.parametrize("ratio", [0.5, 0.1])
def test_weights_come_from_the_skin_under_a_cloth_and_from_the_cloth(fit: Fit, ratio: float):
    sent = cloth_over_skin()
    came = as_it_comes(sent, ratio)
    fit(came, sent)
    each_of_one_part(came, 4 * np.pi)


def closed_mouth() -> bpy.types.Object:
    """A face whose lips turn inwards and lie on each other; at its corners they hang together."""
    outline = [(0.0, 1.0 - step / 10) for step in range(10)] + [
        (0.05, 0.01),
        (0.1, 0.0),
        (0.2, 0.0),
        (0.3, 0.0),
    ]
    numbers: dict[tuple[int, int, int], int] = {}
    points, faces = [], []
    for side in (1, -1):
        for column in range(21):
            for row, (depth, height) in enumerate(outline):
                at_corner = column in (0, 20) and row > 10
                key = (column, row, 0 if at_corner else side)
                if key not in numbers:
                    numbers[key] = len(points)
                    points.append((column / 10 - 1, depth, height * side))
        for column in range(20):
            for row in range(len(outline) - 1):
                keys = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
                ring = [numbers.get((*key, side), numbers.get((*key, 0))) for key in keys]
                faces.append(ring[::side])
    item = made("Mouth", points, faces)
    groups(
        item,
        upper=[number for key, number in numbers.items() if key[2] == 1],
        lower=[number for key, number in numbers.items() if key[2] == -1],
    )
    return item


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_weights_of_a_lip_come_from_that_lip_in_a_closed_mouth(fit: Fit, ratio: float):
    sent = closed_mouth()
    upwards = next(face.normal.z > 0 for face in sent.data.polygons if face.center.y > 0.2)
    came = as_it_comes(sent, ratio)
    fit(came, sent)
    found = weights(came)
    looked_at = 0
    for face in came.data.polygons:
        inside = max(abs(came.data.vertices[number].co.x) for number in face.vertices) < 0.85
        if inside and face.center.y > 0.12:
            upper = (face.normal.z > 0) == upwards
            assert (found[list(face.vertices), 0 if upper else 1] == 1).all(), face.center
            assert not found[list(face.vertices), 1 if upper else 0].any()
            looked_at += 1
    assert looked_at > 20


def test_vertices_are_those_that_were_sent_however_a_service_splits_or_joins_them(fit: Fit):
    sent = two_boxes()
    for merge in (False, True):
        came = as_it_comes(sent)
        if merge:
            scenes.select(came)
            bpy.ops.object.mode_set(mode="EDIT")
            bpy.ops.mesh.select_all(action="SELECT")
            bpy.ops.mesh.remove_doubles(threshold=1e-6)
            bpy.ops.object.mode_set(mode="OBJECT")
        fit(came, sent)
        assert len(came.data.vertices) == len(sent.data.vertices)
        each_of_one_part(came, 6.0)


def split_skin() -> tuple[bpy.types.Object, bpy.types.Object]:
    """A skin as it is and as files have it: there each vertex at a seam is as many as there are sides."""
    skin = scenes.ball("Skin", 64, 32)
    bones = [skin.vertex_groups.new(name=name) for name in ("hip", "knee", "toe")]
    for vertex in skin.data.vertices:
        for bone, share in zip(bones, np.abs(vertex.co) / np.abs(vertex.co).sum(), strict=True):
            bone.add([vertex.index], share, "REPLACE")
    split = skin.copy()
    split.data = skin.data.copy()
    bpy.context.scene.collection.objects.link(split)
    for edge in split.data.edges:
        middle = sum((split.data.vertices[end].co for end in edge.vertices), Vector()) / 2
        edge.use_edge_sharp = min(abs(middle.x), abs(middle.y)) < 1e-4 or 0.3 < middle.z < 0.5
    split.modifiers.new("Split", "EDGE_SPLIT").use_edge_angle = False
    scenes.select(split)
    bpy.ops.object.modifier_apply(modifier="Split")
    for edge in split.data.edges:
        edge.use_edge_sharp = False
    return skin, split


def sets_by_place(item: bpy.types.Object) -> dict[tuple[float, ...], set[tuple[float, ...]]]:
    """The weights of the vertices in each place."""
    found: dict[tuple[float, ...], set[tuple[float, ...]]] = {}
    for vertex, row in zip(item.data.vertices, weights(item).tolist(), strict=True):
        found.setdefault(tuple(vertex.co), set()).add(tuple(row))
    return found


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1])
def test_a_skin_with_split_vertices_has_one_answer_in_each_place(fit: Fit, ratio: float):
    whole, sent = split_skin()
    assert len(sent.data.vertices) > len(whole.data.vertices) + 100
    came = as_it_comes(whole, ratio)
    fit(came, sent)
    found = sets_by_place(came)
    assert len(found) < len(came.data.vertices), "there are split vertices"
    assert [place for place, sets in found.items() if len(sets) > 1] == []
    for place, (row,) in found.items():
        wanted = np.abs(place) / np.abs(place).sum()
        assert np.abs(np.array(row) - wanted).max() < 0.2


def test_a_group_of_one_place_at_a_seam_is_on_all_sides_of_it(fit: Fit):
    whole, sent = split_skin()
    pin = sent.vertex_groups.new(name="pin")
    places = [vertex.co.copy() for vertex in whole.data.vertices]
    place = min(places, key=lambda place: abs(place.x) + (place.z - 0.2) ** 2)
    pinned = [vertex.index for vertex in sent.data.vertices if (vertex.co - place).length < 1e-5]
    assert len(pinned) > 1
    pin.add(pinned, 0.4, "REPLACE")
    came = as_it_comes(whole, 0.1)
    fit(came, sent)
    found = sets_by_place(came)
    assert [place for place, sets in found.items() if len(sets) > 1] == []
    assert sum(row[3] for (row,) in found.values()) == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_a_surface_stays_closed_where_some_of_its_faces_are_turned_over(fit: Fit, ratio: float):
    sent = scenes.ball("Ball", 16, 8)
    came = as_it_comes(sent, ratio)
    for item in (sent, came):
        for face in item.data.polygons:
            if face.center.x > 0:
                face.flip()
        item.data.update()
    fit(came, sent)
    assert len(sets_by_place(came)) == len(came.data.vertices)


# ---------------------------------------------------------------------- colors


def colored(item: bpy.types.Object, kind: str, colors: np.ndarray) -> None:
    """Give `item` a color attribute "ID"; colors: of its corners."""
    attribute = item.data.color_attributes.new("ID", kind, "CORNER")
    attribute.data.foreach_set("color", colors.astype(np.float32).ravel())


def colors_of(mesh: bpy.types.Mesh, name: str = "ID") -> np.ndarray:
    attribute = mesh.color_attributes[name]
    found = np.empty((len(attribute.data), 4), dtype=np.float32)
    attribute.data.foreach_get("color", found.ravel())
    return found


def test_the_corners_of_a_cube_keep_their_24_colors(fit: Fit):
    bpy.ops.mesh.primitive_cube_add()
    sent = bpy.context.object
    dice = np.random.default_rng(1)
    palette = np.concatenate([dice.integers(0, 2, (24, 3)), np.ones((24, 1))], axis=1)
    colored(sent, "BYTE_COLOR", palette)
    came = as_it_comes(sent)
    came.data.color_attributes[0].name = "Color"
    before = {
        (*sent.data.vertices[loop.vertex_index].co, *sent.data.polygons[number // 4].normal): palette[number]
        for number, loop in enumerate(sent.data.loops)
    }
    fit(came, sent)
    assert [attribute.name for attribute in came.data.color_attributes] == ["ID"]
    found = colors_of(came.data)
    for face in came.data.polygons:
        for number in face.loop_indices:
            place = came.data.vertices[came.data.loops[number].vertex_index].co
            assert (found[number] == before[*place, *face.normal]).all()


@pytest.mark.parametrize("kind", ["BYTE_COLOR", "FLOAT_COLOR"])
@pytest.mark.parametrize("comes", [True, False])
def test_no_face_gets_two_colors_of_an_id_mask(fit: Fit, kind: str, comes: bool):
    sent = scenes.ball("Mask", 32, 16)
    which = [2 * (face.center.x > 0) + (face.center.y > 0) for face in sent.data.polygons]
    per_corner = np.repeat(which, [face.loop_total for face in sent.data.polygons])
    colored(sent, kind, COLORS[per_corner])
    came = as_it_comes(sent, 0.4)
    if not comes:
        came.data.color_attributes.remove(came.data.color_attributes[0])
    fit(came, sent)
    assert came.data.color_attributes["ID"].data_type == kind
    faces = colors_of(came.data).reshape(-1, 3, 4)
    if not comes or kind == "FLOAT_COLOR":  # bytes that came stay as they came
        assert (faces == faces[:, :1]).all()
    assert {tuple(color) for color in faces[:, 0].round(2).tolist()} == {
        tuple(color) for color in COLORS.tolist()
    }


# ---------------------------------------------------------------------- UV maps


def unwrapped(name: str = "Maps") -> bpy.types.Object:
    """A ball with two UV maps, the second of which is half as large and elsewhere."""
    item = scenes.ball(name, 24, 12)
    item.data.uv_layers[0].name = "Albedo"
    second = item.data.uv_layers.new(name="Lightmap")
    values = uvs(item.data, "Albedo")
    second.uv.foreach_set("vector", (values * 0.5 + 0.25).ravel())
    second.active = True
    return item


def uvs(mesh: bpy.types.Mesh, name: str) -> np.ndarray:
    found = np.empty((len(mesh.loops), 2), dtype=np.float32)
    mesh.uv_layers[name].uv.foreach_get("vector", found.ravel())
    return found


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
        "UV maps came back as others, so those that were sent were brought over."
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


# ---------------------------------------------------------------------- UDIM


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


# ---------------------------------------------------------------------- materials


def two_materials() -> bpy.types.Object:
    item = scenes.ball("Two", 24, 12)
    for name in ("Skin", "Eyes"):
        item.data.materials.append(scenes.textured(name))
    for face in item.data.polygons:
        face.material_index = int(face.center.x > 0)
    return item


def right_faces(item: bpy.types.Object) -> bool:
    clear = [face for face in item.data.polygons if abs(face.center.x) > 0.2]
    return bool(clear) and all(face.material_index == int(face.center.x > 0) for face in clear)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("material_0", "material_1"), True),
        (("skin", "EYES "), False),
        (("", ""), True),
        (("Eyes.001", "Skin.001"), True),
        (("Skin", "material_1"), True),
    ],
)
def test_materials_are_known_by_name_or_by_place(fit: Fit, names: tuple[str, str], told: bool):
    sent = two_materials()
    came = as_it_comes(sent, 0.6)
    for index, name in enumerate(names):
        came.data.materials[index] = bpy.data.materials.new(name or "unnamed")
    report = fit(came, sent)
    assert len(came.data.materials) == 2
    assert right_faces(came)
    assert report["slot_names"] == ["Skin", "Eyes"]
    assert report["slots"] != told
    assert bool(report["told"]) == told


def test_reordered_materials_are_put_in_order(fit: Fit):
    sent = two_materials()
    came = as_it_comes(sent, 0.6)
    came.data.materials[0], came.data.materials[1] = sent.data.materials[1], sent.data.materials[0]
    for face in came.data.polygons:
        face.material_index = 1 - face.material_index
    report = fit(came, sent)
    assert right_faces(came)
    assert list(came.data.materials) == list(sent.data.materials)
    assert report["slots"]


@pytest.mark.parametrize("name", ["Baked", "Skin", None])
def test_materials_that_came_back_as_one_are_told_apart_by_place(fit: Fit, name: str | None):
    sent = two_materials()
    came = as_it_comes(sent, 0.6)
    came.data.materials.clear()
    if name:
        came.data.materials.append(bpy.data.materials.new(name))
    if name == "Skin":
        came.data.materials[0] = sent.data.materials[0]
    report = fit(came, sent)
    assert right_faces(came)
    assert len(came.data.materials) == 2
    assert bool(report["told"]) == bool(name)


class Renames:
    """A service that takes nothing away, and calls materials otherwise."""

    def optimize(self, data: bytes, _polygon_count: int) -> bytes:
        assert b'"Skin"' in data
        return data.replace(b'"Skin"', b'"mat0"').replace(b'"Eyes"', b'"mat1"')

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.usefixtures("sends_what_is_light")
def test_what_a_service_has_changed_is_told_when_it_arrives(addon, capfd):
    item = two_materials()
    preferences = bpy.context.preferences.addons[addon.__name__].preferences
    with Sandbox(profile="reference", speed=0.01, optimizer=Renames()) as service:
        preferences.service_url, preferences.api_key = service.url, service.key
        scenes.select(item)
        bpy.ops.generio.optimize_selected(polygon_count=10_000)
        rows = bpy.context.window_manager.generio.jobs
        assert "other names" in rows[0].message
    told = [line for line in capfd.readouterr().out.splitlines() if "other names" in line]
    assert any(line.startswith("Warning: Two:") for line in told)
    assert [slot.material.name for slot in item.material_slots] == ["Skin", "Eyes"]


# ---------------------------------------------------------------------- nothing reduced


def test_what_came_back_unchanged_is_what_was_sent_in_every_respect(fit: Fit):
    sent = unwrapped("Whole")
    sent.data.materials.append(scenes.textured("Paint"))
    dice = np.random.default_rng(2)
    for kind, domain in (("FLOAT_COLOR", "POINT"), ("BYTE_COLOR", "CORNER"), ("FLOAT_COLOR", "CORNER")):
        attribute = sent.data.color_attributes.new(f"{kind} {domain}", kind, domain)
        attribute.data.foreach_set("color", dice.random(4 * len(attribute.data), dtype=np.float32) * 2)
    sent.data.attributes.new("wear", "FLOAT", "FACE").data.foreach_set(
        "value", dice.random(len(sent.data.polygons), dtype=np.float32)
    )
    for edge in sent.data.edges:
        edge.use_seam = edge.use_edge_sharp = edge.index % 7 == 0
    group = sent.vertex_groups.new(name="Height")
    for vertex in sent.data.vertices:
        group.add([vertex.index], (vertex.co.z + 1) / 2, "REPLACE")
    before = {attribute.name: attribute_values(attribute) for attribute in sent.data.attributes}
    order = [attribute.name for attribute in sent.data.attributes]
    came = as_it_comes(sent, sheds=False)
    report = fit(came, sent)
    assert [attribute.name for attribute in came.data.attributes] == order
    for attribute in came.data.attributes:
        assert np.array_equal(attribute_values(attribute), before[attribute.name]), attribute.name
    assert np.array_equal(weights(came), weights(sent))
    assert not came.data.has_custom_normals
    assert (report["lost"], report["told"]) == ([], [])


def attribute_values(attribute: bpy.types.Attribute) -> np.ndarray:
    field, width = {
        "FLOAT_COLOR": ("color", 4),
        "BYTE_COLOR": ("color", 4),
        "FLOAT2": ("vector", 2),
        "FLOAT_VECTOR": ("vector", 3),
        "INT32_2D": ("value", 2),
    }.get(attribute.data_type, ("value", 1))
    kinds = {"BOOLEAN": bool, "INT": np.int32, "INT32_2D": np.int32}
    found = np.empty(len(attribute.data) * width, dtype=kinds.get(attribute.data_type, np.float32))
    attribute.data.foreach_get(field, found)
    return found


# ---------------------------------------------------------------------- custom normals


def leaning(item: bpy.types.Object) -> None:
    """Give a ball custom normals: those of a ball around another center. No edge is sharp."""
    item.data.normals_split_custom_set_from_vertices([leant(vertex.co) for vertex in item.data.vertices])


def leant(place: Vector, _face: object = None) -> Vector:
    return (place - Vector((0.0, 0.3, -0.6))).normalized()


def half_flat(place: Vector, face: bpy.types.MeshPolygon) -> Vector:
    return leant(place) if face.center.z < 0 else face.normal.copy()


def corner_normals(mesh: bpy.types.Mesh) -> np.ndarray:
    found = np.empty((len(mesh.loops), 3), dtype=np.float32)
    mesh.corner_normals.foreach_get("vector", found.ravel())
    return found


def facet(item: bpy.types.Object, wanted: Callable[..., Vector]) -> None:
    """Let each face have normals of its own, a little off those that are `wanted`, as a service has them."""
    mesh, dice = item.data, np.random.default_rng(4)
    normals = [
        wanted(mesh.vertices[number].co, face) + Vector(off)
        for face, off in zip(mesh.polygons, dice.normal(0, 0.03, (len(mesh.polygons), 3)), strict=True)
        for number in face.vertices
    ]
    mesh.normals_split_custom_set(normals)


@pytest.mark.parametrize("carry", [(), ("normals",)])
@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_no_edge_beside_custom_normals_becomes_sharp(fit: Fit, carry: Sequence[str], ratio: float):
    sent = scenes.ball("Ball", 24, 12)
    sent.data.shade_smooth()
    leaning(sent)
    came = as_it_comes(sent, ratio)
    facet(came, leant)
    fit(came, sent, carry)
    mesh = came.data
    assert mesh.has_custom_normals
    assert not any(edge.use_edge_sharp for edge in mesh.edges)
    assert all(face.use_smooth for face in mesh.polygons)
    wanted = np.array([leant(mesh.vertices[loop.vertex_index].co) for loop in mesh.loops])
    assert (corner_normals(mesh) * wanted).sum(axis=1).min() > 0.98


@pytest.mark.parametrize("carry", [(), ("normals",)])
@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_marks_beside_custom_normals_stay_what_they_were(fit: Fit, carry: Sequence[str], ratio: float):
    """The lower half leans, its rim is sharp; the upper one is flat, and has the normals of its faces."""
    sent = scenes.ball("Ball", 24, 12)
    mesh = sent.data
    for edge in mesh.edges:
        edge.use_edge_sharp = all(abs(mesh.vertices[end].co.z) < 1e-5 for end in edge.vertices)
    for face in mesh.polygons:
        face.use_smooth = face.center.z < 0
    mesh.normals_split_custom_set(
        [half_flat(mesh.vertices[number].co, face) for face in mesh.polygons for number in face.vertices]
    )
    for edge in mesh.edges:  # Blender marks those of flat faces, too
        edge.use_edge_sharp = all(abs(mesh.vertices[end].co.z) < 1e-5 for end in edge.vertices)
    came = as_it_comes(sent, ratio)
    facet(came, half_flat)
    fit(came, sent, carry)
    mesh = came.data
    heights = np.array([vertex.co.z for vertex in mesh.vertices])
    for edge in mesh.edges:
        off = np.abs(heights[list(edge.vertices)]).max()
        assert not edge.use_edge_sharp or off < 0.1
        assert edge.use_edge_sharp or off > 1e-5
    found = corner_normals(mesh)
    for face in mesh.polygons:
        if abs(face.center.z) < 0.15:  # on the border
            continue
        assert face.use_smooth == (face.center.z < 0)
        for corner, number in zip(face.loop_indices, face.vertices, strict=True):
            wanted = half_flat(mesh.vertices[number].co, face)
            assert wanted.dot(Vector(found[corner])) > (0.98 if face.use_smooth else 0.999)


@pytest.mark.parametrize("marked", ["faces", "edges", "nothing"])
def test_what_looks_flat_by_its_custom_normals_looks_so_when_it_came_smooth(fit: Fit, marked: str):
    sent = scenes.ball("Ball", 24, 12)
    mesh = sent.data
    mesh.shade_smooth()
    if marked == "faces":
        mesh.shade_flat()
    if marked == "nothing":  # each face is alone, as after an import
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.mesh.edge_split(type="EDGE")
        bpy.ops.object.mode_set(mode="OBJECT")
    mesh.normals_split_custom_set([face.normal for face in mesh.polygons for _ in face.vertices])
    came = as_it_comes(sent, 0.4 if marked != "nothing" else 1.0)
    facet(came, leant)
    fit(came, sent)
    mesh = came.data
    assert mesh.has_custom_normals
    assert all(face.use_smooth == (marked != "faces") for face in mesh.polygons)
    assert any(edge.use_edge_sharp for edge in mesh.edges) == (marked == "edges")
    found = corner_normals(mesh)
    for face in mesh.polygons:
        assert all(face.normal.dot(Vector(found[corner])) > 0.999 for corner in face.loop_indices)


@pytest.mark.parametrize("off", [0.0, 0.7])
@pytest.mark.parametrize("carry", [(), ("normals",)])
def test_a_shading_that_a_service_has_changed_is_told(fit: Fit, carry: Sequence[str], off: float):
    sent = scenes.ball("Ball", 24, 12)
    sent.data.shade_smooth()
    leaning(sent)
    came = as_it_comes(sent, 0.4)
    facet(came, lambda place, _face: leant(place + Vector((off, 0.0, 0.0))))
    report = fit(came, sent, carry)
    told = "The shading is not that of the custom normals, which the option Custom Normals brings over."
    said = [str(Message.from_data(data)) for data in report["told"]]
    assert said == ([told] if off and not carry else [])


FREE_NORMALS = ("custom_normal", "FLOAT_VECTOR")
DOMAINS = ("", "CORNER", "POINT", "FACE") if bpy.app.version >= (4, 5) else ("",)
"""Of normals that are kept as they are, which older versions have none of; "" for those relative to fans."""


@pytest.mark.parametrize("domain", DOMAINS)
def test_normals_are_kept_in_the_way_in_which_they_were(fit: Fit, domain: str):
    sent = scenes.ball("Ball", 24, 12)
    sent.data.shade_smooth()
    if domain:
        places = {
            "CORNER": [sent.data.vertices[loop.vertex_index].co for loop in sent.data.loops],
            "POINT": [vertex.co for vertex in sent.data.vertices],
            "FACE": [face.center for face in sent.data.polygons],
        }[domain]
        kept = sent.data.attributes.new("custom_normal", "FLOAT_VECTOR", domain)
        values = np.array([leant(place) for place in places], dtype=np.float32)
        kept.data.foreach_set("vector", values.ravel())
    else:
        leaning(sent)
    assert sent.data.has_custom_normals
    came = as_it_comes(sent, 0.4)
    facet(came, leant)
    fit(came, sent, ("normals",))
    assert came.data.has_custom_normals
    free = [entry.domain for entry in came.data.attributes if (entry.name, entry.data_type) == FREE_NORMALS]
    assert free == ([domain] if domain else [])
    assert not any(edge.use_edge_sharp for edge in came.data.edges)
    wanted = np.array([leant(came.data.vertices[loop.vertex_index].co) for loop in came.data.loops])
    assert (corner_normals(came.data) * wanted).sum(axis=1).mean() > (0.95 if domain == "FACE" else 0.99)


def rim(mesh: bpy.types.Mesh) -> int:
    """How many edges have one face only."""
    faces = Counter(key for face in mesh.polygons for key in face.edge_keys)
    return sum(count == 1 for count in faces.values())


def in_place(mesh: bpy.types.Mesh) -> int:
    """How many edges have one face only, if vertices in one place are one."""
    spots = [tuple(vertex.co) for vertex in mesh.vertices]
    faces = Counter(frozenset(spots[end] for end in key) for face in mesh.polygons for key in face.edge_keys)
    return sum(count == 1 for edge, count in faces.items() if len(edge) == 2)


@pytest.mark.parametrize("ratio", [0.5, 0.2])
def test_a_closed_surface_stays_closed_where_faces_are_turned_over(fit: Fit, ratio: float):
    """As in scans and CAD, whose faces do not all look outwards: a modifier would tear it apart there."""
    sent = scenes.ball("Sent", 32, 16)
    for face in sent.data.polygons:
        if face.center.x > 0.2:
            face.flip()
    came = as_it_comes(sent, ratio, sheds=False)
    assert in_place(came.data) == 0
    fit(came, sent)
    assert rim(came.data) == 0


@pytest.mark.parametrize("ratio", [0.5, 0.2])
@pytest.mark.parametrize("to", ["points", "lines"])
def test_a_closed_surface_stays_closed_where_faces_have_collapsed(fit: Fit, to: str, ratio: float):
    """As scans and careless models have them: nobody could tell which of their corners belong together."""
    sent = scenes.ball("Sent", 24, 12)
    points = [vertex.co.copy() for vertex in sent.data.vertices]
    for face in random.Random(3).sample(list(sent.data.polygons), 30):
        one, *rest = face.vertices
        for end in rest:
            sent.data.vertices[end].co = points[one] if to == "points" or end == rest[0] else points[rest[1]]
    sent.data.update()
    came = as_it_comes(sent, ratio, sheds=False)
    assert in_place(came.data) == 0
    fit(came, sent)
    assert rim(came.data) == 0
    assert min(face.area for face in came.data.polygons) > 0


@pytest.mark.parametrize("ratio", [0.5, 0.2])
def test_closed_parts_that_run_through_each_other_stay_closed(fit: Fit, ratio: float):
    """As in scattered rocks and chains: there is no telling from which of them a face comes."""
    beads: list[bpy.types.Object] = []
    for number in range(30):
        bpy.ops.mesh.primitive_ico_sphere_add(
            subdivisions=1, location=(math.cos(number / 5), math.sin(number / 5), 0.05 * number)
        )
        beads.append(bpy.context.object)
    scenes.select(*beads)
    bpy.ops.object.join()
    sent = bpy.context.object
    came = as_it_comes(sent, ratio, sheds=False)
    assert in_place(came.data) == 0
    fit(came, sent)
    assert rim(came.data) == 0


def cut(item: bpy.types.Object, is_cut: Callable[[Vector], bool]) -> bpy.types.Object:
    """A copy whose faces are apart at the edges whose middles are meant."""
    copy = item.copy()
    copy.data = item.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    for edge in copy.data.edges:
        one, other = (copy.data.vertices[end].co for end in edge.vertices)
        edge.use_edge_sharp = is_cut((one + other) / 2)
    copy.modifiers.new("Split", "EDGE_SPLIT").use_edge_angle = False
    scenes.select(copy)
    bpy.ops.object.modifier_apply(modifier="Split")
    for edge in copy.data.edges:
        edge.use_edge_sharp = False
    return copy


@pytest.mark.parametrize("ratio", [0.8, 0.5])
def test_vertices_are_apart_only_where_an_edge_is(fit: Fit, ratio: float):
    """A seam that reducing has moved away from is closed, and leaves no slits at the vertices that stayed."""
    whole = scenes.ball("Whole", 64, 32)
    sent = cut(whole, lambda middle: abs(middle.x) < 1e-4)
    came = as_it_comes(whole, ratio, sheds=False)
    fit(came, sent)
    spots = [tuple(vertex.co) for vertex in came.data.vertices]
    ends: dict[frozenset, list[tuple[int, int]]] = {}
    for face in came.data.polygons:
        for key in face.edge_keys:
            ends.setdefault(frozenset(spots[end] for end in key), []).append(key)
    open_ = {place for place, (one, other) in ends.items() if not {*one} & {*other}}
    assert open_, "some of the seam is still there"
    apart = {spot for spot, count in Counter(spots).items() if count > 1}
    assert apart <= {spot for place in open_ for spot in place}


def test_a_seam_that_crosses_an_edge_opens_nothing(fit: Fit):
    """Both ends of the edge are between ends of seams, and one seam leads over its middle."""
    rows, columns = 5, 12

    def grid(steps: Sequence[float]) -> bpy.types.Object:
        wide = len(steps)
        points = [(step, row, 0) for row in range(rows) for step in steps]
        faces = []
        for start in (row * wide + column for row in range(rows - 1) for column in range(wide - 1)):
            faces += [(start, start + 1, start + wide + 1), (start, start + wide + 1, start + wide)]
        return made("Grid", points, faces)

    whole = grid(range(columns + 1))
    sent = cut(whole, lambda middle: 1 < middle.y < 3 and middle.x % 1 == 0)
    assert rim(sent.data) > rim(whole.data)
    came = grid([0, *(step + 0.5 for step in range(columns)), columns])
    outside = in_place(came.data)
    fit(came, sent)
    assert rim(came.data) == outside


@pytest.mark.parametrize("ratio", [0.8, 0.6, 0.5, 0.4, 0.2])
def test_a_surface_with_one_side_stays_in_one_piece(fit: Fit, ratio: float):
    """A Moebius strip: somewhere two neighbors run along their edge in the same direction."""
    points, faces, turns, across = [], [], 60, 6
    for turn in range(turns):
        angle = 2 * math.pi * turn / turns
        for step in range(across + 1):
            width = (step / across - 0.5) * 0.8
            radius = 1 + width * math.cos(angle / 2)
            points.append((radius * math.cos(angle), radius * math.sin(angle), width * math.sin(angle / 2)))
    for turn in range(turns):
        for step in range(across):
            one = turn * (across + 1) + step
            two = one + across + 1 if turn < turns - 1 else across - step
            faces.append((one, two, two + 1 if turn < turns - 1 else two - 1, one + 1))
    sent = made("Strip", points, faces)
    came = as_it_comes(sent, ratio, sheds=False)
    fit(came, sent)
    assert rim(came.data) == in_place(came.data)
