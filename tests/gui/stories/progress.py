# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a job is: the bar never falls, is held near the end, and stands still while the user has to act."""

import sys
from typing import Any

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

LEARNED = 3
"""So many flows tell how long the next one takes."""

SECONDS = 20
"""For which a flow is watched that takes longer than those."""


def ask(prompt: str) -> None:
    bpy.ops.generio.generate_from_prompt(prompt=prompt, quality="LOW", variants=1)


def timing(blender: Driver) -> Any:
    """What the list shows of the newest job."""
    panels = sys.modules[blender.package].panels
    return panels.progress.timing(sys.modules[blender.package].session.current().engine, jobs.newest().token)


def done(count: int) -> bool:
    """Whether so many jobs are listed, and all are over."""
    rows = bpy.context.window_manager.generio.jobs
    return len(rows) == count and all(row.finished for row in rows)


def learn(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    before = len(bpy.context.window_manager.generio.jobs)
    for number in range(LEARNED):
        ask(f"Lamp {number}")
        yield from blender.wait_for(lambda count=before + number + 1: done(count), "a model")


def never_fall(blender: Driver) -> Steps[None]:
    yield from learn(blender)
    yield from jobs.order(blender, "hang")
    ask("A slow lamp")
    yield from jobs.until(blender, "Running")
    last = 0.0
    for _ in range(SECONDS):
        yield 1.0
        now = timing(blender).progress
        assert now >= last, (last, now)
        last = now
    yield from blender.see("longer than usual")
    yield from blender.picture("progress-late")
    bpy.ops.generio.cancel_job(token=jobs.newest().token)


def stand_still(blender: Driver) -> Steps[None]:
    yield from learn(blender)
    key = blender.preferences.api_key
    yield from jobs.order(blender, "hang")
    ask("A lamp that waits")
    yield from jobs.until(blender, "Running")
    yield 1.0
    blender.preferences.api_key = "expired"
    yield from jobs.until(blender, "Waiting")
    yield 1.0
    assert timing(blender).progress == 0.0
    assert timing(blender).remaining == "" or "left" not in timing(blender).remaining
    yield from blender.picture("progress-waiting")
    blender.preferences.api_key = key


ACTS = (never_fall, stand_still)
