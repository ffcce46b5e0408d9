# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension comes from a static repository, is upgraded from it, and goes, all in a window.

REPOSITORY in the environment is the address of its index.json; the host offers a newer version between acts.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

import bpy

from tests.gui import jobs, leftovers, scene
from tests.gui.driver import Driver, Steps

PACKAGE = "bl_ext.studio.generio_flows"
ID = "generio_flows"
KEY = "demo-key"
JOBS_AT_ONCE = 7


def install(blender: Driver) -> Steps[None]:
    scene.clear_view()
    extensions = bpy.context.preferences.extensions
    studio = extensions.repos.new(
        name="Studio", module="studio", remote_url=os.environ["REPOSITORY"], source="USER"
    )
    studio.enabled = True
    yield 0.5
    yield from synchronised(blender)
    bpy.ops.extensions.package_install("INVOKE_DEFAULT", repo_index=index(), pkg_id=ID)
    yield from blender.wait_for(lambda: PACKAGE in bpy.context.preferences.addons, "the extension")
    assert installed_version() == "0.0.1"
    service = os.environ["SERVICE"]
    preferences = blender.preferences
    preferences.api_key, preferences.service_url = KEY, service
    preferences.concurrent_jobs = JOBS_AT_ONCE
    bpy.ops.wm.save_userpref()
    yield from blender.open_tab("GENERIO")
    yield from jobs.ask_for(blender, "A tin drum")
    yield from blender.see_in_status_bar("A tin drum, Running")  # where the installer had a text of its own
    yield from jobs.until(blender, "Done")
    yield from blender.picture("repository-installed")


def upgrade(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.wait_for(jobs.newest, "the list of jobs")
    yield from synchronised(blender)
    bpy.ops.extensions.package_upgrade_all("INVOKE_DEFAULT")
    yield from blender.wait_for(lambda: installed_version() != "0.0.1", "the newer version")
    preferences = yield from blender.wait_for(lambda: blender.preferences, "the extension enabled again")
    kept = (preferences.api_key, preferences.service_url, preferences.concurrent_jobs)
    assert kept == (KEY, os.environ["SERVICE"], JOBS_AT_ONCE), "the preferences"
    yield from blender.open_tab("GENERIO")
    job = yield from blender.wait_for(jobs.newest, "the list of jobs")
    assert (job.name, job.state) == ("A tin drum", "ready"), "its file was not saved"
    yield from jobs.ask_for(blender, "A glass bell")
    yield from blender.wait_for(lambda: jobs.newest().name == "A glass bell", "the new job")
    yield from jobs.until(blender, "Done")
    yield from blender.picture("repository-upgraded")
    yield from jobs.check_counters(blender, jobs.DONE, jobs.DONE)


def remove(blender: Driver) -> Steps[None]:
    yield from blender.wait_for(jobs.newest, "the list of jobs")
    bpy.ops.extensions.package_uninstall("INVOKE_DEFAULT", repo_index=index(), pkg_id=ID)
    yield from blender.wait_for(lambda: PACKAGE not in bpy.context.preferences.addons, "an end")
    yield 2.0
    assert not (left := leftovers.of_addon(PACKAGE)), left
    bpy.ops.wm.save_userpref()


def index() -> int:
    """Which of the repositories it is."""
    return next(n for n, repo in enumerate(bpy.context.preferences.extensions.repos) if repo.name == "Studio")


def synchronised(blender: Driver) -> Steps[None]:
    """Fetch what the repository offers."""
    bpy.ops.extensions.repo_sync("INVOKE_DEFAULT", repo_index=index())
    yield 3.0


def installed_version() -> str:
    """The version whose files are there."""
    folder: Any = bpy.context.preferences.extensions.repos[index()].directory
    manifest = Path(folder) / ID / "blender_manifest.toml"
    return tomllib.loads(manifest.read_text())["version"] if manifest.exists() else ""


ACTS = (install, upgrade, remove)
