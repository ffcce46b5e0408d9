# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on is disabled and enabled ten times during a job: nothing is left behind, and the job goes on."""

from tests.gui import jobs, leftovers, scene
from tests.gui.driver import Driver, Steps

TIMES = 10


def disable_and_enable(blender: Driver) -> Steps[None]:
    scene.clear_view()
    package = blender.package
    service, key = blender.preferences.service_url, blender.preferences.api_key
    yield from jobs.order(blender, "hang")
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A spinning top")
    yield from jobs.until(blender, "Running")
    before = leftovers.of_addon(package)
    kinds = {"classes", "operators", "properties", "handlers", "drawn in", "timers"}
    assert before.keys() >= kinds, before
    assert "threads" not in before, before
    assert "STATUSBAR_HT_header" in before["drawn in"], before

    for _ in range(TIMES):
        yield from blender.disable(package)
        assert not (left := leftovers.of_addon(package)), left
        yield from blender.enable(package)
        blender.preferences.service_url, blender.preferences.api_key = service, key
        yield from blender.wait_for(
            lambda: leftovers.of_addon(package).keys() == before.keys() and jobs.newest(), "all of it again"
        )
        again = leftovers.of_addon(package)
        assert again == before, (before, again)

    yield from blender.open_tab("GENERIO")
    yield from jobs.until(blender, "Running")
    yield from blender.click("Cancel")
    yield from jobs.until(blender, "Canceled")
    yield from jobs.check_counters(blender, jobs.CANCELLED)
    yield from blender.disable(package)
    yield from blender.picture("register-disabled")
    assert not (left := leftovers.of_addon(package)), left


ACTS = (disable_and_enable,)
