"""Targets, what is brought over, the two versions, levels of detail, and the space a result lands in."""

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from generio_flows.core.messages import Message
from mathutils import Matrix

from tests.blender import mesh_fixtures, scenes

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def optimize(*items: bpy.types.Object, **options: object) -> None:
    scenes.select(*items)
    assert bpy.ops.generio.optimize_selected(**options) == {"FINISHED"}


def runs(sandbox) -> int:
    return sandbox.stats()["run_total"]


def report(item: bpy.types.Object) -> dict:
    found = json.loads(item.data["generio_report"])
    return found | {name: [Message.from_data(data) for data in found[name]] for name in ("lost", "told")}


# ---------------------------------------------------------------------- targets


def test_each_mesh_gets_the_count_or_its_share_or_a_part_of_the_budget(addon):
    sizes = {}
    for target, options in {
        "COUNT": {"polygon_count": 400},
        "PERCENT": {"percent": 25},
        "BUDGET": {"polygon_count": 1000},
    }.items():
        large, small = scenes.ball("Large", 48, 24), scenes.ball("Small", 24, 12)
        counts = [scenes.triangles(item) for item in (large, small)]
        optimize(large, small, target=target, **options)
        sizes[target] = [scenes.triangles(item) for item in (large, small)]
    assert all(350 <= size <= 400 for size in sizes["COUNT"])
    for size, count in zip(sizes["PERCENT"], counts, strict=True):
        assert 0.22 * count <= size <= 0.25 * count
    assert 900 <= sum(sizes["BUDGET"]) <= 1000
    assert sizes["BUDGET"][0] / sizes["BUDGET"][1] == pytest.approx(counts[0] / counts[1], rel=0.15)


def test_a_mesh_without_faces_is_left_out_with_why_and_the_rest_goes_on(addon, capfd):
    item = scenes.ball()
    empty = bpy.data.objects.new("Empty", bpy.data.meshes.new("Empty"))
    bpy.context.scene.collection.objects.link(empty)
    bpy.ops.curve.primitive_bezier_circle_add()
    bpy.context.object.name = "Curve"
    bpy.ops.object.light_add()
    optimize(item, empty, *bpy.data.objects, polygon_count=500)
    told = capfd.readouterr().out
    assert '"Empty" is left out: it has no faces' in told
    assert '"Curve" is left out: it is not a mesh; convert it to one first' in told
    assert told.count("is left out") == 2, "a light has no surface"
    assert scenes.triangles(item) <= 500


def test_counting_looks_at_no_element(addon):
    """Exact for n-gons, and of ten million triangles as quick as of two: only lengths are asked for."""

    class Lengths:
        """Stands for a mesh of ten million triangles, and falls over when an element is touched."""

        def __init__(self, count: int) -> None:
            self.count = count

        def __len__(self) -> int:
            return self.count

    class Mesh:
        loops, polygons = Lengths(30_000_000), Lengths(10_000_000)

    assert addon.scene.meshes.triangle_count(Mesh()) == 10_000_000
    bpy.ops.mesh.primitive_circle_add(vertices=17, fill_type="NGON")
    circle = bpy.context.object
    bpy.ops.mesh.primitive_cube_add()
    assert addon.scene.meshes.triangle_count(circle.data) == scenes.triangles(circle) == 15
    assert addon.scene.meshes.triangle_count(bpy.context.object.data) == 12


# ---------------------------------------------------------------------- what is brought over


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


def posed(item: bpy.types.Object) -> np.ndarray:
    shape = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = np.empty(len(shape.vertices) * 3, dtype=np.float32)
    shape.vertices.foreach_get("co", points)
    return points.reshape(-1, 3)


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
    assert 'the vertices on which "Hanging" hangs' in warning
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
    told = addon.scene.restore.restore.fit([came], snapshot, {came.data.materials[0]: "Baked"})
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
    told = addon.scene.restore.restore.fit([came], snapshot, {material: material.name for material in given})
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


# ---------------------------------------------------------------------- modifiers


def test_applied_modifiers_are_in_the_mesh_and_gone_from_the_object(addon, sandbox):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF").levels = 2
    mirror = item.modifiers.new("Row", "ARRAY")
    mirror.count, mirror.relative_offset_displace[0] = 3, 2.0
    bpy.context.view_layer.update()
    box = np.array([posed(item).min(axis=0), posed(item).max(axis=0)])
    size = box[1] - box[0]
    optimize(item, polygon_count=3000, modifier_mode="APPLY")
    assert not item.modifiers
    assert 2500 <= scenes.triangles(item) <= 3000  # of 28,800
    assert (np.abs(scenes.bounds([item]) - box) < 0.02 * size).all()


