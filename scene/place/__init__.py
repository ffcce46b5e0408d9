# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished models come into the open file.

`place` puts a result where its `destination` says, as one undo step; `loading` appends the .blend that a
child made, and `new_data` sees to it that nothing else stays behind. `transform` scales a new model, sets
it on its base, fits it into a box (`boxes`) or beside its other variants (`variants`), in a collection
where it is seen (`collections`). `moment` says whether the user is in the middle of something.

The images of a result lie beside its .blend as files and are packed afterwards, one a tick (`packing`): to
append three packed 4K images takes 27 ms in a window of 4.3, to append them as files 4 ms and to pack one
10 ms, or 3 to 8 where there is memory for it. What a million triangles take (85 MB of arrays) is mostly the
price of memory: 51 ms where the system has to give it page by page, 14 ms where Blender still has it from
something before. So the tick before prepares a reserve (`memory`): arrays of the same sizes, which the
child's report names, are written to in a thread and come back to the allocator right before Blender asks
for its own.
"""
