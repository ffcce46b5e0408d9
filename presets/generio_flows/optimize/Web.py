# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

panel = bpy.context.window_manager.generio

panel.target = "COUNT"
panel.polygon_count = 20000
panel.placement = "REPLACE"
panel.modifier_mode = "KEEP"
panel.texture_limit = "1024"
panel.carry_colors = True
panel.carry_normals = False