def test_with_apply_the_armature_stays(addon):
    (body,) = mesh_fixtures.character()
    optimize(body, target="PERCENT", percent=30, modifier_mode="APPLY")
    assert [modifier.name for modifier in body.modifiers] == ["Armature"]
    assert bpy.ops.generio.revert_optimized() == {"FINISHED"}
    assert [modifier.name for modifier in body.modifiers] == ["Armature", "Smooth"]
    assert body.modifiers["Smooth"].levels == 1


def test_equal_duplicates_are_one_mesh_also_with_applied_modifiers(addon, sandbox):
    items = mesh_fixtures.array()[:10]
    for item in items:
        item.modifiers.new("Smooth", "SUBSURF").levels = 1 + (item == items[9])
    optimize(*items, target="PERCENT", percent=30, modifier_mode="APPLY")
    assert runs(sandbox) == 2
    assert len({item.data for item in items[:9]}) == 1
    assert items[9].data != items[0].data
    assert not any(item.modifiers for item in items)
    bpy.ops.generio.revert_optimized()
    assert len({item.data for item in items}) == 1
    assert [item.modifiers["Smooth"].levels for item in items] == [1] * 9 + [2]


def test_instances_that_modifiers_make_become_faces_when_applied(addon):
    item = scenes.ball(segments=8, rings=4)
    group = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    start, scatter, cube, end = map(
        group.nodes.new,
        ("NodeGroupInput", "GeometryNodeInstanceOnPoints", "GeometryNodeMeshCube", "NodeGroupOutput"),
    )
    group.links.new(start.outputs[0], scatter.inputs["Points"])
    group.links.new(cube.outputs[0], scatter.inputs["Instance"])
    group.links.new(scatter.outputs[0], end.inputs[0])
    item.modifiers.new("Scatter", "NODES").node_group = group
    count = 12 * len(item.data.vertices)
    optimize(item, polygon_count=10_000_000, modifier_mode="APPLY")
    assert scenes.triangles(item) == count
    assert list(bpy.data.node_groups) == [group]


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("joined", [False, True])
def test_what_modifiers_scatter_keeps_its_materials(addon, tmp_path: Path, joined: bool, linked: bool):
    """Also where there are as many slots as the object has, and where a library has the materials."""
    library = tmp_path / "library.blend"
    bpy.data.libraries.write(str(library), {scenes.textured("Bark"), scenes.textured("Ground")})
    if linked:
        bpy.ops.outliner.orphans_purge(do_recursive=True)
        with bpy.data.libraries.load(str(library), link=True) as (inside, wanted):
            wanted.materials = inside.materials
    bark, ground = bpy.data.materials["Bark"], bpy.data.materials["Ground"]
    tree = scenes.ball("Tree", 6, 4, radius=0.1)
    tree.data.materials.append(bark)
    item = scenes.ball("Item", 6, 4)
    item.data.materials.append(ground)
    group = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    start, scatter, info, join, end = map(
        group.nodes.new,
        (
            "NodeGroupInput",
            "GeometryNodeInstanceOnPoints",
            "GeometryNodeObjectInfo",
            "GeometryNodeJoinGeometry",
            "NodeGroupOutput",
        ),
    )
    info.inputs["Object"].default_value = tree
    group.links.new(start.outputs[0], scatter.inputs["Points"])
    group.links.new(info.outputs["Geometry"], scatter.inputs["Instance"])
    group.links.new(scatter.outputs[0], join.inputs[0])
    if joined:
        group.links.new(start.outputs[0], join.inputs[0])
    group.links.new(join.outputs[0], end.inputs[0])
    item.modifiers.new("Scatter", "NODES").node_group = group
    optimize(item, polygon_count=10_000_000, modifier_mode="APPLY")
    assert set(item.data.materials) == ({bark, ground} if joined else {bark})
    assert set(bpy.data.materials) == {bark, ground}


def test_materials_of_the_object_itself_are_still_its_own_when_modifiers_are_applied(addon):
    item = scenes.ball("Item", 12, 6)
    red, blue = scenes.textured("Red"), scenes.textured("Blue")
    for material in (None, blue, blue):
        item.data.materials.append(material)
    item.material_slots[0].link = "OBJECT"
    item.material_slots[0].material = red
    for face in item.data.polygons:
        face.material_index = min(2, int((face.center.z + 1) * 1.5))
    item.modifiers.new("Smooth", "SUBSURF")
    optimize(item, polygon_count=400, modifier_mode="APPLY")
    assert list(item.data.materials) == [None, blue, blue]
    assert [slot.material for slot in item.material_slots] == [red, blue, blue]
    assert set(bpy.data.materials) == {red, blue}


