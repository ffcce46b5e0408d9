# SPDX-License-Identifier: GPL-3.0-or-later
import bpy

lods = bpy.context.window_manager.operator_properties_last("generio.make_lods")

lods.method = "RATIO"
lods.levels = 2
lods.ratio = 25.0
lods.arrange = "HIDE"
