# SPDX-License-Identifier: GPL-3.0-or-later
"""A result becomes the mesh that was sent again: it gets the data that a GLB does not carry.

The snapshot stays beside the result, so all of this happens in the background Blender that converts it
(`restore`), and the window only links. No contract says which axes, unit and origin a result has: `align`
finds the similarity that puts it back (numbers only; `probe` gets them out of Blender). If the result
covers what was sent, it is not touched. Otherwise, the bounding boxes say which of the 24 rotations by
quarters are possible, points on both surfaces how well each fits, and the first UV map how a symmetric model
was rotated. A result that fits in no way stays as it came, and its job is Ready, with the reason.

`matching` finds out, from arrays (`surfaces`), where each triangle and each corner of the result comes from.
Triangles whose corners are where they were are the same ones; if the result has all of these and no
others, the mesh that was sent is used itself. For any other triangle, `nearest` finds the nearest one that
faces the same way and belongs to the same connected part. If the service has kept a UV map and that
contradicts, the UV map is right. The match determines the vertices (`weld`), the material slots
(`material_slots`: by name, else by place), and the values (`transfer`): vertex groups, color attributes,
and UV maps that did not come back. Layers that came back are recognized by their values and stay as they
came; transferred values do not cross a border, such as a seam.

`shading` finds sharp edges and flat faces again, `attribute_order` keeps the order of the attributes,
`small_groups` keeps groups of very few vertices, and `datablock` what a mesh has beside its geometry.
`compare` measures both meshes; the deviation is that of 10,000 points on each surface to the other.
"""
