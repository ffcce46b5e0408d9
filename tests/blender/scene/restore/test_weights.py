"""Weights of a result come from the surface that it lies on."""

from collections.abc import Sequence

import bpy
import numpy as np
import pytest
from mathutils import Vector

from tests.blender import scenes
from tests.blender.scene.restore.fitted import Fit, as_it_comes, made, weights


def groups(item: bpy.types.Object, **vertices: Sequence[int]) -> None:
    for name, numbers in vertices.items():
        item.vertex_groups.new(name=name).add(list(numbers), 1.0, "REPLACE")


def corner_vertices(mesh: bpy.types.Mesh) -> np.ndarray:
    found = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", found)
    return found


def joined(*items: bpy.types.Object) -> bpy.types.Object:
    scenes.select(*items)
    bpy.ops.object.join()
    return bpy.context.object


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
