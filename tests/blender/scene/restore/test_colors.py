"""Colors of a result are those of the mesh that was sent."""

import bpy
import numpy as np
import pytest

from tests.blender import scenes
from tests.blender.scene.restore.fitted import Fit, as_it_comes

COLORS = np.array([(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (1, 1, 0, 1)], dtype=np.float32)


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
