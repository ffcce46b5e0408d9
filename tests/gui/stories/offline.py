# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender may not use the network: the tab and the doctor say so, and have the button that allows it."""

import bpy

from tests.gui.driver import Driver, Steps

SERVICE = "https://flows.generio.ai"


def go_online(blender: Driver) -> Steps[None]:
    assert not bpy.app.online_access
    here, blender.preferences.service_url = blender.preferences.service_url, SERVICE
    yield from blender.open_tab("GENERIO")
    yield from blender.see("Blender is offline")
    for label in ("Generate", "Jobs"):
        yield from blender.see_no(label)
    yield from blender.picture("offline")
    yield from blender.click("Allow Online Access")
    yield from blender.wait_for(lambda: bpy.app.online_access, "online access")
    blender.preferences.service_url = here
    yield from blender.see("Generate Model")
    yield from blender.see_no("Set Up")

    panel = bpy.context.window_manager.generio
    bpy.context.preferences.system.use_online_access = False
    blender.preferences.service_url = SERVICE
    yield from blender.click("Connection")
    yield from blender.click("Check Connection")
    yield from blender.wait_for(lambda: panel.findings and not panel.checking, "the end of the check")
    verdicts = [row.verdict for row in panel.findings]
    assert verdicts == ["problem"] + ["skipped"] * 8, verdicts
    yield from blender.see("Online access: Blender is offline")
    yield from blender.picture("offline-doctor")
    yield from blender.click_icon("extensions.userpref_allow_online", 1)  # the first one is in Set Up
    yield from blender.wait_for(lambda: bpy.app.online_access, "online access")
    blender.preferences.service_url = here


ACTS = (go_online,)