@pytest.mark.parametrize("placement", ["REPLACE", "COLLECTION", "LOD"])
def test_modifiers_that_were_not_sent_stay_when_the_others_are_applied(addon, placement: str, monkeypatch):
    """One that is off in the viewport, and one that was added while the job ran."""
    item, hidden = scenes.ball("Ball", 24, 12), scenes.ball("Hidden", 24, 12)
    item.modifiers.new("Smooth", "SUBSURF")
    for each in (item, hidden):
        each.modifiers.new("Off", "SUBSURF").show_viewport = False
    place = addon.scene.place.place.place

    def later(*arguments):
        if "Late" not in item.modifiers:
            item.modifiers.new("Late", "TRIANGULATE")
            item.name, item.modifiers["Off"].show_viewport = "Renamed", True
        return place(*arguments)

    monkeypatch.setattr(addon.scene.place.place, "place", later)
    if placement == "LOD":
        scenes.select(item)
        bpy.context.window_manager.generio.modifier_mode = "APPLY"
        bpy.ops.generio.make_lods(levels=1)
        made = bpy.data.objects["Renamed_LOD1"]
    else:
        optimize(item, hidden, polygon_count=200, modifier_mode="APPLY", placement=placement)
        suffix = "_optimized" if placement == "COLLECTION" else ""
        made = bpy.data.objects[f"Renamed{suffix}"]
        assert bpy.data.objects[f"Hidden{suffix}"].modifiers.keys() == ["Off"]
    assert made.modifiers.keys() == ["Off", "Late"]
    if placement == "REPLACE":
        bpy.ops.generio.revert_optimized()
        assert item.modifiers.keys() == ["Smooth", "Off", "Late"]


def test_an_object_whose_modifiers_leave_nothing_is_left_out_with_why(addon, capfd):
    item, gone = scenes.ball(), scenes.ball("Gone")
    gone.modifiers.new("Mask", "MASK").vertex_group = gone.vertex_groups.new(name="None").name
    optimize(item, gone, polygon_count=500, modifier_mode="APPLY")
    assert '"Gone" is left out: its modifiers make no faces' in capfd.readouterr().out
    assert scenes.triangles(item) <= 500
    assert gone.modifiers
    scenes.select(gone)
    assert bpy.ops.generio.optimize_selected(modifier_mode="APPLY") == {"CANCELLED"}
    assert bpy.ops.generio.make_lods("EXEC_DEFAULT") == {"FINISHED"}


# ---------------------------------------------------------------------- before and after


def test_before_and_after_are_shown_in_turn_and_either_can_be_chosen(addon):
    for choice in ("accept", "revert"):
        item = scenes.ball("Ball")
        mate = item.copy()
        bpy.context.scene.collection.objects.link(mate)
        heavy = item.data
        name, count = heavy.name, scenes.triangles(item)
        optimize(item, polygon_count=500)
        light = item.data
        assert (light.name, mate.data) == (name, light)
        for _ in range(3):
            bpy.ops.generio.show_version(version="BEFORE")
            assert (item.data, mate.data, heavy.name) == (heavy, heavy, name)
            bpy.ops.generio.show_version()
            assert (item.data, mate.data, light.name) == (light, light, name)
        bpy.ops.generio.show_version(version="BEFORE")
        getattr(bpy.ops.generio, f"{choice}_optimized")()
        assert (scenes.triangles(item) == count) == (choice == "revert")
        assert item.data.name == name
        assert not bpy.ops.generio.show_version.poll()
        assert [mesh for mesh in bpy.data.meshes if mesh.name.startswith(name)] == [item.data]
        bpy.data.batch_remove([item, mate])
        bpy.ops.outliner.orphans_purge(do_recursive=True)


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_duplicate_that_was_made_meanwhile_has_versions_of_its_own(addon, modifiers: str, linked: bool):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF")
    count = scenes.triangles(item)
    optimize(item, polygon_count=300, modifier_mode=modifiers)
    mate = item.copy()
    bpy.context.scene.collection.objects.link(mate)
    if not linked:
        mate.data = item.data.copy()
        mate.data["edited"] = True
    scenes.select(item, mate)
    bpy.ops.generio.show_version(version="BEFORE")
    assert [scenes.triangles(each) for each in (item, mate)] == [count, count]
    assert [len(each.modifiers) for each in (item, mate)] == [1, 1]
    bpy.ops.generio.show_version(version="AFTER")
    assert [scenes.triangles(each) for each in (item, mate)] == [300, 300]
    assert ("edited" in item.data, "edited" in mate.data) == (False, not linked)
    scenes.select(item)
    bpy.ops.generio.accept_optimized()
    scenes.select(mate)
    if linked and modifiers == "KEEP":  # one mesh, one choice
        assert not bpy.ops.generio.revert_optimized.poll()
    elif not linked:
        bpy.ops.generio.revert_optimized()
        assert (scenes.triangles(item), scenes.triangles(mate)) == (300, count)
        assert len(bpy.data.meshes) == len(bpy.data.objects) == 2


