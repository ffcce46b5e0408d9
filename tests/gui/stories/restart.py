# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender dies in the middle of a job; the next one brings the model into the same file, made only once."""

from pathlib import Path

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

FILE = Path("/tmp/restart.blend")


def die_in_the_middle(blender: Driver) -> Steps[None]:
    scene.clear_view()
    blender.save_file(FILE)
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A paper lantern", "High")
    yield from jobs.until(blender, "Running")
    yield from jobs.check_counters(blender, jobs.UNDER_WAY)
    blender.die()


def start_again(blender: Driver) -> Steps[None]:
    yield from blender.open_file(FILE)
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("restart")
    yield from blender.wait_for(lambda: scene.models("lantern"), "the model in the scene")
    yield from jobs.until(blender, "Done")
    yield from blender.picture("restart-done")
    assert len(scene.models("lantern")) == 1
    yield from jobs.check_counters(blender, jobs.DONE)


ACTS = (die_in_the_middle, start_again)
