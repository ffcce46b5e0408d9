# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that takes too long is cancelled, here and at the service, and done after all by Retry."""

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps


def cancel_and_retry(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from jobs.order(blender, "hang")
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A garden gnome")
    yield from jobs.until(blender, "Running")
    yield from blender.click("Cancel")
    yield from jobs.until(blender, "Canceled")
    yield from blender.picture("cancel-cancelled")
    yield from jobs.check_counters(blender, jobs.CANCELLED)

    yield from blender.click_icon("generio.retry_job", beside="Import")
    yield from jobs.until(blender, "Done")
    yield from blender.picture("cancel-retried")
    assert len(scene.models("gnome")) == 1
    yield from jobs.check_counters(blender, jobs.CANCELLED, jobs.DONE)


ACTS = (cancel_and_retry,)
