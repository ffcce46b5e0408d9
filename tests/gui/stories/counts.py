# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs: how many run and how many wait, and at a dead address one banner with what mends it."""

import bpy

from tests.gui import scene
from tests.gui.driver import Driver, Steps

NOWHERE = "http://127.0.0.1:9"
COUNT = 12


def ask() -> None:
    for number in range(COUNT):
        bpy.ops.generio.generate_from_prompt(prompt=f"Lamp {number}", quality="LOW", variants=1)


def wait_at_a_dead_address(blender: Driver) -> Steps[None]:
    scene.clear_view()
    here, blender.preferences.service_url = blender.preferences.service_url, NOWHERE
    yield from blender.open_tab("GENERIO")
    ask()
    yield from blender.see("Nothing answers")
    yield from blender.see(f"{COUNT} jobs wait")
    yield from blender.see(f"{COUNT} waiting")
    yield from blender.picture("counts-dead-address")
    yield from blender.narrow_picture("counts-dead-address-narrow", "Retry")
    blender.preferences.service_url = here
    yield from blender.click("Retry All")
    yield from blender.see(f"of {COUNT} running")
    yield from blender.see_no("Nothing answers")
    yield from blender.picture("counts-running")
    rows = bpy.context.window_manager.generio.jobs
    yield from blender.wait_for(lambda: all(row.state == "done" for row in rows), "all models", 180.0)
    yield from blender.see_no("waiting")


ACTS = (wait_at_a_dead_address,)
