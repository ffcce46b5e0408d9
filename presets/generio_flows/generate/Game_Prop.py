# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

panel = bpy.context.window_manager.generio

panel.quality = "HIGH"
panel.texture = True
panel.variants = 1
panel.then_optimize = True
panel.then_count = 10000
