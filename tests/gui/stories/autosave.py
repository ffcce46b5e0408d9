# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender goes on saving the user's work by itself while a job takes its time."""

from pathlib import Path

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

FOLDER = Path("/tmp/autosaved")


def autosave_during_a_job(blender: Driver) -> Steps[None]:
    scene.clear_view(bring_aside="Cube")
    yield from jobs.order(blender, "hang")
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A grandfather clock")
    yield from jobs.until(blender, "Running")
    blender.autosave_every_minute(FOLDER)
    bpy.data.objects["Cube"].location.y = 1.0
    scene.remember("work")
    yield from blender.wait_for(lambda: [*FOLDER.glob("*autosave*.blend")], "the autosaved file")
    yield from jobs.until(blender, "Running")
    yield from blender.picture("autosave")
    yield from jobs.check_counters(blender, jobs.UNDER_WAY)


ACTS = (autosave_during_a_job,)
