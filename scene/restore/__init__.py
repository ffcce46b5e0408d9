# SPDX-License-Identifier: GPL-3.0-or-later
"""A result becomes the mesh that was sent again, with what a GLB does not carry.

The snapshot stays beside the result, so all of this happens in the background Blender that converts it
(`restore`), and the window only links. No contract says which axes, unit and origin a result has: `align`
finds the similarity that puts it back (numbers only; `probe` gets them out of Blender). If the result
covers what was sent, it is not touched. Otherwise boxes say which of the 24 turns by quarters come into
question, points on both surfaces how well each fits, and the first UV map how a symmetric model was turned.
What fits in no way stays as it came, and its job is Ready, with the reason.

Where each part of the result comes from is found out once for each triangle and each of its corners
(`matching`), from arrays (`surfaces`). Triangles whose corners are where they were are the same ones; if
all of them are, and no others, the mesh that was sent comes back itself. For the rest the nearest triangle
counts (`nearest`) among those that look the same way and belong to the same connected part. Where a UV map
has been kept and contradicts, its answer counts. From that follow the vertices (`weld`), the material slots
(`material_slots`: by name, else by place), and the values (`transfer`): vertex groups, color attributes,
and UV maps that did not come back. Those that came are known by their values and stay as they came; values
that are brought over stay on their side of a border.

`shading` finds sharp edges and flat faces again, `attribute_order` keeps the attributes in the order they
had, `small_groups` keeps groups of very few vertices, `datablock` what a mesh has beside its geometry.
`compare` measures both meshes; the deviation is that of 10,000 points on each surface to the other.
"""
