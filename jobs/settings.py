# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for all jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..api import PRODUCTION_URL
from .model import Job


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    folder: where each job keeps its files, in a folder of its own. base_url, api_key: see `FlowsClient`.
    online: whether the network may be used (loopback always may). concurrent_jobs: how many jobs are carried
    at once, the others are queued. patience: seconds without any news of a flow, after which the user is
    asked whether to go on (0 = never). results_limit: bytes of all jobs' files, beyond which the oldest
    models that are safely in a file go (0 = none). delete_flows: whether a flow is deleted at the service,
    for good, when all its models are here.
    """

    folder: Path
    base_url: str = PRODUCTION_URL
    api_key: str = field(default="", repr=False)
    online: bool = True
    concurrent_jobs: int = 4
    patience: float = 3600.0
    results_limit: int = 0
    delete_flows: bool = False

    def job_folder(self, token: str, job: Job | None) -> Path:
        """The folder that holds the files of the job with this token (it may not exist yet)."""
        here = self.folder / token
        if job is not None and job.placement.results:
            there = Path(
                job.placement.results[0].glb or job.placement.results[0].blend
            ).parent  # in the results folder of that time
            if there.name == token and there != here and not here.exists():
                return there
        return here
