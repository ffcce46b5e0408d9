# SPDX-License-Identifier: GPL-3.0-or-later
"""The only room that reads or changes Blender data. It knows nothing of HTTP or of the service.

`export` is what is sent, `background` what a second Blender does, `place` how results come into the file,
and `restore` how a result becomes the mesh that was sent. `replace_mesh` gives a mesh to the objects or to
copies of them, `lods` has levels of detail, and `game` files for game engines. `versions` keeps the mesh from
before as a custom property of the one after (and the other way round while that is shown), so that either can
be chosen after the file was saved and opened. Applied modifiers wait with it on an object in no scene, since
Blender copies modifiers exactly only from object to object; they come back all or none (`modifiers`): a copy
of the object gets them first, since Blender refuses some.
"""