@pytest.mark.parametrize("way", ["linked", "linked mesh", "override"])
def test_versions_in_a_library_are_chosen_there(addon, tmp_path: Path, way: str):
    """Here they cannot be exchanged, or would be until the file is opened again."""
    item = scenes.ball("Ball", 24, 12)
    optimize(item, polygon_count=300)
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    with bpy.data.libraries.load(str(path), link=True) as (_inside, wanted):
        wanted.objects = ["Ball"]
    (item,) = wanted.objects
    if way == "linked mesh":
        item = bpy.data.objects.new("Own", item.data)
    scene.collection.objects.link(item)
    if way == "override":
        item = item.override_create(remap_local_usages=True)
    scenes.select(item)
    assert bpy.context.selected_objects == [item]
    assert not bpy.ops.generio.show_version.poll()
    assert addon.scene.versions.with_reports([item]) == [item]


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
def test_what_is_done_to_a_duplicate_that_went_back_is_not_done_to_the_mesh_before(addon, modifiers: str):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF")
    top = max(vertex.co.z for vertex in item.data.vertices)
    optimize(item, polygon_count=300, modifier_mode=modifiers)
    mates = [item.copy(), item.copy()]
    for mate in mates:
        bpy.context.scene.collection.objects.link(mate)
    mates[0].data = mates[1].data = item.data.copy()
    scenes.select(mates[0])
    bpy.ops.generio.show_version(version="BEFORE")
    scenes.select(*mates)
    bpy.ops.generio.revert_optimized()
    assert mates[0].data == mates[1].data
    mates[0].data.transform(Matrix.Scale(2.0, 4))
    scenes.select(item)
    bpy.ops.generio.revert_optimized()
    assert max(vertex.co.z for vertex in item.data.vertices) == pytest.approx(top)
    assert max(vertex.co.z for vertex in mates[0].data.vertices) == pytest.approx(2 * top)
    assert (len(bpy.data.meshes), len(bpy.data.objects)) == (2, 3)


def test_a_duplicate_of_what_was_optimized_twice_is_accepted_as_well(addon):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Smooth", "SUBSURF")
    for count in (300, 200):
        optimize(item, polygon_count=count, modifier_mode="APPLY")
    mate = item.copy()
    mate.data = item.data.copy()
    bpy.context.scene.collection.objects.link(mate)
    scenes.select(mate)
    bpy.ops.generio.show_version(version="BEFORE")
    bpy.ops.generio.accept_optimized()
    assert scenes.triangles(mate) == 200
    assert not bpy.ops.generio.show_version.poll()
    scenes.select(item)
    assert bpy.ops.generio.show_version.poll()


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
def test_the_mesh_before_of_one_object_is_not_exchanged_with_that_of_another(addon, modifiers: str):
    """The object that keeps it is in no scene, and has the mesh that others still show."""
    item = scenes.ball("Item", 24, 12)
    item.modifiers.new("Smooth", "SUBSURF")
    count = scenes.triangles(item)
    other = bpy.data.objects.new("Other", item.data)
    bpy.context.scene.collection.objects.link(other)
    optimize(item, polygon_count=300, modifier_mode="APPLY")
    if modifiers == "APPLY":
        other.modifiers.new("Smooth", "SUBSURF")  # so it looks like the one in no scene
    optimize(other, polygon_count=200, modifier_mode=modifiers)
    for version in ("BEFORE", "AFTER"):
        bpy.ops.generio.show_version(version=version)
    bpy.ops.generio.accept_optimized()
    assert [scenes.triangles(each) for each in (item, other)] == [300, 200]
    scenes.select(item)
    bpy.ops.generio.revert_optimized()
    assert [scenes.triangles(each) for each in (item, other)] == [count, 200]
    assert len(bpy.data.meshes) == len(bpy.data.objects) == 2


