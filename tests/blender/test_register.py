"""Whatever enabling adds, disabling removes; and enabling costs nothing before there is something to do."""

import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import addon_utils
import bpy
import pytest

from tests.blender.conftest import EXTENSION, HOME
from tests.gui import leftovers


def test_ten_times_on_and_off_leaves_nothing(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")  # with an engine, ledger and rows
    engine, before = addon.session.current().engine.pid, leftovers.of_addon(EXTENSION)
    assert before.keys() >= {"classes", "operators", "properties", "handlers", "timers"}
    for _ in range(10):
        addon_utils.disable(EXTENSION, default_set=True)
        assert leftovers.of_addon(EXTENSION) == {}
        assert addon.jobs.process_id.began(engine) is None
        addon_utils.enable(EXTENSION, default_set=True)
        assert leftovers.of_addon(EXTENSION) == before


def test_enabling_opens_no_file_and_starts_no_process(sandbox):
    threads = set(threading.enumerate())
    addon_utils.enable(EXTENSION, default_set=True)
    assert set(threading.enumerate()) <= threads
    assert not list(HOME.rglob("jobs.sqlite"))
    assert sys.modules[EXTENSION].session.current().engine is None
    addon_utils.disable(EXTENSION, default_set=True)


def test_disabling_in_the_middle_of_a_check_ends_it(addon, monkeypatch: pytest.MonkeyPatch):
    connection = addon.operators.connection
    window = SimpleNamespace(
        app=SimpleNamespace(background=False, timers=bpy.app.timers), context=bpy.context
    )
    with monkeypatch.context() as patched:
        patched.setattr(connection, "bpy", window)
        connection.GENERIO_OT_test_connection.execute(None, bpy.context)  # nobody takes in what is found
    assert bpy.app.timers.is_registered(connection._drain)
    assert not bpy.ops.generio.test_connection.poll()
    addon_utils.disable(EXTENSION, default_set=True)
    try:
        assert not bpy.app.timers.is_registered(connection._drain)
    finally:
        addon_utils.enable(EXTENSION, default_set=True)
    assert bpy.ops.generio.test_connection.poll(), "another one can be started"


def test_disabling_in_the_middle_of_a_job_loses_nothing(addon, sandbox):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 1})
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.submit(
        addon.jobs.Job(
            addon.jobs.Request(
                service=sandbox.url,
                template="model_generate_fromprompt",
                name="A chair",
                prompt="A chair",
                destination=addon.session.current().document.at_cursor(bpy.context),
            ),
        )
    )
    addon_utils.disable(EXTENSION, default_set=True)
    addon_utils.enable(EXTENSION, default_set=True)
    preferences = bpy.context.preferences.addons[EXTENSION].preferences
    preferences.service_url, preferences.api_key = sandbox.url, sandbox.key
    carrier = addon.session.current().open_engine(bpy.context)
    addon.session.waiting.run_until(bpy.context, [job.token])
    assert carrier.job(job.token).state == "done"
    assert sandbox.stats()["run_total"] == 1


@pytest.fixture
def header() -> Iterator[Any]:
    """The header of the status bar; as it was, afterwards."""
    header: Any = bpy.types.STATUSBAR_HT_header
    before = header.draw
    yield header
    header.draw = before
    if hasattr(header, "_draw_orig"):
        del header._draw_orig


@pytest.mark.parametrize("meanwhile", [None, "Installing…", lambda header, context: None])
def test_the_status_bar_keeps_its_line_when_others_had_a_text_there(sandbox, header, meanwhile):
    """As Blender's installer of extensions has while it enables the add-on."""
    workspace = bpy.data.workspaces[0]
    workspace.status_text_set(meanwhile)
    addon_utils.enable(EXTENSION, default_set=True)
    ours = sys.modules[EXTENSION].panels.status_bar.draw
    workspace.status_text_set("Somebody's text")
    workspace.status_text_set(None)
    assert ours in header.draw._draw_funcs
    workspace.status_text_set(lambda header, context: None)
    addon_utils.disable(EXTENSION, default_set=True)
    workspace.status_text_set(None)
    assert ours not in getattr(header.draw, "_draw_funcs", ())
