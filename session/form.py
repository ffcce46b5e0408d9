# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user has entered in the panels: kept when another file is opened, its picture checked again."""

from __future__ import annotations

import time
from typing import Any

import bpy

from ..i18n import translated
from .image_check import Looking
from .options import GeneratePanelOptions, OptimizeOptions
from .parameter_properties import names_of
from .properties import image_path, image_suffixes, properties

LOOK_SECONDS = 1.0
"""Between checks of the chosen picture, whose disk may be slow."""

EDITED = ("source", "prompt", "image", *names_of(GeneratePanelOptions), *names_of(OptimizeOptions))


class Form:
    """The panels' properties live in the window manager; this is what has to be known beside them."""

    def __init__(self) -> None:
        self._remembered: dict[str, Any] = {}
        self._looking: Looking | None = None
        self._next_look = 0.0  # time.monotonic()

    def remember(self, context: bpy.types.Context) -> None:
        """Remember what was entered, before another file is opened: all of it starts anew then."""
        self.make_image_absolute(context)
        panel = properties(context)
        self._remembered = {name: getattr(panel, name) for name in EDITED if panel.is_property_set(name)}

    def restore(self, context: bpy.types.Context) -> None:
        """Enter again what was remembered."""
        for name, value in self._remembered.items():
            setattr(properties(context), name, value)

    def make_image_absolute(self, context: bpy.types.Context) -> None:
        """Let the chosen picture be the same when the open file is saved into another folder."""
        panel = properties(context)
        if panel.image.startswith("//"):
            panel.image = bpy.path.abspath(panel.image)

    def check_image(self, context: bpy.types.Context) -> bool:
        """Note what has become of the chosen picture where it was saved again; returns whether it was.

        A thread looks, one at a time, and what it has found is noted by a later call.
        """
        panel = properties(context)
        is_looking = self._looking is not None and self._looking.is_alive()
        if panel.source != "IMAGE" or not panel.image or is_looking:
            return False
        looked, self._looking = self._looking, None
        if looked is not None and looked.found is not None:
            if (looked.path, looked.known) != (image_path(panel), panel.image_version):
                return False  # another was chosen meanwhile
            panel.image_version, panel.image_note, problem = looked.found
            panel.image_problem = translated(problem)
            return True
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._looking = Looking(image_path(panel), panel.image_version, image_suffixes())
            self._looking.start()
        return False
