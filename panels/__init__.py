# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab "GENERIO". Panels draw what the properties show; nothing is computed or fetched here."""

from ..session.session import Session
from . import (
    connection,
    generate,
    heavy_objects,
    jobs,
    lods,
    menus,
    my_flows,
    optimize,
    placeholder_gizmos,
    presets,
    selected_model,
    setup,
    templates,
    then_optimize,
    versions,
)
from .bell import Bell
from .job_counts import JobCounts
from .job_rows import JobRows
from .placeholders import Placeholders
from .status_bar import StatusBar

CLASSES = (
    *setup.CLASSES,
    *presets.CLASSES,
    *generate.CLASSES,
    *then_optimize.CLASSES,
    *selected_model.CLASSES,
    *optimize.CLASSES,
    *versions.CLASSES,
    *lods.CLASSES,
    *heavy_objects.CLASSES,
    *jobs.CLASSES,
    *my_flows.CLASSES,
    *templates.CLASSES,
    *connection.CLASSES,
    *placeholder_gizmos.CLASSES,
    *menus.CLASSES,
)


def observe(session: Session) -> None:
    """Let what is drawn of the jobs follow the session."""
    session.observers.append(session.part(JobCounts))
    session.observers.append(session.part(JobRows))
    session.observers.append(session.part(Placeholders))
    session.observers.append(session.part(StatusBar))
    session.observers.append(session.part(Bell))
