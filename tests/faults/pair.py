"""Two engines on one ledger: what a third left when it was killed, what each is asked for, and who places it.

Both try to take over, both try to place every result, and each is stopped in its tracks now and then for
longer than its lease, as a laptop does that is closed.
"""

import random
import signal
import subprocess
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from .processes import PATIENCE, last_words, worker
from .service import service
from .table import Report
from .verdict import judge
from .work import samples
from .worker import Plan

JOBS = 100
LEASE = 1.5
"""Seconds."""

STOPS = 6


def run(seed: int, share: float, folder: Path) -> Report:
    """Have as many jobs done as `share` of JOBS says."""
    report = Report("pair")
    dice = random.Random(f"{seed}/pair")
    count = max(15, round(JOBS * share))
    left_over = count // 5
    each = (count - left_over) // 2
    samples(folder / "user")
    with service("reference", "a-key") as sandbox:
        plan = Plan(
            str(folder),
            str(folder / "user"),
            "third",
            sandbox.url,
            "a-key",
            seed,
            lease=LEASE,
            belongs_to="any",
        )
        dying = replace(plan, count=left_over, at_once=left_over, moment="after saving uploaded", nth=4)
        with worker(dying) as process:
            process.wait(PATIENCE)
        # What the third has not come to ask for, the one does.
        one = replace(plan, scene="one", count=left_over + each)
        other = replace(plan, scene="other", first=one.count, count=count - one.count, seed=seed + 1)
        plans = (one, other)
        with ExitStack() as stack:
            processes = [stack.enter_context(worker(plan)) for plan in plans]
            stopped = 0
            for _ in range(max(2, round(STOPS * share))):
                stopped += _stop(dice.choice(processes), dice.uniform(0.1, 0.6))
            for process, each_plan in zip(processes, plans, strict=True):
                try:
                    code = process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    report.complaints.append(f"{each_plan.scene} never came to an end")
                    continue
                if code:
                    report.complaints.append(f"{each_plan.scene} ended with {code}: {last_words(each_plan)}")
        verdict = judge(folder, sandbox.stats().values(), ["one", "other"])
    report.complaints += verdict.complaints
    report.add("jobs / done", f"{verdict.jobs} / {verdict.done}")
    report.add("flows that ran", verdict.runs)
    report.add("stopped for longer than the lease", stopped)
    return report


def _stop(process: subprocess.Popen[str], after: float) -> bool:
    """Stop a process for a while; whether it was still at work."""
    time.sleep(after)
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE + 1.0)
    process.send_signal(signal.SIGCONT)
    return True
