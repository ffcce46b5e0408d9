# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin operators: read the properties, hand over to jobs/ or scene/, report."""

from . import compare, connection, generate, jobs, lods, optimize

CLASSES = (
    *generate.CLASSES,
    *optimize.CLASSES,
    *lods.CLASSES,
    *compare.CLASSES,
    *jobs.CLASSES,
    *connection.CLASSES,
)
