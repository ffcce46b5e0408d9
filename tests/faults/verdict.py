"""What must be true of a ledger, the service, the scenes and the disk when everything is over."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generio_flows.api import FlowsError, check_glb
from generio_flows.jobs import Job, Step
from generio_flows.jobs.errors import MAYBE_RUNNING
from generio_flows.jobs.job_folder import JobFolder
from generio_flows.jobs.store import JobStore

from .scene import Scene
from .work import SNAPSHOTS

ONCE = ("run", "started", "uploaded")
MAY_ASK = {"reference": "never", "one-shot": "where nothing runs", "quickstart": "always"}
"""Whether a job may end asking the user, who alone may have run again what perhaps has run, by profile. The
first can be asked about every step; the second has a list, in which what runs has to be found."""


@dataclass
class Verdict:
    """How many jobs ended how, and what is wrong."""

    jobs: int = 0
    done: int = 0
    asking: int = 0
    runs: int = 0
    complaints: list[str] = field(default_factory=list[str])


def judge(
    folder: Path, flows: Iterable[dict[str, Any]], scenes: Iterable[str], may_ask: str = "never"
) -> Verdict:
    """Look at everything that a worker's `folder` has to do with.

    flows: what the service counted. scenes: names of the files that results went into. may_ask: see MAY_ASK.
    """
    verdict = Verdict()
    ledger = JobStore(folder / "jobs.sqlite")
    jobs = ledger.jobs()
    ledger.close()
    placed = Counter(token for name in scenes for token in Scene(folder / f"{name}.json").placed)
    of_job: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for flow in flows:
        of_job[flow["additional"]["token"].partition(".")[0]].append(flow)
    for job in jobs:
        wrong = [*_wrong_at_the_service(job, of_job[job.token]), *_wrong_here(job, placed[job.token])]
        asking = (
            job.status.waiting and job.status.problem is not None and job.status.problem.code == MAYBE_RUNNING
        )
        runs = _times(of_job[job.token], "run")
        fair = asking and (may_ask == "always" or (may_ask == "where nothing runs" and not runs))
        if job.status.step is not Step.PLACED and not fair:
            wrong.append(f"ended as {job.state}: {job.status.problem and job.status.problem.message}")
        verdict.complaints += [
            f"{job.request.name} ({job.request.template}): {sentence}" for sentence in wrong
        ]
        verdict.done += job.status.step is Step.PLACED
        verdict.asking += asking
        verdict.runs += runs
    verdict.jobs = len(jobs)
    verdict.complaints += _lost(folder, {job.token for job in jobs})
    verdict.complaints += _left_behind(folder, jobs)
    return verdict


def _wrong_at_the_service(job: Job, flows: list[dict[str, Any]]) -> list[str]:
    """A flow that ran has run, was started, and got its input once; and no more than one has."""
    wrong = [f"has {what} {times} times" for what in ONCE if (times := _times(flows, what)) > 1]
    if job.status.step is Step.PLACED and _times(flows, "run") != 1:
        wrong.append("is done, but nothing has run")
    return wrong


def _times(flows: list[dict[str, Any]], what: str) -> int:
    """How often that was done to a job's flows; inputs count only where they led to a run."""
    return sum(flow[what] for flow in flows if what != "uploaded" or flow["run"])


def _wrong_here(job: Job, placed: int) -> list[str]:
    """A job that is done has a whole result, which is in the scene, once."""
    if job.status.step is not Step.PLACED:
        return [f"is not done, but {placed} times in the scene"] if placed else []
    wrong = [] if placed == 1 else [f"is {placed} times in the scene"]
    wrong += ["is in a scene that was saved, and the ledger does not know that"] if job.unsaved else []
    for result in job.placement.results:
        try:
            check_glb(Path(result.glb))
            if Path(result.blend).read_bytes() != Path(result.glb).read_bytes():
                wrong.append("was converted to half a file")
        except (FlowsError, OSError) as error:
            wrong.append(f"has no usable result: {error}")
    return wrong if job.placement.results else [*wrong, "has no result"]


def _lost(folder: Path, known: set[str]) -> list[str]:
    """What the user asked for, and the ledger knows nothing of."""
    asked_for = set((folder / "asked-for.txt").read_text().split())
    return [f"job {int(token, 16)} was asked for and is lost" for token in sorted(asked_for - known)]


def _left_behind(folder: Path, jobs: list[Job]) -> list[str]:
    """Files that nobody needs: every other one belongs to a job that is in the ledger."""
    wanted = {JobFolder(folder / "results" / job.token).request for job in jobs}
    # A snapshot has done its work when the job is done; the crash may have come before there was a job.
    over = {job.token for job in jobs if job.status.step is Step.PLACED}
    wanted |= {path for path in folder.rglob(SNAPSHOTS) if path.parent.name not in over}
    wanted |= {Path(path) for job in jobs for path in (job.request.input_path, job.request.source)}
    wanted |= {
        Path(path) for job in jobs for result in job.placement.results for path in (result.glb, result.blend)
    }
    everything = [path for place in ("results", "tmp") for path in (folder / place).rglob("*")]
    return [
        f"left behind: {path.relative_to(folder)}"
        for path in everything
        if path.is_file() and path not in wanted and not _is_a_probe_of_pythons(path)
    ]


def _is_a_probe_of_pythons(path: Path) -> bool:
    """Whether Python was killed while it looked for a folder that temporary files can be written to.

    `tempfile.gettempdir` writes four letters into a file without a prefix, and removes it.
    """
    if not re.fullmatch(r"[a-z0-9_]{8}", path.name):
        return False
    return path.parent.name == "tmp" and path.read_bytes() in (b"", b"blat")
