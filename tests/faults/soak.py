"""A thousand jobs on one engine: what it holds after the first hundred is what it holds at the end.

`python -m tests.faults.soak plan.json` is the child; it measures itself, since only it knows when it rests.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from .impatience import hurry
from .measures import Holding
from .service import ROOT, service
from .table import Report
from .verdict import judge
from .work import samples
from .worker import Plan, Worker

JOBS = 1_000
WARM_UP = 1 / 10
BUSY = 0.01
"""How often the disk does not take a step: its job waits, and nobody else is held up by that."""

MORE_MEMORY = 24.0
"""MB; what the list of a thousand jobs and Python's own thrift with free memory may add."""

MORE_FILES = 2
PATIENCE = 1_200.0
"""Seconds for all jobs together; never a measure of speed."""


def run(seed: int, share: float, folder: Path) -> Report:
    """Have as many jobs done as `share` of JOBS says, and compare what was held."""
    report = Report("soak")
    count = max(40, round(JOBS * share))
    samples(folder / "user")
    with service("reference", "a-key") as sandbox:
        plan = Plan(
            str(folder),
            str(folder / "user"),
            "scene",
            sandbox.url,
            "a-key",
            seed,
            count=count,
            at_once=12,
            busy=BUSY,
        )
        command = [sys.executable, "-m", "tests.faults.soak", str(plan.write(folder / "plan.json"))]
        played = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True
        )
        verdict = judge(folder, sandbox.stats().values(), ["scene"])
    before, after = (Holding(**held) for held in json.loads(played.stdout))
    report.complaints = verdict.complaints
    if after.memory > before.memory + MORE_MEMORY:
        report.complaints.append(f"memory grew from {before.memory} to {after.memory} MB")
    if after.files > before.files + MORE_FILES:
        report.complaints.append(f"open files grew from {before.files} to {after.files}")
    if after.threads > before.threads:
        report.complaints.append(f"threads grew from {before.threads} to {after.threads}")
    report.add("jobs / done", f"{verdict.jobs:,} / {verdict.done:,}")
    report.add("peak memory after the first tenth, at the end", f"{before.memory} / {after.memory} MB")
    report.add("open files", f"{before.files} / {after.files}")
    report.add("threads", f"{before.threads} / {after.threads}")
    return report


def main() -> None:
    """The child: do the plan's jobs, and print what is held after the warm-up and at the end, as JSON."""
    hurry()
    plan = json.loads(Path(sys.argv[1]).read_text())
    count, warm_up = plan["count"], round(plan["count"] * WARM_UP)
    worker = Worker(Plan(**{**plan, "count": warm_up}))
    worker.carry()
    held = [Holding.now()]
    worker.want(warm_up, count - warm_up)
    worker.carry()
    held.append(Holding.now())
    worker.run()
    json.dump([asdict(holding) for holding in held], sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
