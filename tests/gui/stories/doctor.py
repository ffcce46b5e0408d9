# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection is checked: all is well; then the key is wrong, and the report does not hold it."""

import bpy

from tests.gui.driver import Driver, Steps


def check_the_connection(blender: Driver) -> Steps[None]:
    panel = bpy.context.window_manager.generio
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Connection")
    yield from blender.click("Check Connection")
    yield from blender.wait_for(lambda: panel.findings and not panel.checking, "the end of the check")
    assert [row.verdict for row in panel.findings] == ["ok"] * 9, [row.message for row in panel.findings]
    yield from blender.see("MB/s")
    yield from blender.picture("doctor-well")

    blender.preferences.api_key = "no-such-key"
    yield from blender.click("Check Connection")
    yield from blender.wait_for(lambda: panel.findings and not panel.checking, "the end of the check")
    assert panel.findings[7].remedy == "enter_key"
    yield from blender.see("did not accept")
    yield from blender.see("Enter Key")
    yield from blender.picture("doctor-key")
    yield from blender.open_tab("GENERIO", 200)
    yield from blender.see("Enter Key")
    yield from blender.picture("doctor-key-narrow")
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Copy Report")
    report = bpy.context.window_manager.clipboard
    assert "did not accept" in report
    assert "no-such-key" not in report


ACTS = (check_the_connection,)
