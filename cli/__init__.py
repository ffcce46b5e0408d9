# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `blender --command generio …`, or `python -m generio_flows …` where there is no Blender.

It carries jobs with the same engine and ledger as the window does, and hands results over as files.
"""
