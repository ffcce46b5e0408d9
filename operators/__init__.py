# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin operators: read the properties, hand over to jobs/ or scene/, report."""

from . import connection, generate, jobs, optimize

CLASSES = (*generate.CLASSES, *optimize.CLASSES, *jobs.CLASSES, *connection.CLASSES)
