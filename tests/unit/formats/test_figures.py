"""What a GLB says about itself, and how far one surface is from another."""

import base64
import sys
from collections.abc import Sequence
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generio_flows.formats import deviation as module
from generio_flows.formats.deviation import measure
from generio_flows.formats.figures import Box, Figures, Texture, deviation, read_figures
from generio_flows.formats.shape import read_shape
from PIL import Image

from tests.sandbox import glb

FACES = np.array(
    [
        *((0, 1, 3), (0, 3, 2), (4, 7, 5), (4, 6, 7), (0, 5, 1), (0, 4, 5)),
        *((2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)),
    ]
)


def cube(size: float = 1.0, shift: float = 0.0) -> glb.Mesh:
    """A cube of 8 vertices and 12 triangles, with one corner at `shift` on each axis."""
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) * size + shift
    return glb.Mesh(corners, np.ones((8, 3)), np.zeros((8, 2)), FACES, material=0)


def picture(width: int, height: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    return out.getvalue()


def written(
    path: Path, *meshes: glb.Mesh, nodes: Sequence[glb.Node] = (), image: bytes | None = None
) -> Path:
    nodes = nodes or [glb.Node(mesh=index) for index in range(len(meshes))]
    path.write_bytes(glb.build(meshes, [glb.Material(base_color_image=image)], nodes))
    return path


def changed(path: Path, change: Any) -> Path:
    """The GLB with what `change` makes of its document and buffer."""
    document, buffer = glb.unpack(path.read_bytes())
    path.write_bytes(glb.pack(document, change(document, buffer)))
    return path


def test_the_figures_of_a_model(tmp_path: Path):
    image = picture(8, 4)
    path = written(tmp_path / "cube.glb", cube(2.0), image=image)
    assert read_figures(path) == Figures(
        triangles=12,
        vertices=8,
        materials=1,
        textures=(Texture("Image 0", 8, 4, len(image)),),
        bytes=path.stat().st_size,
        box=Box((0.0, 0.0, 0.0), (2.0, 2.0, 2.0)),
    )
    assert read_figures(path).largest_texture == 8


def test_a_picture_in_a_data_uri_counts(tmp_path: Path):
    image = picture(4, 16)

    def with_uri(document: dict[str, Any], buffer: bytes) -> bytes:
        uri = "data:image/png;base64," + base64.b64encode(image).decode()
        document["images"] = [{"uri": uri, "name": "bark"}]
        return buffer

    path = changed(written(tmp_path / "cube.glb", cube()), with_uri)
    assert read_figures(path).textures == (Texture("bark", 4, 16, len(image)),)


def test_the_box_is_that_of_what_the_scene_shows(tmp_path: Path):
    """Nodes move, turn and scale; a turned box is no larger than what is in it."""
    eighth = (0.0, 0.0, np.sin(np.pi / 8), np.cos(np.pi / 8))  # 45 degrees around Z
    inner = glb.Node(mesh=0, rotation=eighth)
    nodes = [
        glb.Node(mesh=0, scale=(1.0, 2.0, 3.0)),
        glb.Node(children=[inner], translation=(10.0, 0.0, 0.0)),
    ]
    figures = read_figures(written(tmp_path / "two.glb", cube(), nodes=nodes))
    assert figures.box is not None
    assert figures.box.least == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert figures.box.largest == pytest.approx((10.0 + sqrt(0.5), 2.0, 3.0), abs=1e-6)
    assert (figures.triangles, figures.vertices) == (12, 8), "the mesh is kept once"


def test_a_matrix_is_as_good_as_its_parts(tmp_path: Path):
    def with_matrix(document: dict[str, Any], buffer: bytes) -> bytes:
        document["nodes"] = [{"mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]}]
        return buffer

    path = changed(written(tmp_path / "cube.glb", cube()), with_matrix)
    assert read_figures(path).box == Box((5.0, 6.0, 7.0), (6.0, 7.0, 8.0))


def test_what_is_compressed_has_the_box_that_it_says_and_no_surface(tmp_path: Path):
    def without_content(document: dict[str, Any], buffer: bytes) -> bytes:
        for accessor in document["accessors"]:
            del accessor["bufferView"]
        return buffer

    path = changed(written(tmp_path / "cube.glb", cube(2.0)), without_content)
    assert read_figures(path).box == Box((0.0, 0.0, 0.0), (2.0, 2.0, 2.0))
    assert read_shape(path).triangles is None
    assert deviation(path, path) is None


@pytest.mark.parametrize(("mode", "triangles"), [(4, 4), (5, 10), (6, 10), (1, 0)])
def test_lists_strips_and_fans(tmp_path: Path, mode: int, triangles: int):
    def in_mode(document: dict[str, Any], buffer: bytes) -> bytes:
        (primitive,) = document["meshes"][0]["primitives"]
        primitive["mode"] = mode
        document["accessors"][primitive["indices"]]["count"] = 12
        return buffer

    path = changed(written(tmp_path / "cube.glb", cube()), in_mode)
    shape = read_shape(path)
    assert shape.triangles is not None
    assert len(shape.triangles) == read_figures(path).triangles == triangles


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document["nodes"][0].update(children=[0]),
        lambda document: document["nodes"][0].update(mesh=7, matrix="x", children="y"),
        lambda document: document.update(scene=3),
        lambda document: document.update(scenes=[{"nodes": [5, "a", -1]}]),
        lambda document: document["meshes"][0]["primitives"][0].update(indices=0),
        lambda document: document["meshes"][0]["primitives"][0].update(attributes={"POSITION": 99}),
        lambda document: document["accessors"][0].update(min=["x"], bufferView=None),
    ],
)
def test_damage_that_a_check_does_not_find_ends_no_command(tmp_path: Path, damage: Any):
    def damaged(document: dict[str, Any], buffer: bytes) -> bytes:
        damage(document)
        return buffer

    path = changed(written(tmp_path / "cube.glb", cube()), damaged)
    read_figures(path)
    deviation(path, path)


def test_indices_beyond_the_vertices_are_no_surface(tmp_path: Path):
    mesh = glb.Mesh(cube().positions, np.ones((8, 3)), np.zeros((8, 2)), FACES + 1)
    assert read_shape(written(tmp_path / "cube.glb", mesh)).triangles is None


def test_without_numpy_there_are_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = written(tmp_path / "cube.glb", cube())
    for name in ("shape", "deviation"):
        monkeypatch.delitem(sys.modules, f"generio_flows.formats.{name}")
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert (read_figures(path).triangles, read_figures(path).box) == (12, None)
    assert deviation(path, path) is None


# ---- deviation


def triangles(mesh: glb.Mesh) -> Any:
    return mesh.positions[mesh.triangles].astype(np.float32)


def never() -> bool:
    return False


def test_a_surface_is_where_it_is(tmp_path: Path):
    path = written(tmp_path / "cube.glb", cube())
    found = deviation(path, path)
    assert found is not None
    assert found == pytest.approx((0.0, 0.0), abs=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e15])
