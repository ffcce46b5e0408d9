# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin operators: read the properties, hand over to jobs/ or scene/, report."""

from . import assets, compare, connection, drop, generate, jobs, lods, optimize, pictures, prompts

CLASSES = (
    *generate.CLASSES,
    *drop.CLASSES,
    *assets.CLASSES,
    *prompts.CLASSES,
    *pictures.CLASSES,
    *optimize.CLASSES,
    *lods.CLASSES,
    *compare.CLASSES,
    *jobs.CLASSES,
    *connection.CLASSES,
)
