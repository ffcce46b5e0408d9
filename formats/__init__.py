# SPDX-License-Identifier: GPL-3.0-or-later
"""Files by their bytes: GLB, pictures, PNG, Exif, .blend. Knows neither HTTP nor Blender."""
