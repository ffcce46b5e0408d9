# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of jobs: what it and the status bar show of them, searching, and clearing it."""

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

PROMPTS = ("A brass lamp", "A garden gnome", "A porcelain vase with a handle", "A tin robot", "An owl")


def look_after_jobs(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    generate = bpy.ops.generio.generate_from_prompt
    for prompt in PROMPTS[:4]:
        generate(prompt=prompt, quality="LOW", seed=7)
        yield 0.1
    rows = bpy.context.window_manager.generio.jobs
    yield from blender.wait_for(lambda: any(row.state == "running" for row in rows), "a running job")
    yield from blender.see("running")
    yield from blender.picture("job-list-running")
    yield from blender.wait_for(lambda: all(row.state == "done" for row in rows), "all models")
    yield from jobs.order(blender, "fail", reason="The kiln overheated")
    generate(prompt=PROMPTS[4], quality="LOW")
    yield from jobs.until(blender, "Failed")
    yield from blender.wait_for(lambda: all(row.thumbnail for row in list(rows)[1:]), "all pictures")
    yield 2.0
    yield from blender.see("overheated")
    yield from blender.picture("job-list-failed")

    yield from blender.type_into("Search Jobs", "vase handle")
    yield from blender.see_no("A garden gnome")
    yield from blender.see("A porcelain")
    yield from blender.type_into("Search Jobs", "")
    yield from blender.see("A garden gnome")
    panel = bpy.context.window_manager.generio
    panel.job_states = "TROUBLE"
    blender.region.tag_redraw()
    yield 0.5
    yield from blender.see_no("A garden gnome")
    yield from blender.see(PROMPTS[4])
    yield from blender.picture("job-list-filtered")
    panel.job_states = "ALL"
    blender.region.tag_redraw()
    yield from blender.see("A garden gnome")
    panel.active_job = next(index for index, row in enumerate(rows) if row.name == PROMPTS[2])
    yield from blender.click("Details")
    yield from blender.see("vase with a handle")
    yield from blender.picture("job-list-details")
    flow_id = rows[panel.active_job].flow_id
    yield from blender.see("Show Folder")  # which is below it
    yield from blender.click_icon("generio.copy_flow_id")
    assert bpy.context.window_manager.clipboard == flow_id
    yield from blender.click("Use Same Settings")
    assert (panel.prompt, panel.seed, panel.random_seed) == (PROMPTS[2], 7, False)

    yield from blender.click(PROMPTS[1])
    yield from blender.wait_for(lambda: rows[panel.active_job].name == PROMPTS[1], "the chosen job")
    yield from blender.click("Import Again")
    yield from blender.wait_for(lambda: len(scene.models("gnome")) == 2, "a second gnome")
    yield 1.0  # the new one is selected, and the panel above the list has more to say
    yield from blender.click_icon("generio.remove_job", beside="Import Again")
    yield from blender.wait_for(lambda: len(rows) == len(PROMPTS) - 1, "a shorter list")
    yield from blender.see_no(PROMPTS[1])
    assert len(scene.models("gnome")) == 2, "a model went with its job"

    yield from blender.click_icon("generio.recover_flow", beside="Clear Finished")
    yield from blender.see("Flow ID", popup=True)
    yield from blender.picture("job-list-recover")
    yield from blender.press("ESC")

    yield from blender.click("Clear Finished")
    yield from blender.wait_for(lambda: not rows, "an empty list")
    assert all(scene.models(prompt.split()[-1]) for prompt in PROMPTS[:4]), "a model went with its job"


ACTS = (look_after_jobs,)
