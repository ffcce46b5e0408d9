"""A closed surface stays closed, and vertices are apart only where an edge is."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence

import bpy
import pytest
from mathutils import Vector

from tests.blender import scenes
from tests.blender.scene.restore.fitted import Fit, as_it_comes, made


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
