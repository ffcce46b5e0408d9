# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab "GENERIO". Panels draw what the properties show; nothing is computed or fetched here."""

from . import connection, follow, generate, handles, jobs, menus, optimize, setup

CLASSES = (
    *setup.CLASSES,
    *generate.CLASSES,
    *follow.CLASSES,
    *optimize.CLASSES,
    *jobs.CLASSES,
    *connection.CLASSES,
    *handles.CLASSES,
    *menus.CLASSES,
)
