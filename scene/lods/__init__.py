# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail of an object: a collection of copies with ever lighter meshes, numbered from 0.

Level 0 is a picture of the original as it was when the others were made, with a mesh of its own, so that
nothing that happens to the original changes a level. `sets` makes, finds and removes them; `preview` switches
between them by how large they are in the camera's picture.
"""

from .sets import LEVEL, OWN, SCREEN_SIZE, LodSet, known_set, place_level, remove, set_of, sources

__all__ = ["LEVEL", "OWN", "SCREEN_SIZE", "LodSet", "known_set", "place_level", "remove", "set_of", "sources"]
