# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of the open file: which objects, what of them, and what they would lose.

A snapshot is a partial .blend of one isolated object (`isolate`): a copy of the mesh and of such materials
as refer to anything else, since whatever data refer to comes along. Copies share their arrays, so they cost
nothing. `libraries.write` takes 24 ms for a million triangles, arrays by `foreach_get` take 41 ms and more;
with three 4K textures it is 3.6 times as fast. A painting that was never saved is copied as an array and
becomes a PNG beside the snapshot in a thread, which has a lock (`scene.locks`) that whoever makes the GLB
waits for.

`selection` says what of a selection can be sent, why not, and how light each mesh is to become; `losses`
what the results will not have; `dependents` what hangs on vertices or faces from elsewhere, for which all
objects of the file have to be asked; `whole_model` what belongs to one model. All of that comes from
lengths and names only, so that panels can find it out in shares. `evaluate` makes what modifiers make of
the objects, once for all that look the same. Simulations are applied from the object itself, since a copy
would begin anew; all else from copies. `texture_limit` makes smaller copies of textures in the background
Blender. `image_capture` takes images out of Blender on the main thread, which is quick, and gives back a
function that writes them as PNG for a thread.

Jobs with the same snapshot (levels of detail) have it as links to one file of a unique name: whoever has
its lock first makes the GLB for all. A tiled image is sent as its first tile: Blender's exporter makes a
material of each tile, and leaves out what lies in none.
"""
