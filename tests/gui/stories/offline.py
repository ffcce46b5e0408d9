# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender may not use the network: the tab says so, and has the button that allows it."""

import bpy

from tests.gui.driver import Driver, Steps


def go_online(blender: Driver) -> Steps[None]:
    assert not bpy.app.online_access
    here, blender.preferences.service_url = blender.preferences.service_url, "https://flows.generio.ai"
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


ACTS = (go_online,)
