# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays each story in real windows of two Blenders, with the built zip and a fresh home and sandbox for each.

The story itself, with all that it asserts, is the module of its name in tests/gui/stories. Pictures, logs and
reports are left in build/gui/<version>.
"""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.gui.programme import STORIES
from tests.gui.rig import Rig
from tests.sandbox import Sandbox


@pytest.mark.parametrize("story", STORIES)
def test_story(blender: Rig, package: Path, story: str) -> None:
    stage = STORIES[story]
    with Sandbox(speed=stage.speed) as sandbox, blender.wayland() if stage.wayland else nullcontext():
        blender.install(package, sandbox.url, sandbox.key if stage.has_key else "")
        act, acts = 0, 1
        while act < acts:
            told = blender.play(story, act, sandbox.url, stage.online, stage.height)
            sys.stdout.write(pauses(f"{story}, act {act + 1}, Blender {told['blender']}", told["steps"]))
            act, acts = act + 1, told["acts"]


def pauses(title: str, steps: list[dict[str, Any]]) -> str:
    """A table of how long each step took and how long Blender's main loop paused in it at most."""
    rows = [f"\n{title:64} {'length':>8} {'longest pause':>14}"]
    for step in steps:
        rows.append(f"  {step['name']:62} {step['seconds']:6.1f} s {step['longest_pause'] * 1000:11.0f} ms")
    return "\n".join(rows) + "\n"
