"""What an optimized mesh has of the mesh that was sent, and what is named as lost."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from tests.blender import mesh_fixtures, scenes
from tests.blender.optimizing import optimize, posed, report

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def test_a_character_goes_on_moving_with_its_armature(addon):
    (body,) = mesh_fixtures.character()
    groups = [group.name for group in body.vertex_groups]
    body.modifiers["Smooth"].show_viewport = False
    before = {}
    for frame in (1, 15, 20):
        bpy.context.scene.frame_set(frame)
        before[frame] = posed(body)
    optimize(body, target="PERCENT", percent=30)
    assert [group.name for group in body.vertex_groups] == groups
    size = np.ptp(before[1], axis=0).max()
    for frame, points in before.items():
        bpy.context.scene.frame_set(frame)
        assert distance(posed(body), points) < 0.06 * size, frame
    assert distance(before[20], before[1]) > 0.1 * size, "there is a movement to follow"
    assert "vertex groups" not in report(body)["lost"]


def distance(points: np.ndarray, others: np.ndarray) -> float:
    """The farthest that one of `points` is from the nearest of `others`."""
    return max(float(np.linalg.norm(others - point, axis=1).min()) for point in points)


def test_weights_are_those_at_the_same_place(addon):
    item = scenes.ball()
    group = item.vertex_groups.new(name="Height")
    for vertex in item.data.vertices:
        group.add([vertex.index], (vertex.co.z + 1) / 2, "REPLACE")
    optimize(item, polygon_count=600)
    for vertex in item.data.vertices:
        weight = item.vertex_groups["Height"].weight(vertex.index)
        assert weight == pytest.approx((vertex.co.z + 1) / 2, abs=0.03)


@pytest.mark.parametrize("domain", ["POINT", "CORNER"])
def test_colors_are_brought_over_unless_they_are_not_wanted(addon, domain: str):
    for wanted in (True, False):
        item = scenes.ball()
        colors = item.data.color_attributes.new("Height", "FLOAT_COLOR", domain)
        places = [item.data.vertices[loop.vertex_index].co.z for loop in item.data.loops]
        if domain == "POINT":
            places = [vertex.co.z for vertex in item.data.vertices]
        colors.data.foreach_set("color", [value for z in places for value in ((z + 1) / 2, 0, 0, 1)])
        optimize(item, polygon_count=600, carry_colors=wanted)
        if not wanted and "Height" not in item.data.color_attributes:
            assert report(item)["lost"] == ["color attributes"], "a GLB need not bring them"
            continue
        attribute = item.data.color_attributes["Height"]
        assert (attribute.domain, attribute.data_type) == (domain, "FLOAT_COLOR")
        indices = (
            range(len(item.data.vertices))
            if domain == "POINT"
            else [loop.vertex_index for loop in item.data.loops]
        )
        for color, index in zip(attribute.data, indices, strict=True):
            assert color.color[0] == pytest.approx((item.data.vertices[index].co.z + 1) / 2, abs=0.05)


def test_custom_normals_are_brought_over_where_asked(addon):
    for asked in (True, False):
        item = scenes.ball()
        up = (0.0, 0.6, 0.8)
        item.data.normals_split_custom_set([up] * len(item.data.loops))
        optimize(item, polygon_count=600, carry_normals=asked)
        normals = np.array([tuple(corner.vector) for corner in item.data.corner_normals])
        close = bool((np.abs(normals - up).max(axis=1) < 0.05).all())
        assert close == asked or close, "a GLB has normals, too"
        if asked:
            assert close


def rim(item: bpy.types.Object) -> int:
    """How many edges of the mesh have one face only."""
    faces = Counter(key for face in item.data.polygons for key in face.edge_keys)
    return sum(count == 1 for count in faces.values())


def test_a_closed_surface_stays_closed_at_seams_hard_edges_and_between_materials(addon):
    """A GLB has a vertex there for each side, and a modifier that stays would tear them apart."""
    item = scenes.ball()
    item.data.shade_smooth()
    for edge in item.data.edges:
        edge.use_edge_sharp = all(abs(item.data.vertices[index].co.z) < 1e-3 for index in edge.vertices)
    for name in ("Upper", "Lower"):
        item.data.materials.append(scenes.textured(name))
    for face in item.data.polygons:
        face.material_index = face.center.x > 0
    assert rim(item) == 0
    optimize(item, polygon_count=10_000_000)
    assert rim(item) == 0
    assert sum(edge.use_edge_sharp for edge in item.data.edges) == 64
    for corner, loop in zip(item.data.corner_normals, item.data.loops, strict=True):
        if abs(item.data.vertices[loop.vertex_index].co.z) > 0.1:
            assert corner.vector.dot(item.data.vertices[loop.vertex_index].co) > 0.99
    optimize(item, target="PERCENT", percent=30)
    assert rim(item) == 0


def test_vertices_that_were_double_stay_so(addon):
    """Panels that touch, and leaves with two sides in one place, are no seams."""
    mesh = bpy.data.meshes.new("Panels")
    points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
    touching = [(x + 1, y, z) for x, y, z in points]
    mesh.from_pydata(points + touching + points, [], [(0, 1, 2, 3), (4, 5, 6, 7), (11, 10, 9, 8)])
    item = bpy.data.objects.new("Panels", mesh)
    bpy.context.scene.collection.objects.link(item)
    optimize(item, polygon_count=1000)
    assert (len(item.data.vertices), scenes.triangles(item)) == (12, 6)


def test_what_will_be_lost_is_named_with_counts_before_anything_is_sent(addon, capfd):
    first, second = scenes.ball("First"), scenes.ball("Second")
    for item in (first, second):
        item.shape_key_add(name="Basis")
    first.data.edges[0].use_seam = True
    first.data.attributes.new("wear", "FLOAT", "POINT")
    second.modifiers.new("Multires", "MULTIRES")
    second.data.attributes.new("crease_edge", "FLOAT", "EDGE")
    second.data.polygons[0].hide = True
    hook = second.modifiers.new("Hook", "HOOK")
    cage = scenes.ball("Cage", 8, 4, radius=2.0)
    bound = second.modifiers.new("Bound", "MESH_DEFORM")
    bound.object = cage
    scenes.select(second)
    bpy.ops.object.meshdeform_bind(modifier="Bound")
    assert bound.is_bound
    hanging = bpy.data.objects.new("Hanging", None)
    bpy.context.scene.collection.objects.link(hanging)
    hanging.parent, hanging.parent_type = first, "VERTEX"
    hook.object = hanging
    optimize(first, second, polygon_count=1000)
    told = capfd.readouterr().out
    warning = told[told.index("will not have") :].splitlines()[0]
    for words in (
        "shape keys of 2 objects",
        "seams of 1 object",
        'attribute "wear" of 1 object',
        "multiresolution details of 1 object",
        "creases of 1 object",
        "hidden faces of 1 object",
        'vertices hooked to "Hanging" of 1 object',
        "bindings of modifiers of 1 object",
    ):
        assert words in warning, words
    assert 'the vertices "Hanging" is parented to' in warning
    assert set(report(first)["lost"]) == {"shape keys", "seams", 'the attribute "wear"'}


def test_combed_hair_is_a_loss_and_hair_that_grows_by_itself_is_none(addon):
    """It is combed with a brush, in a window; here something stands for what was."""
    item = scenes.ball("Ball", 12, 6)
    scenes.select(item)
    bpy.ops.object.particle_system_add()
    item.particle_systems[0].settings.type = "HAIR"
    assert addon.scene.export.selection.Selection.of([item]).losses() == []
    for kind, edited, losses in (
        ("HAIR", True, ["combed hair of 1 object"]),
        ("HAIR", False, []),
        ("EMITTER", True, []),  # these are not on the faces
    ):
        cache = SimpleNamespace(is_baked=False, use_external=False)
        system = SimpleNamespace(is_edited=edited, settings=SimpleNamespace(type=kind), point_cache=cache)
        modifier = SimpleNamespace(type="PARTICLE_SYSTEM", particle_system=system)
        found = addon.scene.export.losses.Losses()
        found.add(SimpleNamespace(modifiers=[modifier]), [item.data])
        assert found.lines() == losses


def test_custom_normals_are_no_loss_since_a_glb_has_normals(addon, capfd):
    """Else it would be said of every model that was imported, or made by the service."""
    item = scenes.ball()
    item.data.normals_split_custom_set([np.array((0.0, 0.0, 1.0))] * len(item.data.loops))
    assert addon.scene.export.selection.Selection.of([item]).losses() == []
    optimize(item, polygon_count=600)
    assert "will not have" not in capfd.readouterr().out
    assert report(item)["lost"] == []


def test_a_report_names_edges_without_faces(addon):
    item = scenes.ball(segments=24, rings=12)
    item.data.edges.add(1)
    item.data.edges[-1].vertices = (0, 100)
    optimize(item, polygon_count=300)
    assert report(item)["lost"] == ["loose edges and vertices"]
    assert report(item)["after"]["triangles"] <= 300


def test_a_material_that_was_not_sent_gives_way_to_the_one_that_was_and_the_report_says_so(
    addon, tmp_path: Path
):
    """As from a service that gives materials names of its own."""
    sent, came = scenes.ball("Sent"), scenes.ball("Came")
    sent.data.materials.append(scenes.textured("Paint"))
    came.data.materials.append(scenes.textured("Baked"))
    snapshot = tmp_path / addon.scene.export.snapshot.snapshot_name()
    addon.scene.export.snapshot.write_snapshot(sent, snapshot)
    told = addon.scene.restore.restore.restore_mesh_data([came], snapshot, {came.data.materials[0]: "Baked"})
    assert not told["slots"]
    assert told["slot_names"] == ["Paint"]
    assert "other names" in told["told"][0]["id"]


@pytest.mark.parametrize("slots", [0, 1, 2])
def test_what_has_no_material_comes_back_without_one(addon, tmp_path: Path, slots: int):
    """As from a service that has a material of its own for what has none."""
    sent, came = scenes.ball("Sent", 24, 12), scenes.ball("Came", 24, 12)
    paint = scenes.textured("Paint")
    materials = [None, paint][:slots]
    for material in materials:
        sent.data.materials.append(material)
    given = [scenes.textured("Default"), paint][: max(slots, 1)]
    for material in given:
        came.data.materials.append(material)
    for item in (sent, came) if slots == 2 else ():
        for face in item.data.polygons:
            face.material_index = int(face.center.z > 0)
    snapshot = tmp_path / addon.scene.export.snapshot.snapshot_name()
    addon.scene.export.snapshot.write_snapshot(sent, snapshot)
    told = addon.scene.restore.restore.restore_mesh_data(
        [came], snapshot, {material: material.name for material in given}
    )
    assert told["slots"]
    assert list(came.data.materials) == materials
    assert told["before"]["materials"] == told["after"]["materials"] == int(slots == 2)
    assert {face.material_index for face in came.data.polygons} == ({0, 1} if slots == 2 else {0})


def test_slots_with_the_same_material_or_none_stay_apart(addon):
    """For an object that shares the mesh they may have different ones."""
    item = scenes.ball(segments=24, rings=12)
    paint, clay = scenes.textured("Paint"), scenes.textured("Clay")
    for material in (paint, None, clay, paint, None):
        item.data.materials.append(material)
    for face in item.data.polygons:
        face.material_index = min(4, int((face.center.z + 1) * 2.5))
    mate = item.copy()
    bpy.context.scene.collection.objects.link(mate)
    mate.material_slots[4].link = "OBJECT"
    mate.material_slots[4].material = clay
    areas = face_areas(item)
    optimize(item, polygon_count=10_000_000)
    assert face_areas(item) == pytest.approx(areas, rel=1e-4)
    assert report(item)["slots"]
    assert list(item.data.materials) == [paint, None, clay, paint, None]
    assert [slot.material for slot in mate.material_slots] == [paint, None, clay, paint, clay]
    assert set(bpy.data.materials) == {paint, clay}


def face_areas(item: bpy.types.Object) -> list[float]:
    """The area of the faces that have each slot."""
    areas = [0.0] * len(item.material_slots)
    for face in item.data.polygons:
        areas[face.material_index] += face.area
    return areas