def test_each_object_that_shows_its_mesh_before_goes_back_to_it(addon):
    """Not to one after from an earlier time, which only it had."""
    other = scenes.ball("First", 24, 12)
    count = scenes.triangles(other)
    item = bpy.data.objects.new("Second", other.data)
    bpy.context.scene.collection.objects.link(item)
    item.modifiers.new("Smooth", "SUBSURF")
    optimize(item, polygon_count=300, modifier_mode="APPLY")
    bpy.ops.generio.show_version(version="BEFORE")
    optimize(other, polygon_count=200)
    assert [scenes.triangles(each) for each in (item, other)] == [200, 200]
    bpy.ops.generio.revert_optimized()
    assert [scenes.triangles(each) for each in (item, other)] == [count, count]
    assert [len(bpy.data.meshes), len(bpy.data.objects)] == [1, 2]


@pytest.mark.parametrize("placement", ["REPLACE", "BESIDE"])
def test_what_was_optimized_and_accepted_is_the_version_before_of_the_next_time(addon, placement: str):
    item = scenes.ball("Ball")
    optimize(item, polygon_count=1000, placement=placement)
    if placement == "REPLACE":
        bpy.ops.generio.accept_optimized()
    else:
        item = bpy.data.objects["Ball_optimized"]
    count = scenes.triangles(item)
    optimize(item, polygon_count=300)
    bpy.ops.generio.show_version(version="BEFORE")
    bpy.ops.generio.show_version(version="BEFORE")
    assert scenes.triangles(item) == count
    bpy.ops.generio.revert_optimized()
    assert scenes.triangles(item) == count
    assert not bpy.ops.generio.show_version.poll()


def test_figures_are_there_of_copies_too_and_go_when_they_are_accepted(addon):
    item = scenes.ball("Ball")
    report = addon.panels.selection_report.selection_report()

    def shown(context: bpy.types.Context) -> bool:
        return bool(report.latest(context).reports)

    assert not shown(bpy.context)
    optimize(item, polygon_count=1000, placement="BESIDE")
    assert not shown(bpy.context)
    scenes.select(bpy.data.objects["Ball_optimized"])
    assert shown(bpy.context)
    assert not bpy.ops.generio.show_version.poll()
    optimize(item, polygon_count=1000)
    assert shown(bpy.context)
    bpy.ops.generio.accept_optimized()
    assert not shown(bpy.context)


def test_optimizing_twice_goes_back_to_the_first_mesh(addon):
    item = scenes.ball()
    count, name = scenes.triangles(item), item.data.name
    optimize(item, polygon_count=1000)
    optimize(item, polygon_count=300)
    assert scenes.triangles(item) <= 300
    assert len(bpy.data.meshes) == 2
    bpy.ops.generio.revert_optimized()
    assert (scenes.triangles(item), item.data.name) == (count, name)
    assert len(bpy.data.meshes) == 1


def test_a_report_says_what_has_changed(addon, sandbox):
    item = scenes.ball()
    item.data.materials.append(scenes.textured("Paint"))
    before = scenes.triangles(item)
    optimize(item, polygon_count=500)
    told = report(item)
    assert told["before"]["triangles"] == before
    assert told["after"]["triangles"] == scenes.triangles(item)
    assert told["after"]["vertices"] == len(item.data.vertices)
    assert told["before"]["materials"] == told["after"]["materials"] == 1
    assert told["before"]["texture_bytes"] == told["after"]["texture_bytes"] == 4 * 64 * 64
    assert 0 < told["after"]["file_bytes"] < told["before"]["file_bytes"]
    assert 0 < told["deviation"]["mean"] < told["deviation"]["max"] < 0.05
    assert 0 <= told["drift"] < 0.02
    assert told["slots"]


def test_the_deviation_is_that_of_the_surfaces_both_ways(addon, tmp_path: Path):
    bpy.ops.mesh.primitive_plane_add(size=2.0)
    plate = bpy.context.object
    other = plate.copy()
    other.data = plate.data.copy()
    other.data.transform(Matrix.Translation((0, 0, 0.1)))
    bpy.context.collection.objects.link(other)
    told = addon.scene.restore.compare.comparison(plate, other, bpy.context.evaluated_depsgraph_get())
    diagonal = math.sqrt(8)
    assert told["deviation"]["mean"] == pytest.approx(0.1 / diagonal, rel=1e-4)
    assert told["deviation"]["max"] == pytest.approx(0.1 / diagonal, rel=1e-4)
    assert told["drift"] == pytest.approx(0.1 / diagonal, rel=1e-4)


