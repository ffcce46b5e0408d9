# SPDX-License-Identifier: GPL-3.0-or-later
"""Models as game engines expect them: levels of detail, collision shapes, names, axes, and units.

`profiles` says what each game engine wants, and where that is documented. `subjects` finds what is to be
exported, `export` makes an `order` of that, and `snapshot` writes the meshes as they are seen. A converter
carries out the order (`run`): `collision` makes collision shapes, `staging` puts copies of everything, under
the names that the game engine expects, into a scene of their own, and `write` has Blender's exporters write
that scene. So the window waits for the snapshots only, and nothing in the file changes.
"""
