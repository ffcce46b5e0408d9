# SPDX-License-Identifier: GPL-3.0-or-later
"""Another file is opened in the middle of a job: the model waits, to be imported there or to go home."""

from pathlib import Path

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

HOME = Path("/tmp/home-file.blend")


def is_under_way() -> bool:
    job = jobs.newest()
    return job is not None and job.flow_id != ""


def import_into_another_file(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from jobs.hold_results(blender)
    yield from jobs.ask_for(blender, "A tin robot")
    yield from blender.wait_for(is_under_way, "the job to be under way")
    yield from blender.start_new_file()
    yield from jobs.release_results(blender)
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from jobs.until(blender, "Ready")
    yield from blender.see("Belongs to")
    yield from blender.picture("other-file-ready")
    assert not scene.models("robot")

    yield from blender.click("Import")
    yield from jobs.until(blender, "Done")
    scene.show_textures()
    yield from blender.picture("other-file-imported")
    assert len(scene.models("robot")) == 1
    yield from jobs.check_counters(blender, jobs.DONE)


def place_at_home(blender: Driver) -> Steps[None]:
    scene.clear_view()
    blender.save_file(HOME)
    yield from blender.open_tab("GENERIO")
    yield from jobs.hold_results(blender)
    yield from jobs.ask_for(blender, "A stone owl")
    yield from blender.wait_for(is_under_way, "the job to be under way")
    yield from blender.start_new_file()
    yield from jobs.release_results(blender)
    yield from blender.open_tab("GENERIO")
    yield from jobs.until(blender, "Ready")
    assert HOME.name in jobs.newest().message, jobs.newest().message
    assert not scene.models("owl")

    yield from blender.open_file(HOME)
    yield from blender.wait_for(lambda: scene.models("owl"), "the model at home")
    assert len(scene.models("owl")) == 1
    yield from blender.open_tab("GENERIO")
    yield from jobs.until(blender, "Done")
    yield from blender.picture("other-file-home")
    yield from jobs.check_counters(blender, jobs.DONE, jobs.DONE)


ACTS = (import_into_another_file, place_at_home)
