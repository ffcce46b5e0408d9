# SPDX-License-Identifier: GPL-3.0-or-later
"""The job list cannot be opened, and later is found damaged: the panel says so, with buttons that help."""

import sqlite3
from pathlib import Path

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps


def path_of(blender: Driver) -> Path:
    return Path(bpy.utils.extension_path_user(blender.package, create=True)) / "jobs.sqlite"


def list_is_open() -> bool:
    jobs_panel = bpy.types.GENERIO_PT_jobs
    return not jobs_panel.poll(bpy.context)


def be_too_old(blender: Driver) -> Steps[None]:
    scene.clear_view()
    path = path_of(blender)
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    yield from blender.open_tab("GENERIO")
    yield from blender.see("newer version")
    yield from blender.see("Show Updates")
    yield from blender.picture("ledger-newer")
    yield from blender.click("Try Again")
    yield from blender.see("newer version", popup=True)
    yield from blender.press("ESC")
    path.unlink()  # from now on the list opens at the next look, which the add-on has by itself, too
    yield from blender.wait_for(list_is_open, "the list")
    yield from blender.see_no("Try Again")
    yield from jobs.ask_for(blender, "A clay pot")
    yield from jobs.until(blender, "Done")
    path.write_bytes(b"no database" * 1000)
    path.with_name(f"{path.name}-wal").unlink()
    blender.die()


def be_damaged(blender: Driver) -> Steps[None]:
    yield from blender.open_tab("GENERIO")
    yield from blender.see("was damaged")
    yield from blender.see("was found again")
    yield from blender.see("Open Folder")
    yield from blender.picture("ledger-damaged")
    yield from blender.click("OK")
    yield from blender.see_no("Open Folder")
    yield from blender.picture("ledger-mended")


ACTS = (be_too_old, be_damaged)
