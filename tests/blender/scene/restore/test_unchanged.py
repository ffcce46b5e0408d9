"""What came back unchanged is what was sent."""

import bpy
import numpy as np

from tests.blender import scenes
from tests.blender.scene.restore.fitted import Fit, as_it_comes, unwrapped, weights


def test_what_came_back_unchanged_is_what_was_sent_in_every_respect(fit: Fit):
    sent = unwrapped("Whole")
    sent.data.materials.append(scenes.textured("Paint"))
    dice = np.random.default_rng(2)
    for kind, domain in (("FLOAT_COLOR", "POINT"), ("BYTE_COLOR", "CORNER"), ("FLOAT_COLOR", "CORNER")):
        attribute = sent.data.color_attributes.new(f"{kind} {domain}", kind, domain)
        attribute.data.foreach_set("color", dice.random(4 * len(attribute.data), dtype=np.float32) * 2)
    sent.data.attributes.new("wear", "FLOAT", "FACE").data.foreach_set(
        "value", dice.random(len(sent.data.polygons), dtype=np.float32)
    )
    for edge in sent.data.edges:
        edge.use_seam = edge.use_edge_sharp = edge.index % 7 == 0
    group = sent.vertex_groups.new(name="Height")
    for vertex in sent.data.vertices:
        group.add([vertex.index], (vertex.co.z + 1) / 2, "REPLACE")
    before = {attribute.name: attribute_values(attribute) for attribute in sent.data.attributes}
    order = [attribute.name for attribute in sent.data.attributes]
    came = as_it_comes(sent, sheds=False)
    report = fit(came, sent)
    assert [attribute.name for attribute in came.data.attributes] == order
    for attribute in came.data.attributes:
        assert np.array_equal(attribute_values(attribute), before[attribute.name]), attribute.name
    assert np.array_equal(weights(came), weights(sent))
    assert not came.data.has_custom_normals
    assert (report["lost"], report["told"]) == ([], [])


def attribute_values(attribute: bpy.types.Attribute) -> np.ndarray:
    field, width = {
        "FLOAT_COLOR": ("color", 4),
        "BYTE_COLOR": ("color", 4),
        "FLOAT2": ("vector", 2),
        "FLOAT_VECTOR": ("vector", 3),
        "INT32_2D": ("value", 2),
    }.get(attribute.data_type, ("value", 1))
    kinds = {"BOOLEAN": bool, "INT": np.int32, "INT32_2D": np.int32}
    found = np.empty(len(attribute.data) * width, dtype=kinds.get(attribute.data_type, np.float32))
    attribute.data.foreach_get(field, found)
    return found
