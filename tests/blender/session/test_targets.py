"""How many triangles each mesh gets, and which is left out with why."""

import bpy
import pytest

from tests.blender import scenes
from tests.blender.optimizing import optimize

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


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
