"""How many jobs run, how many wait, and that what holds up all of them is said once."""

import time

import bpy
import pytest

from tests.blender.job_fixtures import panel, wish
from tests.blender.panels.test_remedy_buttons import drawn, unwrapped

__all__ = ["unwrapped"]  # a fixture

NOWHERE = "http://127.0.0.1:9"
"""Nothing listens at this port."""


def ticks(addon, condition) -> None:
    end = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < end
        addon.session.current().tick(bpy.context)
        time.sleep(0.02)


def counts(addon):
    return addon.session.current().part(addon.panels.job_counts.JobCounts)


def line(addon) -> str:
    return addon.session.current().part(addon.panels.status_bar.StatusBar).text


@pytest.fixture
def ask(addon, sandbox):
    """Asks for so many models at once."""

    def submit(count: int, **changes) -> None:
        where = addon.session.current().document.at_cursor(bpy.context)
        engine = addon.session.current().open_engine(bpy.context)
        wishes = [wish(addon, sandbox, f"Chair {number}", where) for number in range(count)]
        engine.submit_all([each.changed(**changes) for each in wishes])

    return submit


def test_what_is_queued_does_not_run(addon, sandbox, ask):
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    ask(6)
    ticks(addon, lambda: [row.state for row in panel().jobs].count("running") == 4)
    assert (counts(addon).running, counts(addon).queued) == (4, 2)
    assert counts(addon).header() == "4 of 6 running"
    assert line(addon) == "4 models under way, 2 queued"


def test_where_nothing_answers_that_is_said_once_above_all_that_wait(addon, ask):
    addon.session.preferences.preferences(bpy.context).service_url = NOWHERE
    ask(7, service=NOWHERE)
    ticks(addon, lambda: (found := counts(addon).obstacle) and found.count == 7 and not counts(addon).running)
    assert counts(addon).header() == "7 waiting"
    assert line(addon) == "Nothing answers at the service's address. 7 jobs wait for this"
    panel().active_job = next(
        index for index, row in enumerate(panel().jobs) if row.state == "waiting" and row.message
    )
    layout = drawn(addon.panels.jobs.GENERIO_PT_jobs)
    assert layout.texts.count("Nothing answers at the service's address.") == 1
    assert "7 jobs wait for this" in layout.texts
    assert layout.buttons[:2] == ["generio.retry_waiting_jobs", "preferences.addon_show"]


def test_when_it_is_mended_they_go_on_and_nothing_more_is_said(addon, sandbox, ask):
    chosen = addon.session.preferences.preferences(bpy.context)
    chosen.service_url = NOWHERE
    ask(5, service=NOWHERE)
    ticks(addon, lambda: counts(addon).obstacle)
    chosen.service_url = sandbox.url
    assert bpy.ops.generio.retry_waiting_jobs() == {"FINISHED"}
    ticks(addon, lambda: all(row.finished for row in panel().jobs))
    addon.session.current().tick(bpy.context)
    assert counts(addon).obstacle is None
    assert counts(addon).header() == ""
    assert sandbox.stats()["run_total"] == 5


def test_a_refused_key_is_said_with_where_to_enter_another(addon, ask):
    addon.session.preferences.preferences(bpy.context).api_key = "no-such-key"
    ask(1)
    ticks(addon, lambda: counts(addon).obstacle)
    layout = drawn(addon.panels.jobs.GENERIO_PT_jobs)
    assert "1 job waits for this" in layout.texts
    assert sum("rejected the API key" in text for text in layout.texts) == 1
    assert layout.buttons.count("preferences.addon_show") == 1
