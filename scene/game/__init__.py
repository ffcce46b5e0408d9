# SPDX-License-Identifier: GPL-3.0-or-later
"""Models as game engines take them: with levels of detail, collision shapes, their names, axes and units.

`profiles` says what each game engine wants, and where that is documented. `subjects` finds what is to be
exported, `collision` makes shapes to collide with, `staging` puts copies of everything, named as it has to
be, into a scene of their own, and `write` has Blender's own exporters write that. Nothing in the file changes
but that collision shapes are made.
"""
