# SPDX-License-Identifier: GPL-3.0-or-later
"""A version is upgraded in the window in which its jobs are under way, and none is lost or run twice.

In the environment: FORMER is that version; RESULT is "done" where the models come by themselves in the end,
and "ready" where they wait to be imported, for version 0.1.0 does not tell the next one which file is open;
REPOSITORY is the address of an index.json, which offers the present version once something is posted there.
"""

import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps
from tests.gui.stories.repository import (
    ID,
    KEY,
    PACKAGE,
    index,
    installed_version,
    synchronised,
)

FORMER, RESULT = (os.environ.get(name, "") for name in ("FORMER", "RESULT"))


def upgrade(blender: Driver) -> Steps[None]:
    scene.clear_view()
    studio = bpy.context.preferences.extensions.repos.new(
        name="Studio", module="studio", remote_url=os.environ["REPOSITORY"], source="USER"
    )
    studio.enabled = True
    yield 0.5
    yield from synchronised(blender)
    bpy.ops.extensions.package_install("INVOKE_DEFAULT", repo_index=index(), pkg_id=ID)
    yield from blender.wait_for(lambda: PACKAGE in bpy.context.preferences.addons, "the extension")
    assert installed_version() == FORMER
    preferences = blender.preferences
    preferences.api_key, preferences.service_url = KEY, os.environ["SERVICE"]
    yield from blender.open_tab("GENERIO")
    for prompt in ("A tin drum", "A glass bell"):
        yield from jobs.ask_for(blender, prompt)
        yield from blender.wait_for(lambda prompt=prompt: prompt in names(), prompt)
    yield from blender.wait_for(
        lambda: [row.state.lower() for row in rows()] == ["running"] * 2, "two running flows"
    )
    yield from blender.picture("upgrade-former")
    # In the tab of 0.1.0 some texts have no room, and it had threads.
    blender.cut.clear()
    blender.threads.clear()

    urllib.request.urlopen(urllib.request.Request(os.environ["REPOSITORY"], method="POST")).close()
    yield from synchronised(blender)
    yield from blender.wait_for(lambda: offered_version() != FORMER, "the list of what is offered")
    yield 1.0  # for the lock of the repository
    bpy.ops.extensions.package_upgrade_all("INVOKE_DEFAULT")
    yield from blender.wait_for(lambda: installed_version() != FORMER, "the present version")
    yield from blender.wait_for(lambda: blender.preferences, "the extension enabled again")
    assert blender.preferences.api_key == KEY
    yield from blender.wait_for(lambda: len(rows()) == 2, "the list of jobs")
    yield 1.0  # until the tab is drawn again
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("upgrade-present")
    yield from blender.wait_for(lambda: {row.state for row in rows()} == {RESULT}, "both models", 180.0)
    for left in range(len(ready()) - 1, -1, -1):
        yield from blender.click_icon("generio.import_result")
        yield from blender.wait_for(lambda left=left: len(ready()) == left, "a model that was imported")
    assert {"A tin drum", "A glass bell"} <= {item.name for item in bpy.data.objects}
    yield from blender.picture("upgrade-done")
    yield from jobs.check_counters(blender, jobs.DONE, jobs.DONE)


def rows() -> list[Any]:
    """The rows of the job list."""
    return list(bpy.context.window_manager.generio.jobs)


def offered_version() -> str:
    """The version that the repository offers, as far as Blender knows."""
    folder: Any = bpy.context.preferences.extensions.repos[index()].directory
    offered = json.loads((Path(folder) / ".blender_ext/index.json").read_text())
    return offered["data"][0]["version"]


def ready() -> list[str]:
    """What the jobs are called whose models wait to be imported."""
    return [row.name for row in rows() if row.state == "ready"]


def names() -> list[str]:
    """What the jobs in the list are called."""
    return [row.name for row in rows()]


ACTS = (upgrade,)
