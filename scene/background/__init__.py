# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Blender in the background does for this one, and how that is started."""
