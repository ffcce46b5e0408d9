"""Attributes and shading of an optimized mesh are those of the mesh that was sent."""

import bpy
import pytest

from tests.blender import scenes

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def optimize(item: bpy.types.Object, percent: int, **options: object) -> None:
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=percent, **options) == {"FINISHED"}


def attributes(mesh: bpy.types.Mesh) -> list[tuple[str, str, str]]:
    return [
        (entry.name, entry.data_type, entry.domain)
        for entry in mesh.attributes
        if not entry.name.startswith(".") and entry.name not in ("custom_normal", "position")
    ]


def sharp_edges(mesh: bpy.types.Mesh) -> set[frozenset[tuple[float, ...]]]:
    """Where the ends of sharp edges are."""
    points = [tuple(round(value, 4) for value in vertex.co) for vertex in mesh.vertices]
    return {frozenset(points[end] for end in edge.vertices) for edge in mesh.edges if edge.use_edge_sharp}


def column() -> bpy.types.Object:
    """A smooth cylinder with sharp rims, one sharp edge in a plane, and one flat cap."""
    bpy.ops.mesh.primitive_cylinder_add(vertices=48, depth=2.0)
    item = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide(number_cuts=2)
    bpy.ops.object.mode_set(mode="OBJECT")
    mesh = item.data
    for face in mesh.polygons:
        face.use_smooth = face.normal.z < 0.9
    for edge in mesh.edges:
        ends = [mesh.vertices[end].co for end in edge.vertices]
        on_rim = all(abs(abs(end.z) - 1) < 1e-5 and abs(end.xy.length - 1) < 1e-2 for end in ends)
        edge.use_edge_sharp = on_rim
    in_plane = next(
        edge for edge in mesh.edges if all(mesh.vertices[end].co.z > 0.99 for end in edge.vertices)
    )
    in_plane.use_edge_sharp = True
    return item


def test_sharp_edges_and_flat_faces_stay_what_they_were(addon):
    item = column()
    before, flat = sharp_edges(item.data), sum(not face.use_smooth for face in item.data.polygons)
    assert before
    assert flat
    optimize(item, 100)
    mesh = item.data
    assert not mesh.has_custom_normals
    assert sharp_edges(mesh) == before
    assert_only_the_cap_is_flat(mesh)


def assert_only_the_cap_is_flat(mesh: bpy.types.Mesh) -> None:
    faces = [face for face in mesh.polygons if face.area > 1e-6]
    assert all(face.use_smooth == (face.normal.z < 0.9) for face in faces)


def test_rims_stay_sharp_and_sides_smooth_when_faces_are_fewer(addon):
    item = column()
    optimize(item, 40)
    mesh = item.data
    assert not mesh.has_custom_normals
    owners: dict[tuple[int, int], list[bpy.types.MeshPolygon]] = {}
    for face in mesh.polygons:
        for key in face.edge_keys:
            owners.setdefault(key, []).append(face)
    sharp = {tuple(sorted(edge.vertices)) for edge in mesh.edges if edge.use_edge_sharp}
    steep = {
        key
        for key, faces in owners.items()
        if len(faces) == 2 and abs(faces[0].normal.z - faces[1].normal.z) > 0.7
    }
    assert steep
    assert len(sharp & steep) >= 0.95 * len(steep)
    assert len(sharp - steep) <= 0.05 * len(sharp) + 1
    assert_only_the_cap_is_flat(mesh)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("percent", [100, 30])
def test_what_is_all_smooth_or_all_flat_stays_so_without_custom_normals(addon, smooth: bool, percent: int):
    item = scenes.ball("Ball", 32, 16)
    item.data.shade_smooth() if smooth else item.data.shade_flat()
    optimize(item, percent)
    mesh = item.data
    assert not mesh.has_custom_normals
    assert all(face.use_smooth == smooth for face in mesh.polygons)
    assert not sharp_edges(mesh)
    if not smooth:
        angles = [
            mesh.corner_normals[corner].vector.angle(face.normal)
            for face in mesh.polygons
            for corner in face.loop_indices
        ]
        assert max(angles) < 0.01


def test_a_mesh_that_has_custom_normals_keeps_having_some(addon):
    item = scenes.ball("Ball", 16, 8)
    item.data.shade_smooth()
    item.data.normals_split_custom_set_from_vertices([(0.0, 0.0, 1.0)] * len(item.data.vertices))
    optimize(item, 100)
    assert item.data.has_custom_normals
    assert all(corner.vector.z > 0.99 for corner in item.data.corner_normals)


@pytest.mark.parametrize("percent", [100, 40])
def test_attributes_come_in_the_order_they_had_and_none_twice(addon, percent: int):
    item = scenes.ball("Ball", 24, 12)
    mesh = item.data
    mesh.materials.append(scenes.textured("Clay"))
    for number in range(3):
        colors = mesh.color_attributes.new(f"Paint {number}", "BYTE_COLOR", "CORNER")
        colors.data.foreach_set("color", [number / 4, 1.0, 0.5, 1.0] * len(colors.data))
    mesh.uv_layers.new(name="Second")
    mesh.color_attributes.new("Float", "FLOAT_COLOR", "POINT")
    mesh.color_attributes.active_color_name = "Paint 1"
    mesh.color_attributes.render_color_index = 3
    mesh.uv_layers["Second"].active = True
    before, rendered = attributes(mesh), mesh.color_attributes.default_color_name
    assert rendered != "Paint 1"
    optimize(item, percent)
    assert attributes(item.data) == before
    assert item.data.color_attributes.active_color_name == "Paint 1"
    assert item.data.color_attributes.default_color_name == rendered
    assert item.data.uv_layers.active.name == "Second"
    for number in range(3):
        assert abs(item.data.color_attributes[f"Paint {number}"].data[0].color[0] - number / 4) < 0.01
