# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports: a converter writes files for a game engine from snapshots of meshes. Nothing is sent."""

from __future__ import annotations

import time
from pathlib import Path

from ...core import files
from ...core.destination import ExportFolder
from ...core.errors import NoChildBlender
from .. import exported
from ..errors import NoExporter, NotDelivered, folder_unusable
from ..job_folder import JobFolder
from ..model import Job
from ..step import Step
from .turn import Turn


def export(turn: Turn, job: Job) -> Job:
    """Write the files, and deliver them to the folder of the destination. An interrupted export starts anew.

    Raises NoExporter, NotDelivered, what `folder_unusable` gives, and what `turn.export` raises.
    """
    turn.make_folder()
    where, note = job.request.destination, JobFolder(turn.folder).exported
    assert isinstance(where, ExportFolder)
    try:
        turn.export(turn.resolve(job.request.source), note, turn.cancelled, turn.report)
    except NoChildBlender:
        raise NoExporter from None
    except OSError as error:
        raise folder_unusable(error) from None
    folder = Path(where.folder)
    try:
        delivered = exported.deliver(note, folder, job.token)
    except OSError as error:
        raise NotDelivered(folder, error) from None
    return job.advance_to(Step.PLACED, delivered=tuple(delivered), finished_at=time.time())


def clear(turn: Turn, job: Job) -> None:
    """Delete the snapshots and the order, once the store says that the files are delivered."""
    exported.delete(JobFolder(turn.folder).exported)
    order = turn.resolve(job.request.source)
    for path in (*JobFolder(order.parent).snapshots(), order):
        files.delete(path)
