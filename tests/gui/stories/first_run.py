# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh Blender has no key: the tab says so, and leads to where it is entered."""

import bpy

from tests.gui.driver import Driver, Steps


def enter_a_key(blender: Driver) -> Steps[None]:
    yield from blender.open_tab("GENERIO")
    for line in ("No API key yet", "A key links Blender to your account", "Get one, then enter it here"):
        yield from blender.see(line)
    assert not (yield from blender.is_greyed("Get a Key"))
    yield from blender.picture("first-run", through="Enter Key")
    for label in ("Generate", "Optimize", "Jobs", "Connection"):
        yield from blender.see_no(label)

    windows = bpy.context.window_manager.windows
    yield from blender.click("Enter Key")
    yield from blender.wait_for(lambda: len(windows) == 2, "the window of the preferences")
    assert windows[1].screen.areas[0].type == "PREFERENCES"
    assert bpy.context.preferences.active_section in ("ADDONS", "EXTENSIONS")
    yield from blender.picture("first-run-preferences")
    yield from blender.go_to_window(1)
    yield from blender.type_beside("API Key", "demo-key")
    yield from blender.close_window()
    assert blender.preferences.api_key == "demo-key"
    yield from blender.see("Generate Model")
    yield from blender.see_no("Set Up")


ACTS = (enter_a_key,)
