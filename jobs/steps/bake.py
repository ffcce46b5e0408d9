# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that no service has to do with: maps are baked on this computer, of a snapshot of two meshes."""

from __future__ import annotations

import time

from ...core.errors import NoChildBlender
from ..errors import NoBaker, folder_unusable
from ..job_folder import JobFolder
from ..job_parts import Result
from ..model import Job
from ..step import Step
from .turn import Turn


def bake(turn: Turn, job: Job) -> Job:
    """Bake; what an interrupted turn has made is made again, which costs nothing."""
    turn.make_folder()
    source = turn.resolve(job.request.source)
    if turn.bring_inputs_from(job, source.parent):
        source = turn.folder / source.name
    blend = JobFolder(turn.folder).baked(job)
    try:
        turn.bake(source, blend, turn.cancelled, turn.report)
    except NoChildBlender:
        raise NoBaker from None
    except OSError as error:
        raise folder_unusable(error) from None
    return job.advance_to(Step.READY, results=(Result("", str(blend)),), finished_at=time.time())
