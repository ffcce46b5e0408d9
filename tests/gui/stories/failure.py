# SPDX-License-Identifier: GPL-3.0-or-later
"""The service fails and says why; so does the panel, and Retry makes it good."""

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

REASON = "The kiln overheated"


def fail_and_retry(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from jobs.order(blender, "fail", reason=REASON)
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A china vase")
    yield from jobs.until(blender, "Failed")
    yield from blender.see("overheated")
    assert REASON in jobs.newest().message
    yield from blender.picture("failure-failed", until="My Flows")
    assert not scene.models("vase")
    yield from jobs.check_counters(blender, jobs.FAILED)

    yield from blender.click_icon("generio.retry_job", beside="Import")
    yield from jobs.until(blender, "Done")
    yield from blender.picture("failure-retried")
    assert len(scene.models("vase")) == 1
    yield from jobs.check_counters(blender, jobs.FAILED, jobs.DONE)


ACTS = (fail_and_retry,)
