# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays each story in real windows of two Blenders, with the built zip and a fresh home and sandbox for each.

The story itself, with all that it asserts, is the module of its name in tests/gui/stories; here is only what
the sandbox is like. Pictures, logs and reports are left in build/gui/<version>.
"""

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gui.rig import WAYLAND, Rig
from tests.sandbox import Sandbox


@dataclass(frozen=True)
class Stage:
    """What a story begins with.

    speed: of the sandbox, 1.0 = 9 s for "Low", 21 s for "High"; online: whether Blender may use the network;
    wayland: whether the screen is one of Wayland, which not every Blender of Debian knows, and not of X11.
    """

    speed: float = 0.4
    has_key: bool = True
    online: bool = True
    wayland: bool = False


STORIES = {
    "first_run": Stage(has_key=False),
    "offline": Stage(online=False),
    "guide": Stage(),
    "states": Stage(),
    "generate": Stage(),
    "image": Stage(),
    "variants": Stage(speed=0.6),
    "pictures": Stage(),
    "paste": Stage(wayland=True),
    "drop": Stage(),
    "assets": Stage(),
    "doctor": Stage(),
    "looks": Stage(),
    "menus": Stage(),
    "optimize": Stage(speed=0.6),
    "versions": Stage(speed=0.1),
    "undo": Stage(speed=0.1),
    "cancel": Stage(),
    "failure": Stage(),
    "other_file": Stage(speed=1.0),
    "restart": Stage(),
    "ledger": Stage(),
    "register": Stage(),
    "job_list": Stage(),
    "autosave": Stage(),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(blender: Rig, package: Path, story: str) -> None:
    stage = STORIES[story]
    if stage.wayland and blender.suite not in WAYLAND:
        pytest.skip(f"Debian {blender.suite}: its Blender knows no Wayland")
    with Sandbox(speed=stage.speed) as sandbox, blender.wayland() if stage.wayland else nullcontext():
        blender.install(package, sandbox.url, sandbox.key if stage.has_key else "")
        act, acts = 0, 1
        while act < acts:
            told = blender.play(story, act, sandbox.url, stage.online)
            sys.stdout.write(pauses(f"{story}, act {act + 1}, Blender {told['blender']}", told["steps"]))
            act, acts = act + 1, told["acts"]


def pauses(title: str, steps: list[dict[str, Any]]) -> str:
    """A table of how long each step took and how long Blender's main loop paused in it at most."""
    rows = [f"\n{title:64} {'length':>8} {'longest pause':>14}"]
    for step in steps:
        rows.append(f"  {step['name']:62} {step['seconds']:6.1f} s {step['longest_pause'] * 1000:11.0f} ms")
    return "\n".join(rows) + "\n"
