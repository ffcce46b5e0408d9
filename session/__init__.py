# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Blender knows while the add-on is enabled: the engine, coming results, the form."""
