# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user has entered in the panels, kept when another file is opened and over a restart of Blender."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import bpy

from ..core.files import atomic_path
from ..engine.client import EngineClient
from ..engine.connection import Reply
from ..formats.image_check import ImageCheck
from ..i18n import translated
from .options import GeneratePanelOptions, OptimizeOptions
from .parameter_properties import names_of
from .properties import image_path, image_suffixes, properties

CHECK_SECONDS = 1.0
"""Between checks of the chosen picture, whose disk may be slow."""

EDITED = (
    "source",
    "prompt",
    "image",
    "scene_budget",
    "job_view",
    *names_of(GeneratePanelOptions),
    *names_of(OptimizeOptions),
)


STORE_SECONDS = 1.0
"""Between looks at whether something else was entered, which is kept for the next start then."""

NOT_STORED = ("image", "seed", "random_seed")
"""What belongs to one request only."""


class Looking(NamedTuple):
    """A look at a file that is under way. known: the version that is known already."""

    path: Path
    known: str
    reply: Reply


class Form:
    """The panels' properties live in the window manager; this is what has to be known beside them."""

    def __init__(self) -> None:
        self._remembered: dict[str, Any] = {}
        self._looking: Looking | None = None
        self._next_check = 0.0  # time.monotonic()
        self._stored: dict[str, Any] | None = (
            None  # what the next start finds; None = this one has not looked
        )
        self._next_store = 0.0  # time.monotonic()

    def remember(self, context: bpy.types.Context) -> None:
        """Remember what was entered, before another file is opened: all of it starts anew then."""
        self.make_image_absolute(context)
        panel = properties(context)
        self._remembered = {name: getattr(panel, name) for name in EDITED if panel.is_property_set(name)}

    def restore(self, context: bpy.types.Context) -> None:
        """Enter again what was remembered."""
        for name, value in self._remembered.items():
            setattr(properties(context), name, value)

    def store(self, context: bpy.types.Context, folder: Callable[[bpy.types.Context], Path]) -> None:
        """Have what was entered in the last session, and let the next one have what is entered in this.

        folder: gives the extension's own, which has a JSON file for that; one that cannot be read counts as
        empty, and one that cannot be written is let be.
        """
        now = time.monotonic()
        if now < self._next_store:
            return
        self._next_store = now + STORE_SECONDS
        panel, path = properties(context), folder(context) / "form.json"
        if self._stored is None:
            self._stored = _read(path)
            for name, value in self._stored.items():
                if not panel.is_property_set(name):
                    with suppress(TypeError, ValueError):  # a later version may have other values
                        setattr(panel, name, value)
        names = (name for name in EDITED if name not in NOT_STORED and panel.is_property_set(name))
        entered = {name: getattr(panel, name) for name in names}
        if entered != self._stored:
            self._stored = entered
            with suppress(OSError), atomic_path(path) as part:
                part.write_text(json.dumps(entered, ensure_ascii=False, indent=0), encoding="utf-8")

    def make_image_absolute(self, context: bpy.types.Context) -> None:
        """Let the chosen picture be the same when the open file is saved into another folder."""
        panel = properties(context)
        if panel.image.startswith("//"):
            panel.image = bpy.path.abspath(panel.image)

    def check_image(
        self, context: bpy.types.Context, engine: Callable[[bpy.types.Context], EngineClient]
    ) -> bool:
        """Note what has become of the chosen picture where it was saved again; returns whether it was.

        The engine looks, since that may take long, and what it has found is noted by a later call.
        """
        panel = properties(context)
        if panel.source != "IMAGE" or not panel.image:
            return False
        looking = self._looking
        if looking is not None:
            if not looking.reply.is_there:
                return False
            self._looking = None
            if looking.reply.error is None and looking.reply.result is not None:
                if (looking.path, looking.known) != (image_path(panel), panel.image_version):
                    return False  # another was chosen meanwhile
                panel.image_version, panel.image_note, problem = ImageCheck.from_data(looking.reply.result)
                panel.image_problem = translated(problem)
                return True
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + CHECK_SECONDS
            path, known = image_path(panel), panel.image_version
            kinds = [*image_suffixes()]
            reply = engine(context).ask("check_image", path=str(path), known=known, kinds=kinds)
            self._looking = Looking(path, known, reply)
        return False


def _read(path: Path) -> dict[str, Any]:
    """What another session has kept, as far as that is still to be entered."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            known = cast(dict[str, Any], found)
            return {name: known[name] for name in EDITED if name in known and name not in NOT_STORED}
    return {}
