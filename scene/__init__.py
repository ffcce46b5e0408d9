# SPDX-License-Identifier: GPL-3.0-or-later
"""The only room that reads or changes Blender data. Knows nothing of HTTP or of the service."""