# ---------------------------------------------------------------------- levels of detail


def test_levels_of_detail_come_from_one_file_and_are_named_for_game_engines(addon, sandbox):
    item = scenes.ball("Rock")
    count = scenes.triangles(item)
    scenes.select(item)
    assert bpy.ops.generio.make_lods(levels=3, ratio=50) == {"FINISHED"}
    assert runs(sandbox) == 3
    collection = bpy.data.collections["Rock_LODs"]
    assert sorted(collection.objects.keys()) == [f"Rock_LOD{level}" for level in range(4)]
    assert bpy.context.selected_objects == [item]
    for level in range(4):
        made = collection.objects[f"Rock_LOD{level}"]
        assert 0.9 * count / 2**level <= scenes.triangles(made) <= count / 2**level
        assert made.matrix_world == item.matrix_world
    assert scenes.triangles(item) == count
    folders = Path(addon.session.preferences.job_folder(bpy.context, "x")).parent
    files = [path.stat().st_ino for path in folders.glob("*/input.glb")]
    assert len(files) == 3
    assert len(set(files)) == 1, "one file that all have sent"
    assert not list(folders.glob("*/snapshot*"))


def seen() -> set[str]:
    return {item.name for item in bpy.context.view_layer.objects if item.visible_get()}


def test_levels_are_not_in_the_way_of_the_original(addon):
    item = scenes.ball("Rock", 24, 12)
    scenes.select(item)
    before = item.matrix_world.copy(), item.hide_render, item.hide_get(), item.select_get()
    bpy.ops.generio.make_lods(levels=2)
    assert seen() == {"Rock"}
    assert bpy.data.collections["Rock_LODs"].hide_render
    assert (item.matrix_world, item.hide_render, item.hide_get(), item.select_get()) == before
    layer = bpy.context.view_layer.layer_collection.children["Rock_LODs"]
    layer.hide_viewport = False
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=2, ratio=25)
    assert seen() == {"Rock", "Rock_LOD0", "Rock_LOD1", "Rock_LOD2"}, "what the user opened stays open"


def test_levels_can_stand_side_by_side(addon):
    item = scenes.ball("Rock", 24, 12)
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=2, arrange="BESIDE")
    bpy.context.view_layer.update()
    assert seen() == {"Rock", "Rock_LOD1", "Rock_LOD2"}, "level 0 stands where the original does"
    places = [bpy.data.objects[name].location.x for name in ("Rock", "Rock_LOD1", "Rock_LOD2")]
    width = item.dimensions.x
    assert all(after - before > width for before, after in pairwise(places))
    assert item.location.x == 0.0


def test_levels_can_have_counts(addon):
    item = scenes.ball("Rock")
    scenes.select(item)
    assert bpy.ops.generio.make_lods(counts="800, 200") == {"FINISHED"}
    assert 700 <= scenes.triangles(bpy.data.objects["Rock_LOD1"]) <= 800
    assert 150 <= scenes.triangles(bpy.data.objects["Rock_LOD2"]) <= 200
    with pytest.raises(RuntimeError, match="numbers with commas"):
        bpy.ops.generio.make_lods(counts="many")


def test_levels_made_again_take_the_place_of_those_from_before(addon):
    item = scenes.ball("Rock", 24, 12)
    count = scenes.triangles(item)
    for ratio in (50, 25):
        scenes.select(item)
        assert bpy.ops.generio.make_lods(levels=2, ratio=ratio) == {"FINISHED"}
    collection = bpy.data.collections["Rock_LODs"]
    assert sorted(collection.objects.keys()) == ["Rock_LOD0", "Rock_LOD1", "Rock_LOD2"]
    assert scenes.triangles(collection.objects["Rock_LOD1"]) <= count / 4
    assert sorted(bpy.data.meshes.keys()) == ["Rock", "Rock_LOD0", "Rock_LOD1", "Rock_LOD2"]


