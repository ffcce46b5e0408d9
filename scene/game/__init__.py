# SPDX-License-Identifier: GPL-3.0-or-later
"""Models as game engines take them: with levels of detail, collision shapes, their names, axes and units.

`profiles` says what each game engine wants, and where that is documented. `subjects` finds what is to be
exported, `export` makes an `order` of that, and `snapshot` writes the meshes as they are seen. A background
Blender carries the order out (`run`): `collision` makes shapes to collide with, `staging` puts copies of
everything, named as it has to be, into a scene of their own, and `write` has Blender's own exporters write
that. So the window waits for the snapshots only, and nothing in the file changes.
"""
