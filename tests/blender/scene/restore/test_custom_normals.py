"""Custom normals, sharp edges and shading stay what they were."""

from collections.abc import Callable, Sequence

import bpy
import numpy as np
import pytest
from generio_flows.core.messages import Message
from mathutils import Vector

from tests.blender import scenes
from tests.blender.scene.restore.fitted import Fit, as_it_comes


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
    told = "The shading does not match the custom normals. The option Custom Normals transfers them."
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
