# SPDX-License-Identifier: GPL-3.0-or-later
"""The detail that a lighter mesh has lost comes back as maps, which a background Blender bakes.

`original` says from which mesh; `snapshot` writes both meshes for the converter, as `export` does what is
sent. There `run` chooses a UV map, the way of the rays and the passes, `uv_maps` measures UV maps and makes a
new one where none of the mesh's own is fit, and `shading` measures how far the light mesh looks from the
original, with and without the normal map, at points all over it. The result is a .blend with the light mesh
and a file for each map beside it. `place_maps` brings these into the user's file: the mesh gets the new UV
map, if there is one, and copies of the artist's materials (`materials`), in which the maps are. The mesh
before keeps the materials themselves.
"""
