# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished models as a grid of pictures, favorites that Clear Finished leaves, and the account's flows."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

PROMPTS = ("A chair", "A table", "A lamp", "A vase")


def look_at_pictures(blender: Driver) -> Steps[None]:
    scene.clear_view()
    panel = bpy.context.window_manager.generio
    rows = panel.jobs
    yield from blender.open_tab("GENERIO")
    for prompt in PROMPTS:
        bpy.ops.generio.generate_from_prompt(prompt=prompt, quality="LOW", variants=1)
    yield from blender.wait_for(
        lambda: len(rows) == len(PROMPTS) and all(row.thumbnail for row in rows), "all pictures"
    )
    yield from blender.see("Clear Finished")
    yield from blender.picture("gallery-list")
    panel.job_view = "GRID"
    blender.region.tag_redraw()
    yield 1.0
    yield from blender.see("Clear Finished")
    yield from blender.picture("gallery-grid")
    yield from blender.click_icon("generio.toggle_favorite")
    (kept,) = (row.name for row in rows if row.favorite)
    yield from blender.click("Clear Finished")
    yield from blender.wait_for(lambda: len(rows) == 1, "the favorite alone")
    assert rows[0].name == kept
    yield from blender.picture("gallery-favorite")
    yield from blender.narrow_picture("gallery-narrow", "Jobs")
    panel.job_view = "LIST"


def find_flows(blender: Driver) -> Steps[None]:
    scene.clear_view()
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    yield from blender.click("My Flows")
    yield from blender.click("List My Flows")
    yield from blender.wait_for(lambda: len(panel.flows) == len(PROMPTS), "all flows")
    yield from blender.see("Done")
    yield from blender.picture("gallery-my-flows")
    flow = next(flow.name for flow in panel.flows if not flow.is_listed)
    yield from blender.click_icon("generio.recover_flow", having=flow)
    yield from blender.wait_for(lambda: len(panel.jobs) == 2, "the flow as a job")
    yield from jobs.until(blender, "Ready")


ACTS = (look_at_pictures, find_flows)