def test_the_distance_is_a_part_of_the_diagonal(scale: float):
    """A cube in the middle of a larger one: each of its points is half the difference away from it."""
    inner, outer = cube(1.0 * scale), cube(1.2 * scale, -0.1 * scale)
    found = measure(triangles(inner), triangles(outer), never)
    assert found is not None
    edge = 0.1 / sqrt(3)
    assert edge * 0.999 < found.mean < edge * 1.1, "the outer one's edges are a little farther away"
    assert edge < found.largest < edge * sqrt(3) * 1.001


def test_what_is_gone_is_seen_from_the_side_that_has_it():
    both = np.concatenate((triangles(cube()), triangles(cube(1.0, 5.0))))
    there = measure(both, triangles(cube()), never)
    back = measure(triangles(cube()), both, never)
    assert there is not None and back is not None
    assert there.largest > 0.5
    assert back.largest > 2.0, "relative to the diagonal of the first one"


def test_the_nearest_triangle_is_found_among_many():
    """The groups and boxes of the search against looking at every triangle."""
    random = np.random.default_rng(1)
    many = (random.random((3000, 1, 3)) + 0.05 * random.random((3000, 3, 3))).astype(np.float32)
    few = many[:40]
    found = measure(few, many, never)
    assert found is not None
    points = module.sampled(many).astype(np.float32)
    each = np.stack(
        [module._to_triangles(points.astype(float), np.broadcast_to(one, (len(points), 3, 3))) for one in few]
    )
    corners = few.reshape(-1, 3)
    diagonal = np.linalg.norm(corners.max(axis=0) - corners.min(axis=0))
    assert found.largest == pytest.approx(each.min(axis=0).max() / diagonal, rel=1e-3)
    assert found.mean == pytest.approx(each.min(axis=0).mean() / diagonal / 2, rel=1e-3), "few lie on many"


@pytest.mark.parametrize(
    ("point", "distance"),
    [
        ((1.0, 1.0, 0.5), 0.5),  # above the inside
        ((1.0, -2.0, 0.0), 2.0),  # beyond each of the edges
        ((-3.0, 1.0, 0.0), 3.0),
        ((3.0, 3.0, 0.0), sqrt(2)),
        ((-3.0, -4.0, 0.0), 5.0),  # and of the corners
        ((7.0, -4.0, 0.0), 5.0),
        ((-3.0, 8.0, 0.0), 5.0),
    ],
)
def test_the_distance_to_one_triangle(point: tuple[float, ...], distance: float):
    corners = np.array([[(0, 0, 0), (4, 0, 0), (0, 4, 0)]], np.float32)
    assert module._to_triangles(np.array([point]), corners) == pytest.approx(distance)


def test_points_and_lines_are_no_trouble():
    line = np.array([[(0, 0, 0), (1, 0, 0), (1, 0, 0)]], np.float32)
    moved = line + np.array((0.0, 0.5, 0.0), np.float32)
    assert measure(line, moved, never) == pytest.approx((0.5, 0.5))
    assert measure(line[:, :1].repeat(3, axis=1), line, never) is None, "nothing to be relative to"
    assert measure(line, line[:0], never) is None


def test_measuring_can_be_stopped():
    assert measure(triangles(cube()), triangles(cube()), lambda: True) is None
