"""The space in which a result lands."""

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from tests.blender import scenes
from tests.blender.optimizing import grid, optimize, report

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def torus() -> bpy.types.Object:
    bpy.ops.mesh.primitive_torus_add(major_segments=48, minor_segments=24)
    return bpy.context.object


def monkey() -> bpy.types.Object:
    bpy.ops.mesh.primitive_monkey_add()
    bpy.context.object.data.transform(Matrix.Translation((120.0, -40.0, 7.0)))  # far from its origin
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
