# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine dies while it sends, waits and fetches, and Blender is quit meanwhile: nobody is bothered."""

import os
import signal
import sys
from typing import Any

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

SLOW = 4.0
"""Seconds for which a request is held, so that there is time to kill whoever waits for its answer."""

TARGET = 4000


def addon(blender: Driver) -> Any:
    return sys.modules[blender.package]


def engine(blender: Driver) -> Any:
    return addon(blender).session.current().engine


def delay(blender: Driver, method: str, path: str) -> Steps[None]:
    fault = {"method": method, "path": path, "action": "delay", "seconds": SLOW}
    yield from blender.ask_sandbox("PUT", "/_sandbox/faults", [fault])


def kill_at(blender: Driver, step: str) -> Steps[None]:
    """Kill the engine when the newest job is at a step; until the job is done, the list shows no trouble."""

    def job() -> Any:
        row = jobs.newest()
        return engine(blender).job(row.token) if row else None

    yield from blender.wait_for(lambda: (known := job()) and known.status.step == step, f"the step {step}")
    before = engine(blender).pid
    os.kill(before, signal.SIGKILL)
    states = addon(blender).jobs.states.STATES
    trouble: set[str] = set()

    def is_done() -> bool:
        row = jobs.newest()
        if "TROUBLE" in states[row.state].filters or row.fix:
            trouble.add(f"{row.state}: {row.message}")
        return row.state == "done"

    yield from blender.wait_for(is_done, "Done")
    assert not trouble, trouble
    assert engine(blender).notice is None
    assert engine(blender).pid not in (0, before)


def check_runs(blender: Driver, flows: int) -> Steps[None]:
    """Make sure that so many flows have run since the story began, each once."""
    stats = yield from blender.ask_sandbox()
    assert [flow["run"] for flow in stats["flows"].values() if flow["run"]] == [1] * flows


def while_it_sends(blender: Driver) -> Steps[None]:
    scene.clear_view()
    scene.add_heavy_mesh()
    yield from blender.open_tab("GENERIO")
    yield from blender.see("61,952 triangles")
    yield from blender.click("Total")
    yield from blender.type_into("Triangles", str(TARGET))
    yield from delay(blender, "POST", "/flows/*/input*")
    yield from blender.click("Optimize Selected")
    yield from kill_at(blender, "uploading")
    assert TARGET // 2 < scene.triangles(scene.HEAVY) <= TARGET
    yield from blender.picture("engine-killed-sending")
    yield from check_runs(blender, 1)


def while_it_waits(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A paper lantern", "High")
    yield from kill_at(blender, "started")
    assert len(scene.models("lantern")) == 1
    yield from blender.picture("engine-killed-running")
    yield from check_runs(blender, 2)


def while_it_fetches(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from delay(blender, "GET", "/flows/*/outputs/*")
    yield from jobs.ask_for(blender, "A tin robot")
    yield from kill_at(blender, "completed")
    assert len(scene.models("robot")) == 1
    yield from blender.picture("engine-killed-fetching")
    yield from check_runs(blender, 3)


def quit_in_the_middle(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A stone owl", "High")
    yield from jobs.until(blender, "Running")


def find_it_ready(blender: Driver) -> Steps[None]:
    """The file was never saved, so the model belongs nowhere any more, and waits for whoever wants it."""
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from jobs.until(blender, "Ready")
    assert not scene.models("owl")
    yield from blender.picture("quit-ready")
    yield from blender.click("Import")
    yield from jobs.until(blender, "Done")
    assert len(scene.models("owl")) == 1
    yield from check_runs(blender, 4)


ACTS = (while_it_sends, while_it_waits, while_it_fetches, quit_in_the_middle, find_it_ready)
