# SPDX-License-Identifier: GPL-3.0-or-later
"""A turn: one run of a job by a thread, and what that needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ...api import FlowsClient
from ...core import files
from ...core.files import atomic_path
from ..conversions import Work
from ..doubt import About, Doubt, OneShotServices
from ..errors import folder_unusable
from ..job_folder import JobFolder
from ..model import Job


class Outcome(NamedTuple):
    """How far a job has come, and in how many seconds to look at it again (None: the user's turn).

    doubt: what this turn heard and did not believe, "" for nothing.
    """

    job: Job
    retry_in: float | None = None
    doubt: About = ""


@dataclass(frozen=True, eq=False)
class Turn:
    """What the steps of one job need in one run of it, after which it waits or is over.

    client: gives the client to use, or raises NotReady. folder: the job's own. make_input, convert, warm,
    bake, export: see `conversions`. save: writes a job to the store, raises Cancelled if it is no longer
    ours. report: reports the progress 0..1. cancelled: asked all the time. is_taken: whether a flow belongs
    to another job. is_new: whether the job began in this process. recorded_flow: gives the id of the flow
    that the folder of the job knows, or "". others_run: whether other jobs run at the service now.
    one_shot_services: those that refuse an empty create. durations: seconds that flows of this kind took.
    doubt: what the turns before heard and did not believe. patience: seconds without any news of a flow,
    after which the user is asked (0 = never). delete_flows: whether a flow is deleted when all its models are
    here.
    """

    client: Callable[[], FlowsClient]
    folder: Path
    make_input: Callable[[Path, Path, Callable[[], bool]], None]
    convert: Callable[[Path, Path, Callable[[], bool]], None]
    warm: Callable[[], None]
    bake: Work
    export: Work
    save: Callable[[Job], None]
    report: Callable[[float | None], None]
    cancelled: Callable[[], bool]
    is_taken: Callable[[str], bool]
    is_new: bool
    recorded_flow: Callable[[], str]
    others_run: Callable[[], bool]
    one_shot_services: OneShotServices
    durations: Sequence[float]
    doubt: Doubt
    patience: float
    delete_flows: bool

    def make_folder(self) -> None:
        """Make sure that the job has a folder, and that the path of each file in it is short enough."""
        longest = JobFolder(self.folder).longest
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            longest.touch()
            files.delete(longest)
        except OSError as error:
            raise folder_unusable(error) from None

    def resolve(self, path: str) -> Path:
        """The absolute path of a file of the job."""
        # Without its "..", since the job's folder may not have been made yet.
        return Path(os.path.normpath(self.folder / path))

    def bring_inputs_from(self, job: Job, before: Path) -> bool:
        """Have what was sent beside the result, where conversions look for it; whether it lay elsewhere.

        before: where it lay when another results folder was chosen, if that is what has happened.
        """
        if before.name != job.token or before == self.folder:
            return False
        sources = JobFolder(before).snapshots()
        try:
            for source in sources:
                with atomic_path(self.folder / source.name) as part:
                    shutil.copyfile(source, part)
        except OSError as error:
            raise folder_unusable(error) from None
        return bool(sources)

    def report_bytes(self, done: int, total: int | None) -> None:
        """Report how much of a transfer is done."""
        self.report(min(1.0, done / total) if total else None)
