"""The owl that demo and pictures make lighter is a mesh as an artist would want it."""

import bmesh
import bpy
import numpy as np

from scripts.owl import add_owl


def test_the_owl_is_closed_stands_on_the_ground_and_has_a_texture_that_fits():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    owl = add_owl("Owl", columns=96, rows=48, pixels=64)
    mesh = owl.data
    assert sum(len(polygon.vertices) - 2 for polygon in mesh.polygons) == 2 * 96 * (48 - 2)

    work = bmesh.new()
    work.from_mesh(mesh)
    assert all(edge.is_manifold and edge.is_contiguous for edge in work.edges)
    assert work.calc_volume(signed=True) > 0.1, "faces look outward"
    work.free()

    corners = np.array(owl.bound_box)
    assert np.allclose((corners[:, 2].min(), corners[:, 2].max()), (0.0, 1.0), atol=0.06)
    uvs = np.empty(len(mesh.loops) * 2, dtype=np.float32)
    mesh.uv_layers.active.uv.foreach_get("vector", uvs)
    assert uvs.min() >= 0.0 and uvs.max() <= 1.0

    (image,) = [node.image for node in mesh.materials[0].node_tree.nodes if node.type == "TEX_IMAGE"]
    assert image.packed_file and tuple(image.size) == (64, 64)
