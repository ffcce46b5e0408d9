# SPDX-License-Identifier: GPL-3.0-or-later
"""The stories that are played, and what each begins with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """What a story begins with.

    speed: of the sandbox, 1.0 = 9 s for "Low", 21 s for "High"; online: whether Blender may use the network;
    wayland: whether the screen is one of Wayland, which not every Blender of Debian knows, and not of X11.
    height: of the window in pixels; where nothing depends on it, so high that nobody has to scroll.
    """

    speed: float = 0.4
    has_key: bool = True
    online: bool = True
    wayland: bool = False
    height: int = 1250


STORIES = {
    "first_run": Stage(has_key=False),
    "newcomer": Stage(has_key=False),
    "offline": Stage(online=False),
    "guide": Stage(),
    "contact": Stage(speed=2.0),
    "states": Stage(),
    "generate": Stage(),
    "image": Stage(),
    "variants": Stage(speed=2.0),
    "pictures": Stage(),
    "paste": Stage(wayland=True),
    "drop": Stage(),
    "local_view": Stage(),
    "assets": Stage(),
    "doctor": Stage(),
    "looks": Stage(),
    "progress": Stage(),
    "counts": Stage(),
    "calm": Stage(),
    "small_screen": Stage(speed=0.1, height=900),
    "heavy_objects": Stage(speed=0.1),
    "presets": Stage(speed=0.1),
    "gallery": Stage(speed=0.1),
    "templates": Stage(speed=0.1),
    "menus": Stage(),
    "optimize": Stage(speed=0.6),
    "versions": Stage(speed=0.1),
    "bake": Stage(speed=0.1),
    "lods": Stage(speed=0.1),
    "engine_export": Stage(speed=0.1),
    "undo": Stage(speed=0.1),
    "cancel": Stage(),
    "failure": Stage(),
    "other_file": Stage(speed=1.0),
    "restart": Stage(),
    "engine_killed": Stage(),
    "ledger": Stage(),
    "register": Stage(),
    "job_list": Stage(),
    "autosave": Stage(),
}
