# SPDX-License-Identifier: GPL-3.0-or-later
"""Settles the preferences of a fresh Blender: `blender --background --python prepare.py -- [SERVICE KEY]`."""

import sys

import bpy

settings = sys.argv[sys.argv.index("--") + 1 :]
preferences = bpy.context.preferences
preferences.view.show_splash = False
# Smoothing lines in software takes half of the time of a redraw.
preferences.system.viewport_aa = "OFF"
preferences.system.use_overlay_smooth_wire = False
if hasattr(preferences, "asset_libraries"):
    preferences.asset_libraries.use_online_essentials = False  # 5.2 would complain that it cannot load them
if settings:
    (addon,) = (addon for name, addon in preferences.addons.items() if name.endswith(".generio_flows"))
    addon.preferences.service_url, addon.preferences.api_key = settings
bpy.ops.wm.save_userpref()
