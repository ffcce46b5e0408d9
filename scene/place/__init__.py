# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished models come into the open file."""