def test_a_level_made_again_stays_the_object_that_the_user_has_arranged(addon):
    item = scenes.ball("Rock", 24, 12)
    item.modifiers.new("Bevel", "BEVEL")
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=1, ratio=50)
    level = bpy.data.objects["Rock_LOD1"]
    level.location.x, level["engine"] = 5.0, "static"
    child = bpy.data.objects.new("Handle", None)
    child.parent = level
    before = scenes.triangles(level)
    scenes.select(item)
    panel = bpy.context.window_manager.generio
    panel.modifier_mode = "APPLY"
    bpy.ops.generio.make_lods(levels=1, ratio=25)
    assert bpy.data.objects["Rock_LOD1"] == level == child.parent
    assert (level.location.x, level["engine"], len(level.modifiers)) == (5.0, "static", 0)
    assert scenes.triangles(level) < before
    scenes.select(item)
    panel.modifier_mode = "KEEP"
    bpy.ops.generio.make_lods(levels=1, ratio=25)
    assert [modifier.type for modifier in level.modifiers] == ["BEVEL"]
    assert sorted(bpy.data.objects.keys()) == ["Handle", "Rock", "Rock_LOD0", "Rock_LOD1"]


@pytest.mark.parametrize("way", ["new", "duplicate", "file before"])
def test_levels_of_another_object_that_had_the_name_are_left_alone(addon, way: str):
    """In a file of an earlier version nothing says whose levels they are, but for the mesh of level 0."""
    item = scenes.ball("Rock", 24, 12)
    make_levels(item)
    collection = bpy.data.collections["Rock_LODs"]
    if way == "file before":
        del item["generio_levels"], collection["generio_levels"]
        collection.objects["Rock_LOD0"].data = item.data
    counts = {level.name: scenes.triangles(level) for level in collection.objects}
    item.name = "Boulder"
    if way == "duplicate":
        other = item.copy()
        other.data = item.data.copy()
        bpy.context.scene.collection.objects.link(other)
        other.name = "Rock"
    else:
        other = scenes.ball("Rock", 12, 6)
    for _ in range(2):
        make_levels(other)
    assert {level.name: scenes.triangles(level) for level in collection.objects} == counts
    others = bpy.data.collections["Rock_LODs.001"]
    assert sorted(others.objects.keys()) == ["Rock_LOD0.001", "Rock_LOD1.001"]
    assert scenes.triangles(others.objects["Rock_LOD1.001"]) <= scenes.triangles(other) / 2
    other.name, item.name = "Pebble", "Rock"
    make_levels(item)
    assert len(bpy.data.collections) == 2
    assert {level.name for level in collection.objects} == set(counts)


def make_levels(item: bpy.types.Object) -> None:
    item.data.vertices[0].co.x += 0.01  # of what is the same nothing would be made again
    scenes.select(item)
    assert bpy.ops.generio.make_lods(levels=1, ratio=50) == {"FINISHED"}


def test_an_object_with_another_mesh_goes_on_with_its_levels(addon):
    item = scenes.ball("Rock", 24, 12)
    make_levels(item)
    item.data = item.data.copy()
    make_levels(item)
    assert len(bpy.data.collections) == 1
    bpy.data.objects.remove(item)
    make_levels(scenes.ball("Rock", 24, 12))
    assert len(bpy.data.collections) == 2, "its object is gone"


def test_the_names_of_levels_fit(addon):
    item = scenes.ball(segments=24, rings=12)
    item.name = "x" * 63
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=2)
    (collection,) = (each for each in bpy.data.collections if each.name.endswith("x_LODs"))
    assert sorted(each.name[-6:] for each in collection.objects) == ["x_LOD0", "x_LOD1", "x_LOD2"]


@pytest.mark.parametrize("leave", [False, True])
def test_copies_go_into_the_scene_in_which_they_were_asked_for(addon, leave: bool, monkeypatch):
    """Also where another scene has a collection of that name, and where the user has gone there meanwhile."""
    first, item = bpy.context.scene, scenes.ball("Rock", 24, 12)
    other = bpy.data.scenes.new("Other")
    for name in ("Rock_LODs", "Optimized"):
        other.collection.children.link(bpy.data.collections.new(name))
    place = addon.scene.place.place.place

    def elsewhere(context, *arguments):
        context.window.scene = other if leave else first
        return place(context, *arguments)

    monkeypatch.setattr(addon.scene.place.place, "place", elsewhere)
    for work in (
        bpy.ops.generio.make_lods,
        lambda: bpy.ops.generio.optimize_selected(placement="COLLECTION"),
    ):
        for _ in range(2):
            bpy.context.window.scene = first
            scenes.select(item)
            work()
    made = {each["generio_name"]: each for each in first.collection.children}
    assert sorted(made["Rock_LODs"].objects.keys()) == [f"Rock_LOD{level}" for level in range(4)]
    assert len(made["Optimized"].objects) == 2
    assert len(first.collection.children) == 2
    assert not any(len(each.objects) for each in other.collection.children)


