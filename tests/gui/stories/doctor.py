# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection is checked: all is well, nothing answers, the key is wrong; the report does not hold it."""

import bpy

from tests.gui.driver import Driver, Steps

NOBODY = "http://127.0.0.1:9"


def check(blender: Driver, button: str = "Check Connection") -> Steps[None]:
    panel = bpy.context.window_manager.generio
    yield from blender.click(button)
    yield from blender.wait_for(lambda: panel.findings and not panel.checking, "the end of the check")


def check_the_connection(blender: Driver) -> Steps[None]:
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    for name in ("Generate", "Optimize"):  # whose room the findings need
        yield from blender.click(name)
    yield from blender.click("Connection")
    yield from check(blender)
    assert [row.verdict for row in panel.findings] == ["ok"] * 9, [row.message for row in panel.findings]
    yield from blender.see("MB/s")
    yield from blender.picture("doctor-well", since="Connection", through="Show Log")

    here, blender.preferences.service_url = blender.preferences.service_url, NOBODY
    yield from check(blender)
    yield from blender.see("Nothing answers")
    yield from blender.picture("doctor-nobody")
    blender.preferences.service_url = here
    yield from check(blender, "Check Again")
    assert [row.verdict for row in panel.findings] == ["ok"] * 9, [row.message for row in panel.findings]

    blender.preferences.api_key = "no-such-key"
    yield from check(blender)
    assert panel.findings[7].remedy == "enter_key"
    yield from blender.see("rejected the API")
    yield from blender.see("Enter Key")
    yield from blender.picture("doctor-key", since="Connection", through="Show Log")
    yield from blender.narrow_picture("doctor-key-narrow", "Enter Key")
    yield from blender.click("Copy for a Bug Report")
    report = bpy.context.window_manager.clipboard
    assert "rejected the API" in report
    assert "no-such-key" not in report


ACTS = (check_the_connection,)
