# SPDX-License-Identifier: GPL-3.0-or-later
"""A result becomes the mesh that was sent again, with what a GLB does not carry."""
