# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab "GENERIO". Panels draw what the properties show; nothing is computed or fetched here."""

from . import connection, generate, jobs, menus, optimize, placeholder_gizmos, setup, then_optimize

CLASSES = (
    *setup.CLASSES,
    *generate.CLASSES,
    *then_optimize.CLASSES,
    *optimize.CLASSES,
    *jobs.CLASSES,
    *connection.CLASSES,
    *placeholder_gizmos.CLASSES,
    *menus.CLASSES,
)