def test_copies_of_several_stand_beside_all_of_them(addon):
    items = [scenes.ball("Left", 24, 12), scenes.ball("Right", 24, 12)]
    items[1].location.x = 2.5
    optimize(*items, placement="BESIDE", polygon_count=300)
    copies = [bpy.data.objects[f"{item.name}_optimized"] for item in items]
    bpy.context.view_layer.update()
    assert scenes.bounds(copies)[0][0] > scenes.bounds(items)[1][0]
    assert copies[1].location.x - copies[0].location.x == pytest.approx(2.5)


def test_a_copy_of_what_has_no_width_does_not_stand_in_its_place(addon):
    wall = grid()
    wall.rotation_euler.y = math.pi / 2
    optimize(wall, target="PERCENT", percent=50, placement="BESIDE")
    copy = bpy.data.objects[f"{wall.name}_optimized"]
    assert copy.location.x - wall.location.x == pytest.approx(0.1 * max(wall.dimensions), rel=0.01)


@pytest.mark.parametrize("options", [{"modifier_mode": "APPLY"}, {"placement": "BESIDE"}])
def test_collections_are_not_looked_through_for_each_of_many_objects(addon, options: dict, monkeypatch):
    """Blender looks through all of them to tell in which ones an object is."""
    items = [scenes.ball("Ball", 12, 6)]
    items[0].modifiers.new("Smooth", "SUBSURF")
    items += [items[0].copy() for _ in range(20)]
    for item in items[1:]:
        bpy.context.scene.collection.objects.link(item)
    other = bpy.data.collections.new("Other")
    bpy.context.scene.collection.children.link(other)
    other.objects.link(items[-1])
    asked = []
    original = bpy.types.Object.users_collection

    def counted(item: bpy.types.Object) -> tuple[bpy.types.Collection, ...]:
        asked.append(item)
        return original.fget(item)

    monkeypatch.setattr(bpy.types.Object, "users_collection", property(counted))
    optimize(*items, polygon_count=60, **options)
    assert len(asked) < len(items)
    if "placement" in options:
        assert bpy.data.objects[f"{items[-1].name}_optimized"].users_collection == (
            other,
            bpy.context.scene.collection,
        )


# ---------------------------------------------------------------------- space


def torus() -> bpy.types.Object:
    bpy.ops.mesh.primitive_torus_add(major_segments=48, minor_segments=24)
    return bpy.context.object


def monkey() -> bpy.types.Object:
    bpy.ops.mesh.primitive_monkey_add()
    bpy.context.object.data.transform(Matrix.Translation((120.0, -40.0, 7.0)))  # far from its origin
    return bpy.context.object


def grid() -> bpy.types.Object:
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=40, y_subdivisions=40, size=0.002)
    return bpy.context.object


def tower() -> bpy.types.Object:
    bpy.ops.mesh.primitive_cylinder_add(vertices=64, depth=900.0, radius=20.0)
    return bpy.context.object


SPACES = {
    "scaled": lambda item: setattr(item, "scale", (0.3, 2.0, 5.0)),
    "mirrored": lambda item: setattr(item, "scale", (-1.0, 2.0, -0.5)),
    "turned": lambda item: setattr(item, "rotation_euler", (1.0, 0.3, -2.0)),
    "moved": lambda item: setattr(item, "location", (1e3, -2e3, 5.0)),
    "unit": lambda _item: setattr(bpy.context.scene.unit_settings, "scale_length", 0.01),
}


@pytest.mark.parametrize("shape", [scenes.ball, torus, monkey, grid, tower], ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("space", SPACES)
def test_a_result_lands_where_the_mesh_was(addon, shape, space: str):
    item = shape()
    SPACES[space](item)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.matrix_world = Matrix.Shear("XY", 4, (0.2, 0.1)) @ Matrix.Rotation(0.5, 4, "Z")
    item.parent = parent
    bpy.context.view_layer.update()
    matrix, box = item.matrix_world.copy(), scenes.bounds([item])
    optimize(item, polygon_count=10_000_000)
    assert item.matrix_world == matrix
    assert np.abs(scenes.bounds([item]) - box).max() < 1e-4 * np.linalg.norm(box[1] - box[0])
    assert report(item)["deviation"]["max"] < 1e-3  # to a long triangle Blender measures in single precision
