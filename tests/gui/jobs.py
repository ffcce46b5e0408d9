# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps around jobs that several stories take, and what the sandbox has counted."""

from typing import Any

import bpy

from tests.gui.driver import TIMEOUT, Driver, Failed, Steps

DONE = {"created": 1, "uploaded": 1, "started": 1, "run": 1, "downloaded": 1, "aborted": 0, "deleted": 0}
"""What the sandbox counts for a flow that was made once and fetched once."""

CANCELLED = {**DONE, "downloaded": 0, "aborted": 1}
FAILED = {**DONE, "downloaded": 0}
UNDER_WAY = FAILED


def ask_for(blender: Driver, prompt: str, quality: str = "Low") -> Steps[None]:
    """Type a prompt, choose how fine, and have it made."""
    yield from blender.type_into("Prompt", prompt)
    yield from blender.click(quality)
    yield from blender.click("Generate Model")


def newest() -> Any:
    """The row of the job that was asked for last; None where there is no job."""
    rows = bpy.context.window_manager.generio.jobs
    return rows[0] if rows else None


def until(blender: Driver, state: str, timeout: float = TIMEOUT) -> Steps[None]:
    """Wait until the newest job is in this state, as the screen calls it, and until that can be read.

    On a slow machine the job may be further on before it has been read.
    """
    yield from blender.wait_for(lambda: (job := newest()) and job.state == state.lower(), f"{state}", timeout)
    try:
        yield from blender.see(state)
    except Failed:
        if newest().state == state.lower():
            raise


def order(blender: Driver, outcome: str, **more: object) -> Steps[None]:
    """Let the next flow end like that; see tests/sandbox/faults.py."""
    yield from blender.ask_sandbox("PUT", "/_sandbox/faults", [{"flow": {"outcome": outcome, **more}}])


def delay_results(blender: Driver, seconds: float) -> Steps[None]:
    """Let the next model come so much later, where something is to be done with its placeholder before."""
    fault = {"method": "GET", "path": "/flows/*/outputs", "action": "delay", "seconds": seconds}
    yield from blender.ask_sandbox("PUT", "/_sandbox/faults", [fault])


def hold_results(blender: Driver) -> Steps[None]:
    """Let no model come until `release_results`, however long that takes."""
    fault = {"method": "GET", "path": "/flows/*/outputs", "action": "status", "times": -1}
    yield from blender.ask_sandbox("PUT", "/_sandbox/faults", [fault])


def release_results(blender: Driver) -> Steps[None]:
    """Let models come again."""
    yield from blender.ask_sandbox("PUT", "/_sandbox/faults", [])


def check_counters(blender: Driver, *expected: dict[str, int]) -> Steps[None]:
    """Make sure that the sandbox counted this, for each flow in the order in which they were created."""
    stats = yield from blender.ask_sandbox()
    counted = [{name: flow[name] for name in DONE} for flow in stats["flows"].values()]
    assert counted == list(expected), counted
