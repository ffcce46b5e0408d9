# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes: a converter bakes maps from a snapshot of two meshes. Nothing is sent."""

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
    """Bake the maps. An interrupted bake starts anew, which costs nothing.

    Raises NoBaker, what `folder_unusable` gives, and what `turn.bake` raises.
    """
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
